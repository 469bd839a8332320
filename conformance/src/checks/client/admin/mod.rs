//! What administrators do with accounts (connections-and-operations 7).

mod account;
mod users;

use crate::check::Check;

const SECTION: &str = "connections-and-operations 7";

pub(super) fn checks() -> Vec<Check> {
    [users::checks(), account::checks()]
        .into_iter()
        .flatten()
        .collect()
}
