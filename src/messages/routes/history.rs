//! Reading what was said, and how far one has read.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::{event_of, shown, viewer};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::json::Body;
use crate::http::paging::{CursorPage, Next};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::messages::error::MessageError;
use crate::messages::present::{self, ClientEvent, Viewer};
use crate::messages::store::history::{self, Direction};
use crate::messages::store::{move_markers, threads};
use crate::messages::{Unread, unread};
use crate::presence::{Audience, LiveFrame};
use crate::rooms::{access, perform};

/// `GET {r}/messages`, beside the page.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct HistoryQuery {
    #[serde(default)]
    direction: Way,
    #[garde(inner(length(bytes, max = 1000)))]
    types: Option<String>,
}

/// Which way a page goes.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
enum Way {
    #[default]
    Back,
    Forward,
}

/// `PUT {r}/read-marker`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ReadTo {
    event_id: EventId,
}

/// How far one has read.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Marker {
    last_read_event_id: Option<EventId>,
    unread_count: i64,
    mention_count: i64,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Query(query): Query<HistoryQuery>,
    page: CursorPage,
) -> Result<DataMeta<Vec<ClientEvent>, Next>> {
    let from = page.position()?;
    let types = types(query.types.as_deref())?;
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let direction = match query.direction {
        Way::Back => Direction::Back,
        Way::Forward => Direction::Forward,
    };
    let mut rows = history::page(
        viewer.tenant,
        viewer.db,
        row.id,
        viewer.readable,
        (direction, from),
        &types,
        page.fetch(),
    )
    .await?;
    let meta = Next::of_position(&mut rows, page.limit, |placed| placed.position);
    Ok(DataMeta(present::events(&viewer, &rows).await?, meta))
}

/// The types of the log that clients mean: a membership event may also be a home server's record of a leave.
fn types(list: Option<&str>) -> Result<Vec<String>> {
    let Some(list) = list else {
        return Ok(Vec::new());
    };
    let mut types = Vec::new();
    for word in list.split(',') {
        let event_type: EventType = word.trim().parse().map_err(|_| {
            Error::validation(
                "query.types",
                Reason::Format,
                "must be event types, separated by commas",
            )
        })?;
        if event_type == EventType::ROOM_MEMBER {
            types.push(EventType::ROOM_LEAVE.to_string());
        }
        types.push(event_type.to_string());
    }
    Ok(types)
}

pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
) -> Result<Data<ClientEvent>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let event_id = event_id.or(Code::EventNotFound)?;
    Ok(Data(shown(&viewer, event_id).await?))
}

pub(super) async fn thread(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    page: CursorPage,
) -> Result<DataMeta<Vec<ClientEvent>, Next>> {
    let from: Option<i64> = page.key()?;
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let root = event_of(&viewer, event_id.or(Code::EventNotFound)?).await?;
    if !viewer.readable.shows(&root) {
        return Err(MessageError::NoSuchEvent.into());
    }
    let (tenant, db, root) = (viewer.tenant, viewer.db, root.event.event_id);
    let limit = page.fetch();
    let mut rows = threads::page(tenant, db, row.id, viewer.readable, root, from, limit).await?;
    let meta = Next::of(&mut rows, page.limit, |placed| placed.position);
    Ok(DataMeta(present::events(&viewer, &rows).await?, meta))
}

pub(super) async fn mark_read(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<ReadTo>,
) -> Result<Committed<Data<Marker>>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let placed = event_of(&viewer, body.event_id).await?;
    let marker = (viewer.id, row.id, body.event_id, placed.position);
    let mut tx = app.db().begin().await?;
    move_markers(viewer.tenant, &mut tx, &[marker]).await?;
    let committed = tx.commit(()).await?;
    let read = unread(viewer.tenant, viewer.db, viewer.id, row.id).await?;
    tell_own_devices(&app, &viewer, &read);
    let Unread {
        unread_count,
        mention_count,
        last_read_event_id,
    } = read;
    Ok(committed.map(|()| {
        Data(Marker {
            last_read_event_id,
            unread_count,
            mention_count,
        })
    }))
}

/// The other devices of the person drop what has been read on this one. Others are never shown how far one has read.
fn tell_own_devices(app: &App, viewer: &Viewer<'_>, read: &Unread) {
    let Some(event_id) = read.last_read_event_id else {
        return;
    };
    let frame = LiveFrame::ReadMarker {
        room_id: viewer.room_id,
        event_id,
        unread_count: read.unread_count,
    };
    let own = Audience::People(vec![viewer.id]);
    let text = frame.text(viewer.tenant, app.now());
    app.presence().live().publish(viewer.tenant, &own, &text);
}
