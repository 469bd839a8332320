//! Participants: everybody who can be named in a tenant, local people and AIs as well as other servers' people.
//!
//! Others ask here who somebody is ([`store::get`], [`store::get_many`], [`store::by_fqid`]) and put the answer into
//! their responses as it is: [`Participant`] serialises as clients expect. Uses `db` and `tenants`; what people sign in
//! with is the affair of `auth`.

mod model;
pub mod profile;
pub mod store;

pub use model::{ForeignProfile, Kind, Participant};
