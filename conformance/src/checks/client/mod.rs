//! The client API: every endpoint, field, frame and rule of conventions, sign-in, people, rooms, messages, media, live and
//! notifications.

mod admin;
mod auth;
mod conventions;
mod live;
mod media;
mod messages;
mod notifications;
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
        media::checks(),
        live::checks(),
        notifications::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
