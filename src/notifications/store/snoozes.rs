//! The table `snoozes`: what people want to be told of again.

use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::id;
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// A message of which a person wants to be told again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnoozeRow {
    /// Its own id.
    pub task_id: Uuid,
    /// The message.
    pub event_id: EventId,
    /// Its room.
    pub room_id: RoomId,
    /// When, in ms.
    pub until: i64,
    /// Since when, in ms.
    pub created_at: i64,
}

/// The columns that [`read`] reads.
const COLUMNS: &str = "task_id, event_id, room_id, until_at, created_at";

/// How many snoozes a person has beside one of this message.
pub async fn count_others(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    event_id: EventId,
) -> Result<i64, DbError> {
    let sql =
        "SELECT COUNT(*) FROM snoozes WHERE tenant = $1 AND participant_id = $2 AND event_id <> $3";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(event_id.to_string())
        .fetch_one(tx.conn())
        .await?)
}

/// Stores a snooze, in the place of one of the same message.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    row: &SnoozeRow,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO snoozes (tenant, task_id, participant_id, room_id, event_id, until_at, created_at, is_due)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0)
         ON CONFLICT (tenant, event_id, participant_id) DO UPDATE SET task_id = excluded.task_id,
             until_at = excluded.until_at, created_at = excluded.created_at, is_due = 0",
    )
    .bind(tenant.key())
    .bind(row.task_id.to_string())
    .bind(participant.to_string())
    .bind(row.room_id.to_string())
    .bind(row.event_id.to_string())
    .bind(row.until)
    .bind(row.created_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A page of a person's snoozes, the next to come first; `from`: time and id of the last one before.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    from: Option<(i64, Uuid)>,
    limit: i64,
) -> Result<Vec<SnoozeRow>, DbError> {
    let (until, task_id) = from.map_or((i64::MIN, String::new()), |(until, task)| {
        (until, task.to_string())
    });
    let sql = format!(
        "SELECT {COLUMNS} FROM snoozes WHERE tenant = $1 AND participant_id = $2
           AND (until_at > $3 OR (until_at = $3 AND task_id > $4))
         ORDER BY until_at, task_id LIMIT $5"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(until)
        .bind(task_id)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// The messages of a room of which a person wants to be told again.
pub async fn in_room(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Vec<EventId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT event_id FROM snoozes WHERE tenant = $1 AND participant_id = $2 AND room_id = $3
         ORDER BY until_at, task_id",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .fetch_all(db.reader())
    .await?;
    ids.iter()
        .map(|event| id("snoozes", "event_id", event))
        .collect()
}

/// Takes a snooze back. False: there is none with this id.
pub async fn delete(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    task_id: Uuid,
) -> Result<bool, DbError> {
    let sql = "DELETE FROM snoozes WHERE tenant = $1 AND participant_id = $2 AND task_id = $3";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(task_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// When the tenant's next snooze is due, in ms.
pub async fn next(tenant: &Tenant, db: &Db) -> Result<Option<i64>, DbError> {
    let sql = "SELECT MIN(until_at) FROM snoozes WHERE tenant = $1 AND is_due = 0";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_one(db.reader())
        .await?)
}

/// Records which snoozes are due at `now`, in ms, at most `limit`. Whose they are.
pub async fn fall_due(
    tenant: &Tenant,
    tx: &mut Tx,
    now: i64,
    limit: i64,
) -> Result<Vec<ParticipantId>, DbError> {
    let people: Vec<String> = sqlx::query_scalar(
        "UPDATE snoozes SET is_due = 1 WHERE tenant = $1 AND task_id IN (
             SELECT task_id FROM snoozes WHERE tenant = $1 AND is_due = 0 AND until_at <= $2
             ORDER BY until_at LIMIT $3)
         RETURNING participant_id",
    )
    .bind(tenant.key())
    .bind(now)
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    people
        .iter()
        .map(|person| id("snoozes", "participant_id", person))
        .collect()
}

/// Whether anything is due that a person has not been told of.
pub async fn has_due(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
) -> Result<bool, DbError> {
    let found: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM snoozes WHERE tenant = $1 AND participant_id = $2 AND is_due = 1",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .fetch_one(db.reader())
    .await?;
    Ok(found > 0)
}

/// Takes out what is due for a person, each for one caller only.
pub async fn take_due(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
) -> Result<Vec<SnoozeRow>, DbError> {
    let sql = format!(
        "DELETE FROM snoozes WHERE tenant = $1 AND participant_id = $2 AND is_due = 1 RETURNING {COLUMNS}"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(participant.to_string())
        .fetch_all(tx.conn())
        .await?;
    let mut due: Vec<SnoozeRow> = rows.iter().map(read).collect::<Result<_, _>>()?;
    due.sort_unstable_by_key(|row| (row.until, row.task_id));
    Ok(due)
}

fn read(row: &AnyRow) -> Result<SnoozeRow, DbError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    Ok(SnoozeRow {
        task_id: id("snoozes", "task_id", &text("task_id")?)?,
        event_id: id("snoozes", "event_id", &text("event_id")?)?,
        room_id: id("snoozes", "room_id", &text("room_id")?)?,
        until: row.try_get("until_at")?,
        created_at: row.try_get("created_at")?,
    })
}
