//! The tables of messages: `message_changes`, `reactions`, `mentions`, `replies`, `priority_marks`,
//! `keyword_matches`, `pins`, `sends` and `markers`.

pub mod attention;
pub mod changes;
mod facts;
mod forget;
pub mod history;
mod markers;
pub mod marks;
pub mod pins;
pub mod reactions;
pub mod references;
mod sends;
pub mod threads;
mod unread;

pub use facts::facts;
pub use forget::forget_room;
pub use markers::move_markers;
pub use sends::{SendRow, SentKey, record_sends, rename_send, sent};
pub use unread::{Unread, unread};

use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use crate::db::rows::{self, id};
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::EventId;
use crate::media;
use crate::tenants::Tenant;

/// The rows that a statement finds for `events`. In `select`, `$1` is the tenant, `$2` on are `texts`, and `{}` stands for
/// the list of events.
async fn of_events(
    tenant: &Tenant,
    db: &Db,
    select: &str,
    texts: &[&str],
    events: &[EventId],
) -> Result<Vec<AnyRow>, DbError> {
    let mut found = Vec::new();
    for run in rows::runs(events) {
        let list = format!("({})", rows::list(2 + texts.len(), run.len()));
        let sql = select.replace("{}", &list);
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = texts
            .iter()
            .fold(query, |query, text| query.bind((*text).to_owned()));
        let query = run
            .iter()
            .fold(query, |query, event| query.bind(event.to_string()));
        found.extend(query.fetch_all(db.reader()).await?);
    }
    Ok(found)
}

/// Takes away every row that events make; what clients gave with their sends and their read markers stay, and what people
/// had asked for when a message came.
pub async fn clear_projections(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM message_changes WHERE tenant = $1",
        "DELETE FROM reactions WHERE tenant = $1",
        "DELETE FROM mentions WHERE tenant = $1",
        "DELETE FROM replies WHERE tenant = $1",
        "DELETE FROM pins WHERE tenant = $1",
        "DELETE FROM priority_marks WHERE tenant = $1",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .execute(tx.conn())
            .await?;
    }
    media::store::references::clear(tenant, tx).await
}
