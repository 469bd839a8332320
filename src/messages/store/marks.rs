//! What stands beside messages, read for whole pages: what clients gave with them, and their replies.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row};

use super::{id, of_events};
use crate::db::{Db, DbError, rows};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::messages::visibility::Readable;
use crate::tenants::Tenant;

/// What a client gave with a message.
#[derive(Clone, Debug)]
pub struct Given {
    /// The client's own id.
    pub event_uuid: Option<String>,
    /// Who really called.
    pub sent_by: Option<ParticipantId>,
}

/// The replies to a message, at any depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replies {
    /// How many.
    pub count: i64,
    /// When the last was sent, in ms.
    pub last_at: i64,
}

/// What clients gave with those of `events` that have a row.
pub async fn sends(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<HashMap<EventId, Given>, DbError> {
    let select =
        "SELECT event_id, event_uuid, sent_by FROM sends WHERE tenant = $1 AND event_id IN {}";
    let mut found = HashMap::new();
    for row in of_events(tenant, db, select, &[], events).await? {
        let sent_by: Option<String> = row.try_get("sent_by")?;
        let given = Given {
            event_uuid: row.try_get("event_uuid")?,
            sent_by: sent_by
                .map(|sent_by| id("sends", "sent_by", &sent_by))
                .transpose()?,
        };
        let event: String = row.try_get("event_id")?;
        found.insert(id("sends", "event_id", &event)?, given);
    }
    Ok(found)
}

/// Replies that are walked through for one page, at most. What lies deeper in such a tangle is not counted: nobody can
/// make a page cost more by answering answers.
const MOST_WALKED: i64 = 20_000;

/// The replies to those of `events` that have some, as far as they are `readable`.
pub async fn threads(
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
