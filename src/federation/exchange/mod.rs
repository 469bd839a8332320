//! Rooms between servers: what peers deliver, read and ask for, and what this server asks of them.
//!
//! [`inbox`] takes delivered events, [`reading`] answers heads, backfill and state, [`host`] carries out what a peer's
//! people ask of rooms hosted here, [`invited`] takes invitations. The other way round, [`remote`] asks hosts and peers,
//! and [`catch_up`] fetches what is missing. Checks 6 to 8 of the specification's table are made here and in
//! `rooms::timeline`; checks 1 to 5 have passed.

pub mod access;
pub mod catch_up;
pub mod document;
pub mod host;
pub mod inbox;
pub mod invited;
pub mod outgoing;
pub mod pages;
pub mod reading;
pub mod remote;

use axum::Router;
use axum::routing::{get, post};

use super::core::descriptor::FEDERATION_PATH;
use crate::app::App;

/// What other servers call about rooms.
pub fn routes() -> Router<App> {
    let at = |path: &str| format!("{FEDERATION_PATH}{path}");
    Router::new()
        .route(&at("/send"), post(inbox::send))
        .route(&at("/invite"), post(invited::invite))
        .route(&at("/profile/{local_id}"), get(reading::profile))
        .route(&at("/rooms/{room_id}/heads"), get(reading::heads))
        .route(&at("/rooms/{room_id}/backfill"), get(reading::backfill))
        .route(&at("/rooms/{room_id}/state"), get(reading::state))
        .route(&at("/rooms/{room_id}/members"), get(reading::members))
        .route(&at("/rooms/{room_id}/join"), post(host::join))
        .route(&at("/rooms/{room_id}/request"), post(host::request))
}
