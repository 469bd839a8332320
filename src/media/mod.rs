//! Media: files that people upload, and those that messages of other servers name (content specification, section 5).
//!
//! [`upload`] takes a file, [`storage`] keeps the bytes on disk, [`access`] says who may read one, [`attach`] puts what this
//! server knows of a file into the message that names it, [`description`] reads that on every server, [`fetch`] gets
//! another server's file from there, [`sweep`] removes what nothing refers to. [`kind`] finds out a file's type, [`range`]
//! reads which part of one is wanted; both are pure. Every id is made from uploader and content, so that nobody can put other
//! bytes in a file's place.
//!
//! May use `events`, `db`, `tenants`, `participants`, the rules of `messages` about who sees what, and the federation's way
//! out. In turn, the projection of messages tells [`store::references`] which files a message names.

pub mod access;
pub mod attach;
pub mod description;
pub mod error;
pub mod fetch;
pub mod kind;
pub mod model;
pub mod range;
pub mod routes;
pub mod storage;
pub mod store;
pub mod sweep;
pub mod upload;

#[cfg(test)]
mod flow_tests;

pub use storage::Storage;
