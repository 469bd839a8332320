//! All checks, by profile and area. A file holds the checks of one area; its `checks()` lists them.

pub mod client;
pub mod errors;
pub mod federation;

use crate::check::Check;

/// Every check, in the order in which they are reported.
pub fn all() -> Vec<Check> {
    [client::checks(), errors::checks(), federation::checks()]
        .into_iter()
        .flatten()
        .collect()
}
