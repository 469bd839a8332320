//! The tables of messages: `message_changes`, `reactions`, `mentions`, `replies`, `sends` and `markers`.

pub mod changes;
mod facts;
pub mod history;
mod markers;
pub mod marks;
pub mod reactions;
pub mod references;
mod sends;

pub use facts::facts;
pub use markers::move_markers;
pub use sends::{SendRow, SentKey, record_sends, sent};

use crate::db::{DbError, Tx};
use crate::tenants::Tenant;

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

/// Takes away every row that events make; what clients gave with their sends and their read markers stay.
pub async fn clear_projections(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM message_changes WHERE tenant = $1",
        "DELETE FROM reactions WHERE tenant = $1",
        "DELETE FROM mentions WHERE tenant = $1",
        "DELETE FROM replies WHERE tenant = $1",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}
