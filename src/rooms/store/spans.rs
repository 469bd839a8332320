//! The table `spans`: which positions of a room's stream a participant is shown.

use sqlx::AnyExecutor;

use super::rooms::from_word;
use crate::db::{DbError, Tx};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::rooms::core::content::{HistoryVisibility, Membership};
use crate::tenants::Tenant;

/// From `after` on, everything; where an open span is there already, it stays.
pub async fn open(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
    after: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO spans (tenant, participant_id, room_id, after_position, until_position)
         SELECT $1, $2, $3, $4, NULL WHERE NOT EXISTS (
             SELECT 1 FROM spans WHERE tenant = $1 AND participant_id = $2 AND room_id = $3 AND until_position IS NULL)
         ON CONFLICT (tenant, participant_id, room_id, after_position) DO UPDATE SET until_position = NULL",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .bind(after)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the open span with `until`, which is still shown. False: there was none.
pub async fn close(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
    until: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE spans SET until_position = $4
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3 AND until_position IS NULL",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .bind(until)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Where the participant's latest span ends that has an end.
pub async fn latest_end(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Option<i64>, DbError> {
    Ok(sqlx::query_scalar(
        "SELECT MAX(until_position) FROM spans WHERE tenant = $1 AND participant_id = $2 AND room_id = $3",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .fetch_one(tx.conn())
    .await?)
}

/// Shows the single event at `position`: an invitation, a ban.
pub async fn show_one(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
    position: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO spans (tenant, participant_id, room_id, after_position, until_position)
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (tenant, participant_id, room_id, after_position) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .bind(position - 1)
    .bind(position)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Shows nothing of the room any more but how each stay began and ended: that was about the participant.
pub async fn end_reading(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
) -> Result<(), DbError> {
    for sql in [
        "INSERT INTO spans (tenant, participant_id, room_id, after_position, until_position)
         SELECT tenant, participant_id, room_id, until_position - 1, until_position FROM spans
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3 AND until_position > after_position + 1
         ON CONFLICT (tenant, participant_id, room_id, after_position) DO NOTHING",
        "UPDATE spans SET until_position = after_position + 1
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3
           AND (until_position IS NULL OR until_position > after_position + 1)",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .bind(participant.to_string())
            .bind(room.to_string())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Shows nothing of the room to anybody any more.
pub async fn clear_room(tenant: &Tenant, tx: &mut Tx, room: RoomId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM spans WHERE tenant = $1 AND room_id = $2")
        .bind(tenant.key())
        .bind(room.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A part of a room's stream that a participant is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The room.
    pub room_id: RoomId,
    /// Shown is what lies after this position …
    pub after: i64,
    /// … up to this one; `None`: for as long as the participant stays.
    pub until: Option<i64>,
}

/// All spans of a participant that reach beyond `position`.
pub async fn of_participant(
    tenant: &Tenant,
    db: &crate::db::Db,
    participant: ParticipantId,
    position: i64,
) -> Result<Vec<Span>, DbError> {
    let rows: Vec<(String, i64, Option<i64>)> = sqlx::query_as(
        "SELECT room_id, after_position, until_position FROM spans
         WHERE tenant = $1 AND participant_id = $2 AND (until_position IS NULL OR until_position > $3)",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(position)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(room, after, until)| {
            Ok(Span {
                room_id: room
                    .parse()
                    .map_err(|error| DbError::unreadable("spans", "room_id", error))?,
                after,
                until,
            })
        })
        .collect()
}

/// The spans of a participant in one room, oldest first.
pub async fn in_room(
    tenant: &Tenant,
    db: &crate::db::Db,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Vec<Span>, DbError> {
    let rows: Vec<(i64, Option<i64>)> = sqlx::query_as(
        "SELECT after_position, until_position FROM spans
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3 ORDER BY after_position",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .fetch_all(db.reader())
    .await?;
    let span = |(after, until)| Span {
        room_id: room,
        after,
        until,
    };
    Ok(rows.into_iter().map(span).collect())
}

/// What decides about how much of a room's history a participant reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// The relation to the room.
    pub membership: Membership,
    /// From when on members read.
    pub history_visibility: HistoryVisibility,
    /// The last time in the room: from after which position, and up to which one. Spans of one position are single
    /// events that were shown to somebody outside, such as an invitation.
    pub last: Option<(i64, Option<i64>)>,
}

/// A participant's stay in a room; `None`: no relation to it.
pub async fn stay<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Option<Stay>, DbError> {
    let row: Option<(String, String, Option<i64>, Option<i64>)> = sqlx::query_as(
        "SELECT m.membership, r.history_visibility, s.after_position, s.until_position
         FROM members m JOIN rooms r ON r.tenant = m.tenant AND r.id = m.room_id
         LEFT JOIN spans s ON s.tenant = m.tenant AND s.participant_id = m.participant_id AND s.room_id = m.room_id
             AND (s.until_position IS NULL OR s.until_position > s.after_position + 1)
         WHERE m.tenant = $1 AND m.room_id = $2 AND m.participant_id = $3
         ORDER BY s.after_position DESC LIMIT 1",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(participant.to_string())
    .fetch_optional(on)
    .await?;
    row.map(|(membership, history_visibility, after, until)| {
        Ok(Stay {
            membership: from_word("members", "membership", membership)?,
            history_visibility: from_word("rooms", "history_visibility", history_visibility)?,
            last: after.map(|after| (after, until)),
        })
    })
    .transpose()
}
