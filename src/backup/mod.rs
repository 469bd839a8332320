//! Backups: everything of a server in one file, taken while it runs, and put back while it does not.
//!
//! The file is a SQLite database with the server's own tables, whichever database the server uses, so that it can be opened,
//! verified like the original, and put back into either; beside them the private keys. A backup counts only once it was
//! reopened and every log in it verified. May use `db`, the store's verification, and the federation's list of what a
//! restored server has to ask for.

mod error;
mod folder;
mod make;
mod restore;
mod store;

pub use error::BackupError;
pub use make::make;
pub use restore::{Restored, restore};
