//! The HTTP side of messages: what comes in, what goes out, and nothing else.

mod change;
mod history;
mod reactions;
mod send;

use axum::Router;
use axum::routing::{get, post, put};

use super::present::{self, ClientEvent};
use crate::app::App;
use crate::error::Result;
use crate::events::core::ids::EventId;
use crate::events::store;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::messages::error::MessageError;

/// Every route of messages.
pub fn routes() -> Router<App> {
    Router::new()
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
        .route("/v1/rooms/{room_id}/read-marker", put(history::mark_read))
}

/// The event as it is now.
async fn shown(app: &App, caller: &Caller, event_id: EventId) -> Result<Data<ClientEvent>> {
    let found = store::by_id(&caller.tenant, app.db(), event_id).await?;
    let placed = found.ok_or(MessageError::NoSuchEvent)?;
    let room_id = placed.event.room_id;
    let mut events = present::events(
        &caller.tenant,
        app.db(),
        caller.participant_id,
        room_id,
        std::slice::from_ref(&placed),
    )
    .await?;
    Ok(Data(events.pop().ok_or(MessageError::NoSuchEvent)?))
}
