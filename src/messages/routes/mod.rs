//! The HTTP side of messages: what comes in, what goes out, and nothing else.

mod change;
mod history;
mod pins;
mod reactions;
mod send;

use super::present::{self, ClientEvent, Viewer};
use super::visibility;
use crate::app::App;
use crate::error::Result;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::model::{Placed, Shown};
use crate::events::store;
use crate::http::api::{Routes, get, post, put};
use crate::http::caller::Caller;
use crate::messages::error::MessageError;

/// Every route of messages.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/rooms/{room_id}/messages", get(history::list))
        .route("/v1/rooms/{room_id}/send", post(send::send))
        .route("/v1/rooms/{room_id}/events/{event_id}", get(history::show))
        .route(
            "/v1/rooms/{room_id}/events/{event_id}/edit",
            post(change::edit),
        )
        .route(
            "/v1/rooms/{room_id}/events/{event_id}/redact",
            post(change::redact),
        )
        .route(
            "/v1/rooms/{room_id}/events/{event_id}/reaction",
            post(reactions::add).delete(reactions::remove),
        )
        .route(
            "/v1/rooms/{room_id}/events/{event_id}/reactions",
            get(reactions::list),
        )
        .route(
            "/v1/rooms/{room_id}/events/{event_id}/thread",
            get(history::thread),
        )
        .route("/v1/rooms/{room_id}/pins", get(pins::list))
        .route(
            "/v1/rooms/{room_id}/pins/{event_id}",
            put(pins::add).delete(pins::remove),
        )
        .route("/v1/rooms/{room_id}/read-marker", put(history::mark_read))
}

/// The caller as one who reads a room that exists.
async fn viewer<'a>(app: &'a App, caller: &'a Caller, room_id: RoomId) -> Result<Viewer<'a>> {
    let tenant = &caller.tenant;
    let db = app.db();
    let found = visibility::of(tenant, db.reader(), room_id, caller.participant_id).await?;
    Ok(Viewer {
        tenant,
        db,
        id: caller.participant_id,
        room_id,
        readable: found.ok_or(MessageError::NotMember)?,
    })
}

/// An event that the viewer is shown, at least in the stream.
async fn event_of(viewer: &Viewer<'_>, event_id: EventId) -> Result<Placed> {
    let found = store::by_id(viewer.tenant, viewer.db.reader(), event_id).await?;
    let shown = found.filter(|placed| {
        placed.event.room_id == viewer.room_id
            && placed.shown != Shown::Never
            && viewer.readable.covers(placed.position)
    });
    Ok(shown.ok_or(MessageError::NoSuchEvent)?)
}

/// The event as history shows it now.
async fn shown(viewer: &Viewer<'_>, event_id: EventId) -> Result<ClientEvent> {
    let placed = event_of(viewer, event_id).await?;
    if !viewer.readable.shows(&placed) {
        return Err(MessageError::NoSuchEvent.into());
    }
    let event = present::event(viewer, &placed).await?;
    Ok(event.ok_or(MessageError::NoSuchEvent)?)
}
