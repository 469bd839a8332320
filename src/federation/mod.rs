//! Federation: the same logs read and written by other servers (the federation specification, `federation-spec/`).

pub mod client;
pub mod core;
mod resolver;
