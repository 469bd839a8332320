//! What people are told about: notifications, the priority inbox, snoozes (client specification, section 11).
//!
//! [`rules`] decides who is told what and is pure. A message costs the writer nothing for each member: [`matching`] writes
//! which keywords it holds ([`keywords`] knows what anybody asks for), and whom it concerns is found when somebody reads
//! ([`inbox`]), or for those alone who listen ([`tell`], after the commit). [`snoozes`] tells again, later. Uses
//! `messages`, `rooms`, `participants`, `preferences`, and the live frames of `presence`.

pub mod error;
pub mod inbox;
pub mod keywords;
pub mod matching;
pub mod model;
pub mod routes;
pub mod rules;
pub mod snoozes;
pub mod store;
pub mod tell;

#[cfg(test)]
mod flow_tests;

pub use keywords::Keywords;
pub use snoozes::Snoozes;
