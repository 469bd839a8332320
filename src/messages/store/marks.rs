//! What stands beside messages, read for whole pages: reactions, replies, what clients gave with them.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::id;
use crate::db::{Db, DbError, rows};
use crate::events::core::ids::{EventId, ParticipantId};
use crate::messages::model::Reaction;
use crate::tenants::Tenant;

/// What a client gave with a message.
#[derive(Clone, Debug)]
pub struct Given {
    /// The client's own id.
    pub event_uuid: Option<String>,
    /// Who really called.
    pub sent_by: Option<ParticipantId>,
}

/// How many replies a message has.
#[derive(Clone, Copy, Debug)]
pub struct Replies {
    /// Direct ones.
    pub reply_count: i64,
    /// When the last was sent, in ms.
    pub last_reply_at: i64,
}

/// What clients gave with those of `events` that have a row.
pub async fn sends(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<HashMap<EventId, Given>, DbError> {
    let sql = "SELECT event_id, event_uuid, sent_by FROM sends WHERE tenant = $1 AND event_id IN";
    let mut found = HashMap::new();
    for row in fetch(tenant, db, sql, "", events).await? {
        let sent_by: Option<String> = row.try_get("sent_by")?;
        let given = Given {
            event_uuid: row.try_get("event_uuid")?,
            sent_by: sent_by
                .map(|sent_by| id("sends", "sent_by", &sent_by))
                .transpose()?,
        };
        found.insert(event_id(&row, "sends")?, given);
    }
    Ok(found)
}

/// The replies to those of `events` that have some.
pub async fn threads(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<HashMap<EventId, Replies>, DbError> {
    let sql = "SELECT parent_id AS event_id, COUNT(*) AS reply_count, MAX(ts) AS last_reply_at FROM replies
               WHERE tenant = $1 AND parent_id IN";
    let mut found = HashMap::new();
    for row in fetch(tenant, db, sql, "GROUP BY parent_id", events).await? {
        let replies = Replies {
            reply_count: row.try_get("reply_count")?,
            last_reply_at: row.try_get("last_reply_at")?,
        };
        found.insert(event_id(&row, "replies")?, replies);
    }
    Ok(found)
}

/// The reactions on `events`, the first one first.
pub async fn reactions(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<Vec<(EventId, Reaction)>, DbError> {
    let sql = "SELECT event_id, emoji, participant_id, created_at, change_order FROM reactions
               WHERE active = 1 AND tenant = $1 AND event_id IN";
    let order = "ORDER BY created_at, participant_id, emoji";
    let mut found = Vec::new();
    for row in fetch(tenant, db, sql, order, events).await? {
        let participant: String = row.try_get("participant_id")?;
        let reaction = Reaction {
            emoji: row.try_get("emoji")?,
            participant_id: id("reactions", "participant_id", &participant)?,
            at: row.try_get("created_at")?,
            order: row.try_get("change_order")?,
            active: true,
        };
        found.push((event_id(&row, "reactions")?, reaction));
    }
    Ok(found)
}

async fn fetch(
    tenant: &Tenant,
    db: &Db,
    select: &str,
    tail: &str,
    events: &[EventId],
) -> Result<Vec<AnyRow>, DbError> {
    let mut found = Vec::new();
    for run in rows::runs(events) {
        let sql = format!("{select} ({}) {tail}", rows::list(2, run.len()));
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, event| query.bind(event.to_string()));
        found.extend(query.fetch_all(db.reader()).await?);
    }
    Ok(found)
}

fn event_id(row: &AnyRow, table: &'static str) -> Result<EventId, DbError> {
    id(table, "event_id", &row.try_get::<String, _>("event_id")?)
}
