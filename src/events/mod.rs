//! Events: the signed records that rooms are made of.
//!
//! [`core`] owns their bytes and is pure. What stores and wakes lives beside it and may use the database; nothing here
//! knows HTTP.

pub mod core;
pub mod keys;
pub mod model;
pub mod store;
pub mod wake;
