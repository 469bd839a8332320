//! Messages: what was said in rooms, what edits, redactions and reactions made of it, and who has read how far.
//!
//! [`project`] turns events that count into rows, whatever their order of arrival; [`store`] keeps the rows. May use
//! `events`, `db`, `tenants`, and the rules and stores of `rooms`.

mod effect;
pub mod model;
pub mod project;
pub mod store;
mod unread;
pub mod visibility;

pub use unread::{Unread, unread};
