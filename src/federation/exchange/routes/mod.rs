//! What other servers call about rooms: what comes in, what goes out.

mod actions;
mod directory;
mod ephemeral;
mod host;
mod inbox;
mod invited;
mod media;
mod reading;
mod snapshot;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use crate::app::App;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::{Federation, counted};

/// The largest body, in bytes: what the protocol says, whatever clients of this server may send.
const MOST_BODY: usize = 1024 * 1024;

/// What other servers call about rooms.
pub fn routes(federation: Federation) -> Router<App> {
    let at = |path: &str| format!("{FEDERATION_PATH}{path}");
    Router::new()
        .route(&at("/send"), post(inbox::send))
        .route(&at("/invite"), post(invited::invite))
        .route(&at("/ephemeral"), post(ephemeral::ephemeral))
        .route(&at("/profile/{local_id}"), get(reading::profile))
        .route(&at("/directory"), get(directory::directory))
        .route(&at("/rooms/{room_id}/heads"), get(reading::heads))
        .route(&at("/rooms/{room_id}/backfill"), get(reading::backfill))
        .route(&at("/rooms/{room_id}/state"), get(reading::state))
        .route(&at("/rooms/{room_id}/members"), get(reading::members))
        .route(&at("/rooms/{room_id}/media/{media_id}"), get(media::media))
        .route(&at("/rooms/{room_id}/join"), post(host::join))
        .route(&at("/rooms/{room_id}/request"), post(host::request))
        .route_layer(from_fn_with_state(federation, count))
        .layer(DefaultBodyLimit::max(MOST_BODY))
}

/// Counts a request, whatever becomes of it.
async fn count(State(federation): State<Federation>, request: Request, next: Next) -> Response {
    let endpoint = counted::endpoint(request.uri().path());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    counted::request(federation.metrics(), "in", endpoint, status);
    response
}
