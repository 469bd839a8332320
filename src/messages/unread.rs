//! How much of a room a participant has not read.

use crate::db::{Db, DbError};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Counting stops here: 1000 means "or more".
const MOST: i64 = 1000;

/// What a participant has not read, and how far it has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Others' messages after the marker, redacted ones not among them.
    pub unread_count: i64,
    /// Those of them that mention the participant.
    pub mention_count: i64,
    /// The marker.
    pub last_read_event_id: Option<EventId>,
}

/// Counts what `participant` has not read in `room`.
pub async fn unread(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Unread, DbError> {
    let marker: Option<(String, i64)> = sqlx::query_as(
        "SELECT event_id, stream_position FROM markers
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .fetch_optional(db.reader())
    .await?;
    let (last_read_event_id, read_to) = match marker {
        Some((id, position)) => {
            let id = id
                .parse()
                .map_err(|error| DbError::unreadable("markers", "event_id", error))?;
            (Some(id), position)
        }
        None => (None, 0),
    };
    Ok(Unread {
        unread_count: count_messages(tenant, db, participant, room, read_to).await?,
        mention_count: count_mentions(tenant, db, participant, room, read_to).await?,
        last_read_event_id,
    })
}

async fn count_messages(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
    after: i64,
) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM (
           SELECT 1 AS one FROM events e
           JOIN members m ON m.tenant = e.tenant AND m.room_id = e.room_id AND m.participant_id = $3
           LEFT JOIN message_changes c ON c.tenant = e.tenant AND c.event_id = e.event_id
           WHERE e.tenant = $1 AND e.room_id = $2 AND e.stream_position > $4 AND e.shown = 2
             AND e.type = 'swp.room.message' AND e.sender <> m.fqid AND c.redacted_at IS NULL
           LIMIT $5) AS unread";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(participant.to_string())
        .bind(after)
        .bind(MOST)
        .fetch_one(db.reader())
        .await?)
}

async fn count_mentions(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
    after: i64,
) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM (SELECT 1 AS one FROM mentions
           WHERE tenant = $1 AND participant_id = $2 AND room_id = $3 AND stream_position > $4 LIMIT $5) AS mentioned";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(room.to_string())
        .bind(after)
        .bind(MOST)
        .fetch_one(db.reader())
        .await?)
}
