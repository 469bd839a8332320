//! Rooms between servers: what peers deliver, read and ask for, and what this server asks of them.
//!
//! [`routes`] takes delivered events and invitations, answers heads, backfill and state, and carries out what a peer's
//! people ask of rooms hosted here. The other way round, [`remote`] asks hosts and peers, [`joining`] takes what they answer,
//! [`catch_up`] fetches events that are missing, page [`ahead`] of page, and [`missing`] contents when [`errands`] has them
//! do so, [`recover`] what this server lost, [`acquaintance`] gets to know who was invited, and [`one_dm`] sees to it that
//! two people have one DM. Checks 6 to 8 of the specification's table are made here and in `rooms::timeline`; checks 1 to 5
//! have passed.

pub mod access;
pub mod acquaintance;
mod ahead;
pub mod by_admin;
pub mod catch_up;
pub mod directory;
pub mod document;
pub mod errands;
pub(crate) mod forks;
mod joining;
mod missing;
pub mod one_dm;
pub mod outgoing;
pub mod pages;
pub mod profile_changes;
pub mod recover;
mod refusals;
pub mod remote;
mod routes;
mod stay;
#[cfg(test)]
mod tests;

pub use routes::routes;

use crate::events::core::json::Limits;

/// What is read of another server: a content may be 64 deep, in an event, in a list.
pub(crate) const fn bounds(max_bytes: usize) -> Limits {
    Limits {
        max_bytes,
        max_depth: 70,
    }
}
