//! The client API: every endpoint, field, frame and rule of conventions, sign-in, people, rooms, messages and live.

mod admin;
mod auth;
mod conventions;
mod live;
mod messages;
mod people;
mod rooms;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        conventions::checks(),
        auth::checks(),
        admin::checks(),
        people::checks(),
        rooms::checks(),
        messages::checks(),
        live::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
