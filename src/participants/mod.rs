//! Participants: everybody who can be named in a tenant, local people and AIs as well as other servers' people.
//!
//! Others ask here who somebody is ([`store::get`], [`store::get_many`], [`store::by_fqid`]) and put the answer into
//! their responses as it is: [`Participant`] serialises as clients expect. Uses `db`, `tenants` and, for the
//! own profile, `auth`, whose affair is what people sign in with.

pub mod announce;
mod error;
mod model;
pub mod own;
pub mod profile;
pub mod routes;
pub mod rules;
pub mod store;

pub use error::ProfileError;
pub use model::{ForeignProfile, Kind, Participant};

#[cfg(test)]
mod flow_tests;
