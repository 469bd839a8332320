//! Messages: what was said in rooms, what edits, redactions and reactions made of it, and who has read how far.
//!
//! [`project`] turns events that count into rows, whatever their order of arrival; [`store`] keeps the rows.
//! [`text`] and [`words`] read what a message says, [`client_form`] says how any event looks to clients, [`present`] folds what became of it into it, [`visibility`] says
//! who sees it at all. May use `events`, `db`, `tenants`, `participants`, the rules and stores of `rooms`, and the live
//! frames of `presence`; tells `media` which files are named.

pub mod checks;
pub mod client_form;
mod effect;
pub mod error;
pub mod model;
pub mod present;
pub mod project;
pub mod routes;
pub mod store;
pub mod text;
pub mod visibility;
pub mod words;

#[cfg(test)]
pub(crate) mod flow_tests;

pub use effect::{mentions, parent};
pub use store::{Unread, unread};
