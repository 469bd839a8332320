//! Presence and typing: what is live and never stored (client specification, section 4).
//!
//! [`devices`] and [`typing`] hold the rules and are pure; [`people`] keeps everybody who is there, [`watch`] is the task
//! that tells others about changes, one after another, so that the last word is the latest; [`live`] is the way of live
//! frames to open sockets, for other domains too. A server keeps this in memory; what others say of their people counts
//! for a while only ([`remote`], [`federated`]). Uses `rooms`, `participants` and, to tell other servers, `federation`; a
//! single table holds what people set by hand.

pub mod devices;
pub mod error;
pub mod federated;
pub mod frames;
pub mod live;
pub mod model;
pub mod people;
pub mod remote;
pub mod routes;
pub mod sight;
pub mod store;
pub mod typing;
pub mod watch;

#[cfg(test)]
mod flow_tests;

pub use frames::{LiveFrame, What};
pub use live::{Audience, Live};
pub use model::State;
pub use people::{Connection, Presence};
pub use sight::state_of;
