//! Preferences: what people set about themselves for all their devices (client specification, section 3).
//!
//! Only what somebody has set is stored, so that everything else goes by the defaults of the release that runs. [`quiet`]
//! tells when somebody is not to be disturbed and is pure. Uses `db`, `tenants` and, to tell the own devices, `presence`;
//! `notifications` asks here and is told which keywords somebody asks for.

pub mod model;
pub mod own;
pub mod quiet;
pub mod routes;
pub mod rules;
pub mod store;

#[cfg(test)]
mod flow_tests;

pub use model::{DefaultMode, Preferences, QuietHours};
