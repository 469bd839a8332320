//! The HTTP side of inbox and snoozes.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use uuid::Uuid;

use super::model::{InboxItem, ListedSnooze, Snooze};
use super::store;
use super::{inbox, snoozes};
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::parse_iso;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::EventId;
use crate::http::api::{Routes, delete, get, post};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta, Done, ok};
use crate::http::json::Body;
use crate::http::paging::{CursorPage, Next};
use crate::http::path::{Path, PathId};

/// The routes of this domain.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/inbox/priority", get(list_inbox))
        .route("/v1/inbox/priority/{event_id}", delete(dismiss))
        .route("/v1/messages/{event_id}/snooze", post(snooze))
        .route("/v1/me/snoozes", get(list_snoozes))
        .route("/v1/me/snoozes/{task_id}", delete(take_back))
}

async fn list_inbox(
    State(app): State<App>,
    caller: Caller,
    page: CursorPage<20, 100>,
) -> Result<DataMeta<Vec<InboxItem>, Next>> {
    let from = page.position()?;
    let mut rows = inbox::page(&app, &caller, from, page.fetch()).await?;
    let meta = Next::of_position(&mut rows, page.limit, |(position, _)| *position);
    let items = rows.into_iter().map(|(_, item)| item).collect();
    Ok(DataMeta(items, meta))
}

async fn dismiss(
    State(app): State<App>,
    caller: Caller,
    Path(event_id): Path<PathId<EventId>>,
) -> Result<Committed<Data<Done>>> {
    let event_id = event_id.or(Code::NotFound)?;
    let done = inbox::dismiss(&app, &caller, event_id).await?;
    Ok(done.map(|()| ok()))
}

/// `POST /v1/messages/{event_id}/snooze`
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct NewSnooze {
    until: String,
}

async fn snooze(
    State(app): State<App>,
    caller: Caller,
    Path(event_id): Path<PathId<EventId>>,
    Body(new): Body<NewSnooze>,
) -> Result<Committed<Data<Snooze>>> {
    let until = parse_iso(&new.until)
        .map_err(|_| Error::validation("body.until", Reason::Format, "must be a time"))?;
    let event_id = event_id.or(Code::EventNotFound)?;
    let added = snoozes::add(&app, &caller, event_id, until).await?;
    Ok(added.map(Data))
}

async fn list_snoozes(
    State(app): State<App>,
    caller: Caller,
    page: CursorPage,
) -> Result<DataMeta<Vec<ListedSnooze>, Next>> {
    let from: Option<(i64, Uuid)> = page.key()?;
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let mut rows = store::snoozes::page(tenant, app.db(), id, from, page.fetch()).await?;
    let meta = Next::of(&mut rows, page.limit, |row| (row.until, row.task_id));
    Ok(DataMeta(snoozes::listed(&app, &caller, &rows).await?, meta))
}

async fn take_back(
    State(app): State<App>,
    caller: Caller,
    Path(task_id): Path<PathId<Uuid>>,
) -> Result<Committed<Data<Done>>> {
    let task_id = task_id.or(Code::NotFound)?;
    let done = snoozes::take_back(&app, &caller, task_id).await?;
    Ok(done.map(|()| ok()))
}
