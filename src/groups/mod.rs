//! Groups of people, as the directory shows them (client specification, section 3). They are mirrored from an identity
//! provider when their members sign in, and known as far as that goes; administrators make others. Uses
//! `db`, `tenants` and `participants`.

pub mod admin;
mod error;
mod model;
pub mod routes;
pub mod store;

pub use error::GroupError;
pub use model::{AdminGroup, Group, GroupId, GroupView};
