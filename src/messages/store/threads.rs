//! Replies to messages, at any depth, from the table `replies`.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row};

use super::id;
use crate::db::{Db, DbError, rows};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::model::Placed;
use crate::events::store;
use crate::messages::visibility::Readable;
use crate::tenants::Tenant;

/// The replies to a message, at any depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replies {
    /// How many.
    pub count: i64,
    /// When the last was sent, in ms.
    pub last_at: i64,
}

/// Replies that are walked through for one page, at most. What lies deeper in such a tangle is not counted: nobody can
/// make a page cost more by answering answers.
const MOST_WALKED: i64 = 20_000;

/// The replies to those of `events` that have some, as far as they are `readable`.
pub async fn counted(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    readable: Readable,
    events: &[EventId],
) -> Result<HashMap<EventId, Replies>, DbError> {
    let mut found = HashMap::new();
    for run in rows::runs(events) {
        let sql = format!(
            "WITH RECURSIVE below (root_id, event_id, ts) AS (
                 SELECT parent_id, event_id, ts FROM replies
                 WHERE tenant = $1 AND room_id = $2 AND stream_position > $3 AND stream_position <= $4
                   AND parent_id IN ({})
                 UNION ALL
                 SELECT b.root_id, r.event_id, r.ts FROM below b JOIN replies r ON r.tenant = $1 AND r.room_id = $2
                   AND r.parent_id = b.event_id AND r.stream_position > $3 AND r.stream_position <= $4)
             SELECT root_id, COUNT(*) AS count, MAX(ts) AS last_at
             FROM (SELECT root_id, ts FROM below LIMIT {MOST_WALKED}) AS walked GROUP BY root_id",
            rows::list(5, run.len())
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(room.to_string())
            .bind(readable.after)
            .bind(readable.until.unwrap_or(i64::MAX));
        let query = run
            .iter()
            .fold(query, |query, event| query.bind(event.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let replies = Replies {
                count: row.try_get("count")?,
                last_at: row.try_get("last_at")?,
            };
            let root: String = row.try_get("root_id")?;
            found.insert(id("replies", "parent_id", &root)?, replies);
        }
    }
    Ok(found)
}

/// A page of the replies to `root`, as far as they are `readable`, the first to arrive first, from behind `from`.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    readable: Readable,
    root: EventId,
    from: Option<i64>,
    limit: i64,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "WITH RECURSIVE below (event_id) AS (
             SELECT event_id FROM replies
             WHERE tenant = $1 AND room_id = $2 AND parent_id = $5 AND stream_position > $3 AND stream_position <= $4
             UNION ALL
             SELECT r.event_id FROM below b JOIN replies r ON r.tenant = $1 AND r.room_id = $2
               AND r.parent_id = b.event_id AND r.stream_position > $3 AND r.stream_position <= $4)
         SELECT {} FROM events WHERE tenant = $1 AND shown = 2 AND verdict = 'valid' AND stream_position > $6
           AND event_id IN (SELECT event_id FROM below LIMIT {MOST_WALKED})
         ORDER BY stream_position LIMIT $7",
        store::COLUMNS
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(readable.after)
        .bind(readable.until.unwrap_or(i64::MAX))
        .bind(root.to_string())
        .bind(from.unwrap_or(i64::MIN))
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(store::read).collect()
}
