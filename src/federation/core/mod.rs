//! What the federation protocol decides, without a socket, a clock or a database: the same code runs under the HTTP
//! routes, in simulations and under a fuzzer. May use `events::core` and nothing else of the crate but the catalogue
//! and the words for presence.

pub mod address;
pub mod delivery;
pub mod descriptor;
pub mod ephemeral;
pub mod http_signature;
pub mod policy;
pub mod probe;
