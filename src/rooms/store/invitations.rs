//! The rows of `members` that are invitations.

use sqlx::{AssertSqlSafe, Row};

use super::members::{COLUMNS, MemberRow, read};
use crate::db::{Db, DbError};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::tenants::Tenant;

/// Invitations that can be accepted: of a room (participant `None`) or of a participant (room `None`), in the order of
/// their keys, after `from`.
pub async fn open(
    tenant: &Tenant,
    db: &Db,
    room: Option<RoomId>,
    participant: Option<ParticipantId>,
    now: i64,
    from: &str,
    limit: i64,
) -> Result<Vec<(RoomId, MemberRow)>, DbError> {
    let sql = format!(
        "SELECT m.room_id, {COLUMNS} FROM members m
         WHERE m.tenant = $1 AND m.membership = 'invite' AND (m.expires_at IS NULL OR m.expires_at > $2)
           AND ($3 = '' OR m.room_id = $3) AND ($4 = '' OR m.participant_id = $4)
           AND m.room_id || m.participant_id > $5
         ORDER BY m.room_id, m.participant_id LIMIT $6"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(now)
        .bind(room.map(|id| id.to_string()).unwrap_or_default())
        .bind(participant.map(|id| id.to_string()).unwrap_or_default())
        .bind(from)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter()
        .map(|row| {
            let room = row
                .try_get::<String, _>("room_id")?
                .parse()
                .map_err(|error| DbError::unreadable("members", "room_id", error))?;
            Ok((room, read(row)?))
        })
        .collect()
}

/// Invitations to rooms hosted here that have run out: the room, and who was invited.
pub async fn run_out(
    tenant: &Tenant,
    db: &Db,
    now: i64,
    limit: i64,
) -> Result<Vec<(RoomId, Fqid)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.room_id, m.fqid FROM members m JOIN rooms r ON r.tenant = m.tenant AND r.id = m.room_id
         WHERE m.tenant = $1 AND m.expires_at <= $2 AND m.membership = 'invite' AND r.host = $3
         ORDER BY m.expires_at LIMIT $4",
    )
    .bind(tenant.key())
    .bind(now)
    .bind(tenant.server_name().as_str())
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(room, person)| {
            let room = room
                .parse()
                .map_err(|error| DbError::unreadable("members", "room_id", error))?;
            let person = person
                .parse()
                .map_err(|error| DbError::unreadable("members", "fqid", error))?;
            Ok((room, person))
        })
        .collect()
}
