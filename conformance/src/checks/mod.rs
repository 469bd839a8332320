//! All checks, by profile and area. A file holds the checks of one area; its `checks()` lists them.

pub mod client;
pub mod errors;

use crate::check::Check;

/// Every check, in the order in which they are reported.
pub fn all() -> Vec<Check> {
    [client::checks(), errors::checks()]
        .into_iter()
        .flatten()
        .collect()
}
