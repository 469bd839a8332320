//! Rooms: who is in them, what may be said, and what of it counts.
//!
//! [`core`] holds the rules and is pure; [`timeline`] is the one writer; [`project`] and [`store`] keep the rows that
//! clients are shown. May use `events`, `db`, `participants`, `tenants`; other domains use the functions here, not the
//! tables.

pub mod access;
pub mod alias;
pub mod core;
pub mod direct;
pub mod erased;
pub mod error;
pub mod inviting;
#[cfg(test)]
pub(crate) mod judgement_tests;
pub mod making;
pub mod model;
#[cfg(test)]
mod model_tests;
pub mod new_levels;
pub mod perform;
pub mod present;
pub mod profiles;
pub mod project;
pub mod rebuild;
pub mod routes;
pub mod running_out;
pub mod snapshot;
pub mod store;
pub mod timeline;
pub mod verify;

pub use error::RoomError;
