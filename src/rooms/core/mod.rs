//! The rules of rooms, pure: what a room's state is, what a person may do, which events count.
//!
//! No I/O, no clock, no database: the same code runs behind the HTTP routes, for events from other servers, in
//! `admin verify` and `admin rebuild`, and in tests that shuffle events at random. May use `events::core` only.

pub mod content;
pub mod decide;
pub mod epochs;
pub mod history;
pub mod judge;
pub mod levels;
pub mod logs;
pub mod servers;
#[cfg(test)]
pub(crate) mod test_rooms;
pub mod view;
