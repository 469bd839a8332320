//! The tables of messages: `message_changes`, `reactions`, `mentions`, `replies`, `sends` and `markers`.

pub mod changes;
mod facts;
mod markers;
pub mod reactions;
pub mod references;
mod sends;

pub use facts::facts;
pub use markers::move_markers;
pub use sends::{SendRow, SentKey, record_sends, sent};

use crate::db::DbError;

/// Reads a stored id.
fn id<T: std::str::FromStr>(
    table: &'static str,
    column: &'static str,
    text: &str,
) -> Result<T, DbError>
where
    T::Err: ToString,
{
    text.parse()
        .map_err(|error: T::Err| DbError::unreadable(table, column, error))
}
