//! One trigger for each code of the catalogue that this scope can reach, and the shape that every error has.
//!
//! Left out are the codes of notes, AI, plugins, plans, sidekicks, calls, bridges and the studio, and those that only a fault of the
//! server or of a part behind it can cause: `SW_INTERNAL_ERROR` and `SW_SERVICE_UNAVAILABLE`.

mod auth;
mod catalogue;
mod federation;
mod limits;
mod rooms;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        catalogue::checks(),
        auth::checks(),
        rooms::checks(),
        limits::checks(),
        federation::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
