//! The judgement rule, tested as the federation design asks: random rooms whose servers write what they like, events
//! that arrive in any order, and a second, direct reading of the rule over the complete logs to compare with.
//!
//! [`script`] makes the rooms up, [`world`] writes their logs, [`oracle`] says what the rule makes of them. [`rule`] holds
//! the pure judgement against it, [`arrival`] the whole way from a peer's page to the rows of the database, and
//! [`deciding`] what a host lets its people do. [`end`] reads what a server made of a room.

pub(crate) mod arrival;
mod deciding;
pub(crate) mod end;
pub(crate) mod oracle;
mod rule;
mod script;
pub(crate) mod world;
