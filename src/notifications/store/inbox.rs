//! The priority inbox: found in `mentions`, `keyword_matches` and `priority_marks` for the rooms that a person is in;
//! `dismissals` holds what was put away.

use super::id;
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::notifications::model::Reason;
use crate::tenants::Tenant;

/// A message that wants a person's attention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its place in the stream.
    pub position: i64,
    /// The message.
    pub event_id: EventId,
    /// Its room.
    pub room_id: RoomId,
    /// Why.
    pub reason: Reason,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Whose inbox.
    pub participant: ParticipantId,
    /// Only what was said at this time or later, in ms.
    pub since_ts: i64,
    /// Only what stands before this position in the stream.
    pub before: i64,
    /// This message alone.
    pub only: Option<EventId>,
    /// Items, at most.
    pub limit: i64,
}

/// The reasons by their rank in [`ITEMS`].
const REASONS: [Reason; 4] = [
    Reason::DirectMention,
    Reason::KeywordAlert,
    Reason::Question,
    Reason::PriorityTag,
];

/// Unread is what lies after the marker and after the own join; the history of other servers may arrive after that, too.
const ITEMS: &str = "
    WITH own AS (
        SELECT m.room_id, m.fqid, r.room_type, COALESCE(m.joined_at, 0) AS joined_ts, s.after_position AS joined_at,
          CASE WHEN k.stream_position > s.after_position THEN k.stream_position ELSE s.after_position END AS read_to
        FROM members m
        JOIN rooms r ON r.tenant = m.tenant AND r.id = m.room_id
        JOIN spans s ON s.tenant = m.tenant AND s.participant_id = m.participant_id AND s.room_id = m.room_id
          AND s.until_position IS NULL
        LEFT JOIN markers k ON k.tenant = m.tenant AND k.participant_id = m.participant_id AND k.room_id = m.room_id
        WHERE m.tenant = $1 AND m.participant_id = $2 AND m.membership = 'join'
    ), asking AS (
        SELECT x.room_id, x.stream_position, x.event_id, 0 AS place
        FROM own o JOIN mentions x ON x.tenant = $1 AND x.participant_id = $2 AND x.room_id = o.room_id
          AND x.stream_position > o.read_to
        UNION ALL
        SELECT k.room_id, k.stream_position, k.event_id, 1 AS place
        FROM keyword_alerts a CROSS JOIN own o
        JOIN keyword_matches k ON k.tenant = $1 AND k.room_id = o.room_id AND k.keyword = a.keyword
          AND k.stream_position > o.read_to AND k.matched_at > a.since_position
          AND (a.until_position IS NULL OR k.matched_at <= a.until_position)
        WHERE a.tenant = $1 AND a.participant_id = $2
        UNION ALL
        SELECT p.room_id, p.stream_position, p.event_id, 2 AS place
        FROM own o JOIN priority_marks p ON p.tenant = $1 AND p.room_id = o.room_id AND p.stream_position > o.read_to
        WHERE p.is_question = 1 AND (o.room_type = 'dm' OR EXISTS (
          SELECT 1 FROM replies y JOIN events q ON q.tenant = y.tenant AND q.event_id = y.parent_id
          WHERE y.tenant = $1 AND y.event_id = p.event_id AND q.room_id = p.room_id AND q.sender = o.fqid))
        UNION ALL
        SELECT p.room_id, p.stream_position, p.event_id, 3 AS place
        FROM own o JOIN priority_marks p ON p.tenant = $1 AND p.room_id = o.room_id AND p.stream_position > o.read_to
        WHERE p.is_urgent = 1
    )
    SELECT f.stream_position, f.event_id, f.room_id, CAST(MIN(f.place) AS BIGINT) AS place
    FROM asking f JOIN own o ON o.room_id = f.room_id
    JOIN events e ON e.tenant = $1 AND e.event_id = f.event_id
    LEFT JOIN message_changes c ON c.tenant = $1 AND c.event_id = f.event_id
    WHERE f.stream_position < $3 AND e.ts >= $4 AND ($5 = '' OR f.event_id = $5) AND e.shown = 2
      AND e.sender <> o.fqid AND (e.ts >= o.joined_ts OR f.stream_position <= o.joined_at + 2)
      AND c.redacted_at IS NULL AND NOT EXISTS (
        SELECT 1 FROM dismissals d WHERE d.tenant = $1 AND d.participant_id = $2 AND d.event_id = f.event_id)
    GROUP BY f.stream_position, f.event_id, f.room_id
    ORDER BY f.stream_position DESC LIMIT $6";

/// The items of an inbox, newest first.
pub async fn items(tenant: &Tenant, db: &Db, wanted: Wanted) -> Result<Vec<Found>, DbError> {
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(ITEMS)
        .bind(tenant.key())
        .bind(wanted.participant.to_string())
        .bind(wanted.before)
        .bind(wanted.since_ts)
        .bind(wanted.only.map(|only| only.to_string()).unwrap_or_default())
        .bind(wanted.limit)
        .fetch_all(db.reader())
        .await?;
    rows.into_iter()
        .map(|(position, event, room, place)| {
            let reason = usize::try_from(place)
                .ok()
                .and_then(|place| REASONS.get(place));
            Ok(Found {
                position,
                event_id: id("events", "event_id", &event)?,
                room_id: id("events", "room_id", &room)?,
                reason: reason.copied().unwrap_or(Reason::PriorityTag),
            })
        })
        .collect()
}

/// Puts an item away. What was put away before `outdated`, in ms, is out of the inbox by its age.
pub async fn dismiss(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    event_id: EventId,
    (now, outdated): (i64, i64),
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO dismissals (tenant, event_id, participant_id, dismissed_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, event_id, participant_id) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(participant.to_string())
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "DELETE FROM dismissals WHERE tenant = $1 AND participant_id = $2 AND dismissed_at < $3",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(outdated)
    .execute(tx.conn())
    .await?;
    Ok(())
}
