//! The table `dms`: which room is the DM of two people.
//!
//! Two people of different servers may make one each at the same moment. All servers choose the same: the one that was
//! created first, at the same time the one with the smaller id.

use sqlx::AnyExecutor;

use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::rooms::core::content::Membership;
use crate::tenants::Tenant;

/// Two people, smaller id first.
pub type Pair = (ParticipantId, ParticipantId);

/// The pair that two people are.
pub fn pair(one: ParticipantId, other: ParticipantId) -> Pair {
    (one.min(other), one.max(other))
}

/// The DM of two people.
pub async fn room_of<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    (first, other): Pair,
) -> Result<Option<RoomId>, DbError> {
    let room: Option<String> = sqlx::query_scalar(
        "SELECT room_id FROM dms WHERE tenant = $1 AND first_id = $2 AND other_id = $3",
    )
    .bind(tenant.key())
    .bind(first.to_string())
    .bind(other.to_string())
    .fetch_optional(on)
    .await?;
    room.map(|id| parsed("room_id", &id)).transpose()
}

/// All DMs of somebody, with the other person of each.
pub async fn of_person(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
) -> Result<Vec<(ParticipantId, RoomId)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT other_id, room_id FROM dms WHERE tenant = $1 AND first_id = $2
         UNION ALL SELECT first_id, room_id FROM dms WHERE tenant = $1 AND other_id = $2",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|(other, room)| Ok((parsed("other_id", other)?, parsed("room_id", room)?)))
        .collect()
}

/// Records a DM of two people, whose row in `rooms` is written already. One that was created before it stays.
pub async fn claim(
    tenant: &Tenant,
    tx: &mut Tx,
    (first, other): Pair,
    room: RoomId,
    created_at: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO dms (tenant, first_id, other_id, room_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, first_id, other_id) DO UPDATE SET room_id = excluded.room_id
         WHERE NOT EXISTS (SELECT 1 FROM rooms r WHERE r.tenant = dms.tenant AND r.id = dms.room_id
             AND (r.created_at < $5 OR (r.created_at = $5 AND r.id <= excluded.room_id)))",
    )
    .bind(tenant.key())
    .bind(first.to_string())
    .bind(other.to_string())
    .bind(room.to_string())
    .bind(created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A room that is or was made as the DM of two people, one of this server and one of another.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// The room.
    pub room_id: RoomId,
    /// Whether it is hosted here.
    pub is_here: bool,
    /// What the person of this server is in it.
    pub local: Membership,
    /// What the other person is in it.
    pub remote: Membership,
}

/// The open DM rooms that hold both of these people.
pub async fn candidates(
    tenant: &Tenant,
    db: &Db,
    local: ParticipantId,
    remote: ParticipantId,
) -> Result<Vec<Candidate>, DbError> {
    let rows: Vec<(String, i64, String, String)> = sqlx::query_as(
        "SELECT r.id, CASE WHEN r.host = $4 THEN 1 ELSE 0 END, own.membership, other.membership
         FROM members own
         JOIN members other ON other.tenant = own.tenant AND other.room_id = own.room_id
           AND other.participant_id = $3
         JOIN rooms r ON r.tenant = own.tenant AND r.id = own.room_id AND r.room_type = 'dm' AND r.state = 'open'
         WHERE own.tenant = $1 AND own.participant_id = $2 ORDER BY r.created_at, r.id",
    )
    .bind(tenant.key())
    .bind(local.to_string())
    .bind(remote.to_string())
    .bind(tenant.server_name().as_str())
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(room, is_here, own, other)| {
            Ok(Candidate {
                room_id: parsed("room_id", &room)?,
                is_here: is_here == 1,
                local: super::rooms::from_word("members", "membership", own)?,
                remote: super::rooms::from_word("members", "membership", other)?,
            })
        })
        .collect()
}

/// Pairs of a person of this server and one of another, with more than one open DM room.
pub async fn with_several(
    tenant: &Tenant,
    db: &Db,
) -> Result<Vec<(ParticipantId, ParticipantId)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT own.participant_id, other.participant_id FROM rooms r
         JOIN members own ON own.tenant = r.tenant AND own.room_id = r.id AND own.server_name = $2
         JOIN members other ON other.tenant = r.tenant AND other.room_id = r.id AND other.server_name <> $2
         WHERE r.tenant = $1 AND r.room_type = 'dm' AND r.state = 'open' AND r.federated = 1
         GROUP BY own.participant_id, other.participant_id HAVING COUNT(*) > 1",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|(own, other)| {
            Ok((
                parsed("participant_id", own)?,
                parsed("participant_id", other)?,
            ))
        })
        .collect()
}

fn parsed<T>(column: &'static str, text: &str) -> Result<T, DbError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| DbError::unreadable("dms", column, error))
}
