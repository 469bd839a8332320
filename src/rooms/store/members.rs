//! The table `members`.

use std::collections::HashSet;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::rooms::from_word;
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::rooms::core::content::Membership;
use crate::tenants::Tenant;

/// Somebody's relation to a room.
#[derive(Clone, Debug)]
pub struct MemberRow {
    /// Who.
    pub fqid: Fqid,
    /// The relation.
    pub membership: Membership,
    /// The level, 0 to 100.
    pub power_level: u8,
    /// Since when joined, in ms.
    pub joined_at: Option<i64>,
    /// When the relation last changed, in ms.
    pub changed_at: i64,
    /// Who made the change: with an invitation, who invited.
    pub invited_by: Option<ParticipantId>,
    /// Why.
    pub reason: Option<String>,
    /// Until when an invitation can be accepted, in ms.
    pub expires_at: Option<i64>,
}

impl MemberRow {
    /// The participant's id.
    pub fn participant_id(&self) -> ParticipantId {
        ParticipantId::derive(&self.fqid)
    }
}

/// The columns that [`read`] reads.
pub(super) const COLUMNS: &str = "m.fqid, m.membership, m.power_level, m.joined_at, m.changed_at, m.invited_by, m.reason, m.expires_at";

/// Writes the row anew.
pub async fn upsert(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
    member: &MemberRow,
) -> Result<(), DbError> {
    upsert_all(tenant, tx, &[(room, member)]).await
}

