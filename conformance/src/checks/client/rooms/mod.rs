//! Rooms: creating, joining, membership, power, states, directory (client-core 5 to 7).

mod access;
mod create;
mod direct;
mod directory;
mod incognito;
mod invitations;
mod joining;
mod knocking;
mod levels;
mod members;
mod own;
mod removal;
mod settings;
mod snapshot;
mod states;
mod workspace;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        access::checks(),
        create::checks(),
        incognito::checks(),
        direct::checks(),
        members::checks(),
        invitations::checks(),
        joining::checks(),
        knocking::checks(),
        removal::checks(),
        levels::checks(),
        settings::checks(),
        states::checks(),
        workspace::checks(),
        snapshot::checks(),
        own::checks(),
        directory::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
