//! Messages that are kept at hand.

use axum::extract::State;

use super::change::ids;
use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::{EventId, RoomId};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta, Done, ok};
use crate::http::paging::{CursorPage, Next};
use crate::http::path::{Path, PathId};
use crate::messages::present::{self, ClientEvent};
use crate::messages::store::pins;
use crate::rooms::core::content::Action;
use crate::rooms::core::decide::Command;
use crate::rooms::{access, perform};

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    page: CursorPage,
) -> Result<DataMeta<Vec<ClientEvent>, Next>> {
    let from: Option<i64> = page.key()?;
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let (tenant, db, readable) = (viewer.tenant, viewer.db, viewer.readable);
    let mut rows = pins::page(tenant, db, row.id, readable, from, page.fetch()).await?;
    let meta = Next::of(&mut rows, page.limit, |(_, pinned_at)| *pinned_at);
    let messages: Vec<_> = rows.into_iter().map(|(message, _)| message).collect();
    Ok(DataMeta(present::events(&viewer, &messages).await?, meta))
}

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
) -> Result<Committed<Data<Done>>> {
    change(&app, &caller, room_id, event_id, Action::Add).await
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
) -> Result<Committed<Data<Done>>> {
    change(&app, &caller, room_id, event_id, Action::Remove).await
}

async fn change(
    app: &App,
    caller: &Caller,
    room_id: PathId<RoomId>,
    event_id: PathId<EventId>,
    action: Action,
) -> Result<Committed<Data<Done>>> {
    let (room_id, target) = ids(app, caller, room_id, event_id).await?;
    let row = perform::find(app, &caller.tenant, room_id).await?;
    let command = Command::Pin { target, action };
    let done = perform::perform(app, caller, &row, command).await?;
    Ok(done.map(|_| ok()))
}
