//! The protocol's bytes: names, ids, hashes, strict JSON, the canonical form, signatures, and the event made of them.
//!
//! Pure: no I/O, no clock, no database, no HTTP, so that the same code runs under the server, in a simulation and under
//! a fuzzer. Randomness and time are parameters. Everything here must give the same answer on every server for ever.
//!
//! How bytes from a peer become an event that may be believed:
//!
//! 1. [`incoming::read_send`] (or [`incoming::read_lists`]) parses a request body once. What is wrong inside one event's
//!    `content` stays with that event ([`event::Event::content_flaw`]); other errors concern the body or that envelope.
//! 2. [`verified::verify`] checks one envelope against a key: limits, derived id, key id, signature. It gives a
//!    [`verified::Verified`] event, which says through [`verified::Verified::content_status`] what became of its content.
//! 3. [`chain::follows`] places it in its log; judgement is another module's affair.
//!
//! A server's own events come from [`verified::Draft::sign`], held to the same rules.

pub mod canonical;
pub mod chain;
pub mod clock;
pub mod content;
pub mod event;
pub mod event_type;
pub mod hash;
pub mod ids;
pub mod incoming;
pub mod json;
pub mod names;
pub mod sign;
mod text;
pub mod verified;

#[cfg(test)]
pub(crate) mod testing;
