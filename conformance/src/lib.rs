//! Black-box conformance suite for ScaiWave servers.
//!
//! The suite knows a server only by its address: it depends on no server code and judges every answer as raw JSON
//! against the published specification. [`check`] says what a check is, [`checks`] holds them by area, [`runner`]
//! runs them and [`report`] tells the result. [`client`] and [`cast`] are the tools a check works with.

pub mod cast;
pub mod check;
pub mod checks;
pub mod cleanup;
pub mod cli;
pub mod client;
pub mod clock;
pub mod coverage;
pub mod judge;
pub mod load;
pub mod peer;
pub mod protocol;
pub mod report;
pub mod runner;
pub mod subject;
pub mod trial;
