//! Tenants: teams of their own on one server, each with its own name, keys, people and rooms.
//!
//! A [`Tenant`] is the proof that a request, job or command belongs to one; every store function takes it first. Only
//! this module makes one, from its row. May use `db` and `events::core`.

pub mod error;
pub mod model;
mod registry;
pub mod store;

pub use error::TenantError;
pub use model::{NewTenant, Tenant, TenantLimits, TenantState};
pub use registry::Tenants;