/// Writes rows anew, each of another person or room.
pub async fn upsert_all(
    tenant: &Tenant,
    tx: &mut Tx,
    members: &[(RoomId, &MemberRow)],
) -> Result<(), DbError> {
    for run in rows::runs(members) {
        let sql = format!(
            "INSERT INTO members (tenant, room_id, participant_id, fqid, server_name, membership, power_level, joined_at,
                 changed_at, invited_by, reason, expires_at)
             VALUES {}
             ON CONFLICT (tenant, room_id, participant_id) DO UPDATE SET membership = excluded.membership,
                 power_level = excluded.power_level, joined_at = excluded.joined_at, changed_at = excluded.changed_at,
                 invited_by = excluded.invited_by, reason = excluded.reason, expires_at = excluded.expires_at",
            rows::values(tx.backend(), run.len(), 12)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (room, member) in run {
            query = query
                .bind(tenant.key())
                .bind(room.to_string())
                .bind(member.participant_id().to_string())
                .bind(member.fqid.as_str())
                .bind(member.fqid.server_name().as_str())
                .bind(member.membership.as_str())
                .bind(i64::from(member.power_level))
                .bind(member.joined_at)
                .bind(member.changed_at)
                .bind(member.invited_by.map(|id| id.to_string()))
                .bind(&member.reason)
                .bind(member.expires_at);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Forgets everybody of a room.
pub async fn clear_room(tenant: &Tenant, tx: &mut Tx, room: RoomId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM members WHERE tenant = $1 AND room_id = $2")
        .bind(tenant.key())
        .bind(room.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// One participant's relation to a room.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room: RoomId,
    participant: ParticipantId,
) -> Result<Option<MemberRow>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM members m WHERE m.tenant = $1 AND m.room_id = $2 AND m.participant_id = $3"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(participant.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A page of members, highest level first: those of one membership, or all if it is empty, but for a hidden one. And how
/// many there are.
pub async fn list(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    (membership, hidden): (&str, Option<Membership>),
    limit: i64,
    offset: i64,
) -> Result<(Vec<MemberRow>, i64), DbError> {
    let hidden = hidden.map_or("", Membership::as_str);
    // How many are in a room stands in its row.
    let total = match membership {
        "join" => {
            "SELECT COALESCE(MAX(member_count), 0) FROM rooms
             WHERE tenant = $1 AND id = $2 AND $3 = 'join' AND $4 <> 'join'"
        }
        "" => {
            "SELECT COUNT(*) FROM members
             WHERE tenant = $1 AND room_id = $2 AND $3 = '' AND membership <> $4"
        }
        _ => {
            "SELECT COUNT(*) FROM members
             WHERE tenant = $1 AND room_id = $2 AND membership = $3 AND membership <> $4"
        }
    };
    let total: i64 = sqlx::query_scalar(total)
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(membership)
        .bind(hidden)
        .fetch_one(db.reader())
        .await?;
    // The index has those of one membership in this order, however many they are.
    let of_membership = match membership {
        "" => "$3 = ''",
        _ => "m.membership = $3",
    };
    let sql = format!(
        "SELECT {COLUMNS} FROM members m
         WHERE m.tenant = $1 AND m.room_id = $2 AND {of_membership} AND m.membership <> $4
         ORDER BY m.power_level DESC, m.participant_id LIMIT $5 OFFSET $6"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(membership)
        .bind(hidden)
        .bind(limit)
        .bind(offset)
        .fetch_all(db.reader())
        .await?;
    let members = rows.iter().map(read).collect::<Result<_, _>>()?;
    Ok((members, total))
}

/// The servers whose people are joined in a room.
pub async fn servers(tenant: &Tenant, db: &Db, room: RoomId) -> Result<Vec<ServerName>, DbError> {
    let sql = "SELECT DISTINCT server_name FROM members WHERE tenant = $1 AND room_id = $2 AND membership = 'join'";
    names(tenant, db, room, sql).await
}

/// The servers that any person with a relation to a room, present or past, belongs to.
pub async fn all_servers(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
) -> Result<Vec<ServerName>, DbError> {
    let sql = "SELECT DISTINCT server_name FROM members WHERE tenant = $1 AND room_id = $2";
    names(tenant, db, room, sql).await
}

async fn names(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    sql: &'static str,
) -> Result<Vec<ServerName>, DbError> {
    let names: Vec<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .fetch_all(db.reader())
        .await?;
    names
        .iter()
        .map(|name| parsed("server_name", name))
        .collect()
}

/// Whether people of a server are joined in a room.
pub async fn has_joined(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    server: &ServerName,
) -> Result<bool, DbError> {
    has_any(tenant, db, room, server, "AND membership = 'join'").await
}

/// Whether people of a server may have been in a room: they are, or were, or were banned from it or have declined before.
pub async fn maybe_joined(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    server: &ServerName,
) -> Result<bool, DbError> {
    has_any(
        tenant,
        db,
        room,
        server,
        "AND membership NOT IN ('invite', 'knock')",
    )
    .await
}

/// Whether a room concerns a server at all: people of it are or were in it, or are invited.
pub async fn concerns(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    server: &ServerName,
) -> Result<bool, DbError> {
    has_any(tenant, db, room, server, "").await
}

async fn has_any(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    server: &ServerName,
    of: &str,
) -> Result<bool, DbError> {
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM members
           WHERE tenant = $1 AND room_id = $2 AND server_name = $3 {of}) THEN 1 ELSE 0 END"
    );
    let found: i64 = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(server.as_str())
        .fetch_one(db.reader())
        .await?;
    Ok(found == 1)
}

/// Rooms that this server shares with others and in which something was written since `since`, in ms, or of which contents
/// or a piece of the host's log are not here yet: pairs of room and server. A server takes part as long as it has people in
/// the room, the host for ever. The names of others lie before and after the own one: `<>` would look at all own people.
pub async fn shared_rooms(
    tenant: &Tenant,
    db: &Db,
    since: i64,
) -> Result<Vec<(RoomId, ServerName)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT other.room_id, other.server_name FROM (
             SELECT m.room_id, m.server_name FROM members m
             WHERE m.tenant = $1 AND m.server_name < $2 AND m.membership = 'join'
             UNION SELECT m.room_id, m.server_name FROM members m
             WHERE m.tenant = $1 AND m.server_name > $2 AND m.membership = 'join'
             UNION SELECT r.id, r.host FROM rooms r WHERE r.tenant = $1 AND r.host < $2
             UNION SELECT r.id, r.host FROM rooms r WHERE r.tenant = $1 AND r.host > $2) other
         WHERE (EXISTS (SELECT 1 FROM members own WHERE own.tenant = $1 AND own.server_name = $2
             AND own.membership = 'join' AND own.room_id = other.room_id)
             OR EXISTS (SELECT 1 FROM rooms r WHERE r.tenant = $1 AND r.id = other.room_id AND r.host = $2))
           AND (EXISTS (SELECT 1 FROM logs l WHERE l.tenant = $1 AND l.room_id = other.room_id AND l.ts >= $3)
             OR EXISTS (SELECT 1 FROM missing_contents c WHERE c.tenant = $1 AND c.room_id = other.room_id)
             OR EXISTS (SELECT 1 FROM log_gaps g WHERE g.tenant = $1 AND g.room_id = other.room_id))",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .bind(since)
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(room, server)| {
            let room = parsed("room_id", &room)?;
            Ok((room, parsed("server_name", &server)?))
        })
        .collect()
}

/// Whether a server has people in a room that is here, or one of the two has an open invitation of the other's.
pub async fn knows_server(tenant: &Tenant, db: &Db, server: &ServerName) -> Result<bool, DbError> {
    let found: i64 = sqlx::query_scalar(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM members
             WHERE tenant = $1 AND server_name = $2 AND membership IN ('join', 'invite'))
           OR EXISTS (SELECT 1 FROM members m JOIN rooms r ON r.tenant = m.tenant AND r.id = m.room_id
             WHERE m.tenant = $1 AND m.server_name = $3 AND m.membership = 'invite' AND r.host = $2)
         THEN 1 ELSE 0 END",
    )
    .bind(tenant.key())
    .bind(server.as_str())
    .bind(tenant.server_name().as_str())
    .fetch_one(db.reader())
    .await?;
    Ok(found == 1)
}

/// Whether people of other servers are joined in any room.
pub async fn has_remote(tenant: &Tenant, db: &Db) -> Result<bool, DbError> {
    let found: i64 = sqlx::query_scalar(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM members
             WHERE tenant = $1 AND server_name < $2 AND membership = 'join')
           OR EXISTS (SELECT 1 FROM members
             WHERE tenant = $1 AND server_name > $2 AND membership = 'join') THEN 1 ELSE 0 END",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .fetch_one(db.reader())
    .await?;
    Ok(found == 1)
}

