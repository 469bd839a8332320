//! The load generator: how fast a server is, each figure beside a raw baseline of the same machine and the same run.
//!
//! It starts the servers it measures, on loopback, with rates off, and drives them over plain keep-alive connections
//! ([`http`]) from one thread, since it shares the processor with them. [`baseline`] measures the machine, the
//! scenarios are [`sends`], [`delay`], [`federation`], [`joining`], [`many_rooms`], [`peers`], [`sizes`], [`listeners`],
//! [`verification`] and [`footprint`], and [`report`] sets everything side by side.

pub mod baseline;
pub mod cli;
pub mod database;
pub mod delay;
pub mod federation;
pub mod floor;
pub mod footprint;
pub mod http;
pub mod identity;
pub mod joining;
pub mod listeners;
pub mod many_rooms;
pub mod peers;
pub mod plan;
pub mod report;
pub mod sends;
pub mod server;
pub mod sizes;
pub mod socket;
pub mod stage;
pub mod subject;
pub mod town;
pub mod trouble;
pub mod verification;
