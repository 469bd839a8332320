//! ScaiWave: a self-hosted, federated collaboration server.
//!
//! The library holds everything; `main.rs` only hands the command line over. A request is read from route to row:
//! `http` (extractors, envelope) → a domain's `routes` → its rules → `store` → `events` → `db`.

pub mod app;
pub mod auth;
pub mod backup;
pub mod catalogue;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod entropy;
pub mod error;
pub mod events;
pub mod federation;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod groups;
pub mod http;
pub mod media;
pub mod messages;
pub mod notifications;
pub mod operator;
pub mod outgoing;
pub mod participants;
pub mod preferences;
pub mod presence;
mod private_file;
pub mod rooms;
#[cfg(test)]
mod simulation;
pub mod sync;
pub mod telemetry;
pub mod tenants;
#[cfg(test)]
mod vectors;
pub mod workspaces;