/// Those of `people` who belong to a server and are joined in any room.
pub async fn joined_anywhere(
    tenant: &Tenant,
    db: &Db,
    server: &ServerName,
    people: &[ParticipantId],
) -> Result<HashSet<ParticipantId>, DbError> {
    let mut joined = HashSet::with_capacity(people.len());
    for run in rows::runs(people) {
        let sql = format!(
            "SELECT DISTINCT participant_id FROM members WHERE tenant = $1 AND server_name = $2
               AND membership = 'join' AND participant_id IN ({})",
            rows::list(3, run.len())
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(server.as_str());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        let found: Vec<String> = query.fetch_all(db.reader()).await?;
        for id in found {
            joined.insert(parsed("participant_id", &id)?);
        }
    }
    Ok(joined)
}

/// The people of a server who are joined in those of `rooms` that are open.
pub async fn joined_in_open(
    tenant: &Tenant,
    db: &Db,
    server: &ServerName,
    rooms: &[RoomId],
) -> Result<HashSet<(RoomId, ParticipantId)>, DbError> {
    let mut joined = HashSet::new();
    for run in rows::runs(rooms) {
        let sql = format!(
            "SELECT m.room_id, m.participant_id FROM members m
             JOIN rooms r ON r.tenant = m.tenant AND r.id = m.room_id AND r.state = 'open'
             WHERE m.tenant = $1 AND m.server_name = $2 AND m.membership = 'join' AND m.room_id IN ({})",
            rows::list(3, run.len())
        );
        let query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(server.as_str());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        let found: Vec<(String, String)> = query.fetch_all(db.reader()).await?;
        for (room, participant) in found {
            let room = parsed("room_id", &room)?;
            joined.insert((room, parsed("participant_id", &participant)?));
        }
    }
    Ok(joined)
}

/// The other person of a DM.
pub async fn other_in_dm(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    participant: ParticipantId,
) -> Result<Option<ParticipantId>, DbError> {
    let id: Option<String> = sqlx::query_scalar(
        "SELECT participant_id FROM members WHERE tenant = $1 AND room_id = $2 AND participant_id <> $3 LIMIT 1",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(participant.to_string())
    .fetch_optional(db.reader())
    .await?;
    id.map(|id| parsed("participant_id", &id)).transpose()
}

/// Local people who are joined in a room.
pub async fn local_joined(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
) -> Result<Vec<ParticipantId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT participant_id FROM members
         WHERE tenant = $1 AND room_id = $2 AND membership = 'join' AND server_name = $3",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(tenant.server_name().as_str())
    .fetch_all(db.reader())
    .await?;
    ids.iter().map(|id| parsed("participant_id", id)).collect()
}

/// The rooms that somebody is joined in.
pub async fn joined_rooms(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
) -> Result<Vec<RoomId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT room_id FROM members WHERE tenant = $1 AND participant_id = $2 AND membership = 'join'",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .fetch_all(db.reader())
    .await?;
    ids.iter().map(|id| parsed("room_id", id)).collect()
}

/// Whether two people are joined in a room together.
pub async fn share_a_room(
    tenant: &Tenant,
    db: &Db,
    one: ParticipantId,
    other: ParticipantId,
) -> Result<bool, DbError> {
    let found: i64 = sqlx::query_scalar(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM members a JOIN members b
             ON b.tenant = a.tenant AND b.room_id = a.room_id AND b.participant_id = $3 AND b.membership = 'join'
           WHERE a.tenant = $1 AND a.participant_id = $2 AND a.membership = 'join') THEN 1 ELSE 0 END",
    )
    .bind(tenant.key())
    .bind(one.to_string())
    .bind(other.to_string())
    .fetch_one(db.reader())
    .await?;
    Ok(found == 1)
}

fn parsed<T>(column: &'static str, text: &str) -> Result<T, DbError>
where
    T: std::str::FromStr,
    T::Err: std::fmt::Display,
{
    text.parse()
        .map_err(|error| DbError::unreadable("members", column, error))
}

/// A row with [`COLUMNS`].
pub(super) fn read(row: &AnyRow) -> Result<MemberRow, DbError> {
    let fqid: String = row.try_get("fqid")?;
    let invited_by: Option<String> = row.try_get("invited_by")?;
    Ok(MemberRow {
        fqid: fqid
            .parse()
            .map_err(|error| DbError::unreadable("members", "fqid", error))?,
        membership: from_word("members", "membership", row.try_get("membership")?)?,
        power_level: u8::try_from(row.try_get::<i64, _>("power_level")?).unwrap_or(0),
        joined_at: row.try_get("joined_at")?,
        changed_at: row.try_get("changed_at")?,
        invited_by: invited_by
            .map(|id| {
                id.parse()
                    .map_err(|error| DbError::unreadable("members", "invited_by", error))
            })
            .transpose()?,
        reason: row.try_get("reason")?,
        expires_at: row.try_get("expires_at")?,
    })
}
