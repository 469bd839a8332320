//! The federation's tables: the only SQL that touches them.

mod forget;
pub mod journal;
pub mod outbox;
pub mod peers;
pub mod policies;
pub mod restored;

pub use forget::forget_room;

use crate::db::DbError;

/// Reads a text column into what it stands for.
fn parse<T>(table: &'static str, column: &'static str, text: &str) -> Result<T, DbError>
where
    T: std::str::FromStr<Err: ToString>,
{
    text.parse()
        .map_err(|error: T::Err| DbError::unreadable(table, column, error))
}
