//! The stream of events to clients: long polls and sockets (client specification, sections 9 and 10).
//!
//! Every reader is a cursor and a wake-up: it reads what lies beyond its cursor from the latest events in memory, or
//! from the store if it has fallen behind. Nothing is queued for it, so a slow reader loses nothing and costs nothing.
//! Uses `events`, `rooms::store::spans`, `messages` for the client form, `presence` for live frames.

mod cursor;
mod error;
mod frames;
mod merge;
mod routes;
mod sockets;
mod stream;
mod visible;

pub use frames::Frames;
pub use routes::routes;
pub use sockets::{Polls, Sockets};
