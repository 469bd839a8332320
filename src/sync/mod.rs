//! Reading the stream: sync over a long poll, and the WebSocket (client specification, sections 9 and 10).
//!
//! A [`reader`] is a cursor and a wake-up; nothing is queued for it. [`feed`] turns each committed event into its frame
//! once, keeps the latest ones in a [`ring`] and wakes those who see them; who falls behind reads from the store through
//! [`merge`]. [`visible`] says what a person is shown. [`poll`] and [`socket`] are the two kinds of readers. Uses
//! `events`, `messages` for the form of events, `rooms` for what is visible, `presence` for live frames and wake-ups.

pub mod client_frame;
pub mod ending;
pub mod error;
pub mod feed;
pub mod item;
pub mod merge;
pub mod poll;
pub mod reader;
pub mod ring;
pub mod routes;
pub mod socket;
mod sockets;
mod streams;
pub mod visible;

#[cfg(test)]
mod flow_tests;

pub use streams::Streams;
