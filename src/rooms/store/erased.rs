//! Rooms that have ended for good: the column `erased_at` of `rooms`, and the table `departures`.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};
use uuid::Uuid;

use crate::db::rows::{self, id};
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Stands for the creator of a room of which nothing is known any more.
pub const NOBODY: ParticipantId = ParticipantId(Uuid::nil());

/// Somebody has left a room because it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Where in the stream this is told.
    pub position: i64,
    /// What it is called there.
    pub event_id: EventId,
    /// The room.
    pub room_id: RoomId,
    /// Who.
    pub participant_id: ParticipantId,
    /// When, in ms.
    pub left_at: i64,
}

/// Who is in a room, asked in, or asks to be.
pub async fn present(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
) -> Result<Vec<ParticipantId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT participant_id FROM members
         WHERE tenant = $1 AND room_id = $2 AND membership IN ('join', 'invite', 'knock') ORDER BY participant_id",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .fetch_all(tx.conn())
    .await?;
    ids.iter()
        .map(|text| id("members", "participant_id", text))
        .collect()
}

/// What is said of a room in tables of rooms goes. Its row stays, closed and without names; so do rows of those who were
/// there or invited, which say that they have left. Who had gone before is forgotten.
pub async fn close(tenant: &Tenant, tx: &mut Tx, room: RoomId, now: i64) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM spans WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM room_settings WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM once_keys WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM peer_requests WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM log_restarts WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM unfederated_rooms WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM dms WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM members WHERE tenant = $1 AND room_id = $2 AND membership IN ('leave', 'ban')",
    ];
    rows::each(tx, tenant.key(), &room.to_string(), &statements).await?;
    sqlx::query(
        "UPDATE members SET membership = 'leave', power_level = 0, joined_at = NULL, changed_at = $3, invited_by = NULL,
             reason = NULL, expires_at = NULL
         WHERE tenant = $1 AND room_id = $2",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(now)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "UPDATE rooms SET state = 'closed', name = NULL, topic = NULL, alias = NULL, visibility = NULL,
             read_role_slugs = '[]', avatar_url = NULL, history_visibility = 'shared', edit_window_seconds = 0,
             creator_id = $3, power_levels = '{}', member_count = 0, workspace_id = NULL,
             erased_at = $4
         WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(NOBODY.to_string())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records who has left. Of the room they are shown this, and nothing before it.
pub async fn depart(tenant: &Tenant, tx: &mut Tx, departures: &[Departure]) -> Result<(), DbError> {
    for run in rows::runs(departures) {
        let sql = format!(
            "INSERT INTO departures (tenant, participant_id, stream_position, event_id, room_id, left_at) VALUES {}",
            rows::values(tx.backend(), run.len(), 6)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for departure in run {
            query = query
                .bind(tenant.key())
                .bind(departure.participant_id.to_string())
                .bind(departure.position)
                .bind(departure.event_id.to_string())
                .bind(departure.room_id.to_string())
                .bind(departure.left_at);
        }
        query.execute(tx.conn()).await?;
    }
    let Some(room) = departures.first().map(|departure| departure.room_id) else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO spans (tenant, participant_id, room_id, after_position, until_position)
         SELECT tenant, participant_id, room_id, stream_position - 2, stream_position FROM departures
         WHERE tenant = $1 AND room_id = $2",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Whether the room has ended for good.
pub async fn contains<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room: RoomId,
) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM rooms WHERE tenant = $1 AND id = $2 AND erased_at IS NOT NULL";
    let found: i64 = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .fetch_one(on)
        .await?;
    Ok(found > 0)
}

const COLUMNS: &str = "stream_position, event_id, room_id, participant_id, left_at";

/// A person's departures after one position and up to another, the first `limit` of them.
pub async fn of_participant(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    (after, until): (i64, i64),
    limit: i64,
) -> Result<Vec<Departure>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM departures
         WHERE tenant = $1 AND participant_id = $2 AND stream_position > $3 AND stream_position <= $4
         ORDER BY stream_position LIMIT $5"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(after)
        .bind(until)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// Everybody's departures after one position and up to another.
pub async fn between(
    tenant: &Tenant,
    db: &Db,
    (after, until): (i64, i64),
) -> Result<Vec<Departure>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM departures
         WHERE tenant = $1 AND stream_position > $2 AND stream_position <= $3 ORDER BY stream_position"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(after)
        .bind(until)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// Forgets who left before `time`, in ms: who has not asked by then is told no more.
pub async fn forget_departures(tenant: &Tenant, tx: &mut Tx, time: i64) -> Result<(), DbError> {
    let long_ago = "(SELECT room_id FROM departures WHERE tenant = $1 AND left_at < $2)";
    for sql in [
        format!("DELETE FROM members WHERE tenant = $1 AND room_id IN {long_ago}"),
        format!("DELETE FROM spans WHERE tenant = $1 AND room_id IN {long_ago}"),
        "DELETE FROM departures WHERE tenant = $1 AND left_at < $2".to_owned(),
    ] {
        sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(time)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Whether anybody left before `time`, in ms.
pub async fn has_departures_before(tenant: &Tenant, db: &Db, time: i64) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM departures WHERE tenant = $1 AND left_at < $2";
    let found: i64 = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(time)
        .fetch_one(db.reader())
        .await?;
    Ok(found > 0)
}

fn read(row: &AnyRow) -> Result<Departure, DbError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    Ok(Departure {
        position: row.try_get("stream_position")?,
        event_id: id("departures", "event_id", &text("event_id")?)?,
        room_id: id("departures", "room_id", &text("room_id")?)?,
        participant_id: id("departures", "participant_id", &text("participant_id")?)?,
        left_at: row.try_get("left_at")?,
    })
}
