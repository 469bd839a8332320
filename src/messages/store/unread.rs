//! How much of a room a participant has not read. Reads `events`, rooms' `members` and `spans` and notifications'
//! `keyword_alerts` beside the tables of messages.

use sqlx::Row;

use super::id;
use crate::db::{Db, DbError};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Counting stops here: 1000 means "or more".
const MOST: i64 = 1000;

/// What a participant has not read, and how far it has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Others' messages after the marker, redacted ones not among them. Nobody has to catch up with what was said before
    /// the own join.
    pub unread_count: i64,
    /// Those of them that mention the participant, or hold a keyword that it asked for when they came.
    pub mention_count: i64,
    /// The marker.
    pub last_read_event_id: Option<EventId>,
}

/// From where on something is unread.
struct Since {
    /// Only what has come after this position: the marker, or where what is shown begins.
    after: i64,
    /// Up to here whatever came; the join is among it.
    until_join: i64,
    /// And later what was said after the join, in ms: the history of other servers comes after it, too.
    joined_ts: i64,
}

/// Counts what `participant` has not read in `room`; for who is not in it, nothing.
pub async fn unread(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Unread, DbError> {
    let row = sqlx::query(
        "SELECT m.fqid, m.joined_at AS joined_ts, k.event_id, k.stream_position AS read_to, s.after_position AS joined_at
         FROM members m
         JOIN spans s ON s.tenant = m.tenant AND s.participant_id = m.participant_id AND s.room_id = m.room_id
           AND s.until_position IS NULL
         LEFT JOIN markers k ON k.tenant = m.tenant AND k.participant_id = m.participant_id AND k.room_id = m.room_id
         WHERE m.tenant = $1 AND m.room_id = $2 AND m.participant_id = $3",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(participant.to_string())
    .fetch_optional(db.reader())
    .await?;
    let Some(row) = row else {
        return Ok(Unread::default());
    };
    let read_to: Option<i64> = row.try_get("read_to")?;
    let joined_at: i64 = row.try_get("joined_at")?;
    let since = Since {
        after: read_to.unwrap_or(0).max(joined_at),
        // What a person was brought back by comes before the join.
        until_join: joined_at + 2,
        joined_ts: row.try_get::<Option<i64>, _>("joined_ts")?.unwrap_or(0),
    };
    let fqid: String = row.try_get("fqid")?;
    let marker: Option<String> = row.try_get("event_id")?;
    Ok(Unread {
        unread_count: count_messages(tenant, db, room, &fqid, &since).await?,
        mention_count: count_mentions(tenant, db, room, (participant, &fqid), &since).await?,
        last_read_event_id: marker
            .map(|event| id("markers", "event_id", &event))
            .transpose()?,
    })
}

async fn count_messages(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    own_name: &str,
    since: &Since,
) -> Result<i64, DbError> {
    // In the order of the index: without one, Postgres expects to find enough sooner by looking through all events.
    let sql = "SELECT COUNT(*) FROM (
           SELECT 1 AS one FROM events e
           LEFT JOIN message_changes c ON c.tenant = e.tenant AND c.event_id = e.event_id
           WHERE e.tenant = $1 AND e.room_id = $2 AND e.stream_position > $3 AND e.shown = 2
             AND e.type = 'swp.room.message' AND e.sender <> $4 AND c.redacted_at IS NULL
             AND (e.ts >= $6 OR e.stream_position <= $7)
           ORDER BY e.stream_position LIMIT $5) AS unread";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(since.after)
        .bind(own_name)
        .bind(MOST)
        .bind(since.joined_ts)
        .bind(since.until_join)
        .fetch_one(db.reader())
        .await?)
}

async fn count_mentions(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    (participant, own_name): (ParticipantId, &str),
    since: &Since,
) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM (
           SELECT m.event_id FROM mentions m JOIN events e ON e.tenant = m.tenant AND e.event_id = m.event_id
           WHERE m.tenant = $1 AND m.participant_id = $2 AND m.room_id = $3 AND m.stream_position > $4
             AND (e.ts >= $6 OR m.stream_position <= $7)
           UNION
           SELECT k.event_id FROM keyword_alerts a
           JOIN keyword_matches k ON k.tenant = a.tenant AND k.room_id = $3 AND k.keyword = a.keyword
             AND k.stream_position > $4 AND k.matched_at > a.since_position
             AND (a.until_position IS NULL OR k.matched_at <= a.until_position)
           JOIN events e ON e.tenant = k.tenant AND e.event_id = k.event_id
           WHERE a.tenant = $1 AND a.participant_id = $2 AND e.sender <> $8
             AND (e.ts >= $6 OR k.stream_position <= $7)
           LIMIT $5) AS mentioned";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(room.to_string())
        .bind(since.after)
        .bind(MOST)
        .bind(since.joined_ts)
        .bind(since.until_join)
        .bind(own_name)
        .fetch_one(db.reader())
        .await?)
}
