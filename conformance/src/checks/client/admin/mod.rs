//! What administrators do with accounts (connections-and-operations 7).

mod account;
mod groups;
mod users;

use crate::check::Check;

const SECTION: &str = "connections-and-operations 7";

pub(super) fn checks() -> Vec<Check> {
    [users::checks(), account::checks(), groups::checks()]
        .into_iter()
        .flatten()
        .collect()
}
