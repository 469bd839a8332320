//! One's own profile, other people's, presence and typing (client-core 3 and 4).

mod me;
mod presence;
mod profiles;
mod typing;

use crate::check::Check;

pub(super) fn checks() -> Vec<Check> {
    [
        me::checks(),
        profiles::checks(),
        presence::checks(),
        typing::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
