//! One's own profile, other people's, the directory, presence and typing (client-core 3 and 4).

mod alias;
mod directory;
mod groups;
mod me;
mod presence;
mod profiles;
mod typing;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        me::checks(),
        profiles::checks(),
        directory::checks(),
        alias::checks(),
        groups::checks(),
        presence::checks(),
        typing::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
