//! The HTTP side of rooms: what comes in, what goes out, and nothing else.

mod directory;
mod invitations;
mod members;
mod own;
mod room;
mod settings;

use super::present::Viewer;
use crate::app::App;
use crate::http::api::{Routes, delete, get, post, put};
use crate::http::caller::Caller;

/// Every route of rooms.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/rooms", post(room::create))
        .route("/v1/rooms/dm", post(room::create_dm))
        .route("/v1/me/federated-dms", post(room::create_federated_dm))
        .route("/v1/rooms/archived", get(directory::archived))
        .route("/v1/rooms/{room_id}", get(room::show))
        .route("/v1/rooms/{room_id}/state", get(room::snapshot))
        .route("/v1/rooms/{room_id}/archive", post(room::archive))
        .route("/v1/rooms/{room_id}/close", post(room::close))
        .route("/v1/rooms/{room_id}/rejoin", post(room::rejoin))
        .route("/v1/rooms/{room_id}/members", get(members::list))
        .route("/v1/rooms/{room_id}/join", post(members::join))
        .route("/v1/rooms/{room_id}/knock", post(members::knock))
        .route("/v1/rooms/{room_id}/leave", post(members::leave))
        .route("/v1/rooms/{room_id}/kick", post(members::kick))
        .route("/v1/rooms/{room_id}/ban", post(members::ban))
        .route("/v1/rooms/{room_id}/unban", post(members::unban))
        .route(
            "/v1/rooms/{room_id}/members/{participant_id}/power-level",
            put(members::set_level),
        )
        .route("/v1/rooms/{room_id}/invite", post(invitations::invite))
        .route(
            "/v1/rooms/{room_id}/invitations",
            get(invitations::of_room).post(invitations::invite),
        )
        .route(
            "/v1/rooms/{room_id}/invitations/{participant_id}",
            delete(invitations::withdraw),
        )
        .route("/v1/me/invitations", get(invitations::own))
        .route(
            "/v1/me/invitations/{room_id}/accept",
            post(invitations::accept),
        )
        .route(
            "/v1/me/invitations/{room_id}/decline",
            post(invitations::decline),
        )
        .route(
            "/v1/rooms/{room_id}/power-levels",
            get(settings::levels).put(settings::set_levels),
        )
        .route("/v1/rooms/{room_id}/name", put(settings::rename))
        .route("/v1/rooms/{room_id}/topic", put(settings::set_topic))
        .route("/v1/rooms/{room_id}/settings", put(settings::change))
        .route(
            "/v1/rooms/{room_id}/workspace",
            put(settings::set_workspace),
        )
        .route("/v1/rooms/{room_id}/notification-mode", put(own::set_mode))
        .route("/v1/rooms/{room_id}/mute", put(own::mute))
        .route("/v1/directory/rooms", get(directory::rooms))
        .route("/v1/directory/alias/{*alias}", get(directory::by_alias))
}

fn viewer<'a>(app: &'a App, caller: &'a Caller) -> Viewer<'a> {
    Viewer {
        tenant: &caller.tenant,
        db: app.db(),
        id: caller.participant_id,
    }
}
