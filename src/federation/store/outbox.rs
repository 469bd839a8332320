//! The tables `outbox` and `federation_jobs`.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::parse;
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::federation::core::delivery::LogPlace;
use crate::tenants::Tenant;

/// How far our log of a room is delivered to one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The room.
    pub room_id: RoomId,
    /// The last event that the other server has.
    pub sent: LogPlace,
    /// The last event that it is to have.
    pub end: LogPlace,
    /// Deliveries in a row that stalled.
    pub stalls: u32,
    /// Whether nothing follows after `end`.
    pub closing: bool,
}

/// A request that must arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub id: Uuid,
    /// `invite`, `request`, `evidence`.
    pub kind: String,
    /// Below the protocol's base path.
    pub path: String,
    /// JSON.
    pub body: String,
    /// When it is given up, in ms.
    pub expires_at: i64,
    /// How often it was refused for now.
    pub tries: u32,
}

/// Begins or resumes the delivery of our log of a room to a server that has it up to `sent`. One that goes on already
/// stays as it is.
pub async fn open(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    sent: LogPlace,
    end: LogPlace,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO outbox (tenant, destination, room_id, sent_epoch, sent_seq, end_epoch, end_seq, stalls,
             next_try_at, closing)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0)
         ON CONFLICT (tenant, destination, room_id) DO UPDATE SET sent_epoch = excluded.sent_epoch,
             sent_seq = excluded.sent_seq, end_epoch = excluded.end_epoch, end_seq = excluded.end_seq, stalls = 0,
             next_try_at = 0, last_error = NULL, closing = 0
         WHERE outbox.closing = 1",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(sent.epoch)
    .bind(sent.seq)
    .bind(end.epoch)
    .bind(end.seq)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Moves the end of our logs of these rooms, in the transaction that appends to them.
pub async fn extend(
    tenant: &Tenant,
    tx: &mut Tx,
    ends: &[(RoomId, LogPlace)],
) -> Result<(), DbError> {
    for run in rows::runs(ends) {
        let sql = format!(
            "WITH moved (room, epoch, seq) AS (VALUES {})
             UPDATE outbox SET end_epoch = moved.epoch, end_seq = moved.seq FROM moved
             WHERE outbox.tenant = ${} AND outbox.room_id = moved.room AND outbox.closing = 0",
            rows::values(tx.backend(), run.len(), 3),
            run.len() * 3 + 1
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (room_id, end) in run {
            query = query
                .bind(room_id.to_string())
                .bind(end.epoch)
                .bind(end.seq);
        }
        query.bind(tenant.key()).execute(tx.conn()).await?;
    }
    Ok(())
}

/// Ends the delivery to a server once it has our log up to `end`.
pub async fn close(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    end: LogPlace,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE outbox SET closing = 1, end_epoch = $4, end_seq = $5
         WHERE tenant = $1 AND destination = $2 AND room_id = $3",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(end.epoch)
    .bind(end.seq)
    .execute(tx.conn())
    .await?;
    forget_closed(tenant, tx, destination, room_id).await
}

/// Records how far a server has our log.
pub async fn reached(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    sent: LogPlace,
) -> Result<(), DbError> {
    let closing: Option<i64> = sqlx::query_scalar(
        "UPDATE outbox SET sent_epoch = $4, sent_seq = $5, stalls = 0, next_try_at = 0, last_error = NULL
         WHERE tenant = $1 AND destination = $2 AND room_id = $3 RETURNING closing",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(sent.epoch)
    .bind(sent.seq)
    .fetch_optional(tx.conn())
    .await?;
    match closing {
        Some(1) => forget_closed(tenant, tx, destination, room_id).await,
        _ => Ok(()),
    }
}

/// Whether our log of a room is still to be delivered to a server from before `place` on.
pub async fn lacks(
    tenant: &Tenant,
    db: &Db,
    destination: &ServerName,
    room_id: RoomId,
    place: LogPlace,
) -> Result<bool, DbError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT sent_seq FROM outbox WHERE tenant = $1 AND destination = $2 AND room_id = $3
           AND (sent_epoch < $4 OR (sent_epoch = $4 AND sent_seq < $5))",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(place.epoch)
    .bind(place.seq)
    .fetch_optional(db.reader())
    .await?;
    Ok(found.is_some())
}

/// Records that a server has our log up to `place` by other ways than our deliveries; one that has more stays as it is.
pub async fn holds(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    place: LogPlace,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE outbox SET sent_epoch = $4, sent_seq = $5, stalls = 0, next_try_at = 0, last_error = NULL
         WHERE tenant = $1 AND destination = $2 AND room_id = $3
           AND (sent_epoch < $4 OR (sent_epoch = $4 AND sent_seq < $5))
           AND (end_epoch > $4 OR (end_epoch = $4 AND end_seq >= $5))",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(place.epoch)
    .bind(place.seq)
    .execute(tx.conn())
    .await?;
    forget_closed(tenant, tx, destination, room_id).await
}

/// Records that a server can place nothing more of our log, and when to try again.
pub async fn stalled(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    next_try_at: i64,
    error: &str,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE outbox SET stalls = stalls + 1, next_try_at = $4, last_error = $5
         WHERE tenant = $1 AND destination = $2 AND room_id = $3",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .bind(next_try_at)
    .bind(error)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deliveries of a room in a row that stalled.
pub async fn stalls(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
) -> Result<u32, DbError> {
    let sql = "SELECT stalls FROM outbox WHERE tenant = $1 AND destination = $2 AND room_id = $3";
    let stalls: Option<i64> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(destination.as_str())
        .bind(room_id.to_string())
        .fetch_optional(tx.conn())
        .await?;
    Ok(u32::try_from(stalls.unwrap_or(0)).unwrap_or(u32::MAX))
}

/// Deletes the row of a room of which a server has all it is to have.
async fn forget_closed(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM outbox WHERE tenant = $1 AND destination = $2 AND room_id = $3 AND closing = 1
         AND sent_epoch = end_epoch AND sent_seq = end_seq",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(room_id.to_string())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the waiting of a server's stalled logs.
pub async fn retry_now(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
) -> Result<(), DbError> {
    sqlx::query("UPDATE outbox SET next_try_at = 0 WHERE tenant = $1 AND destination = $2")
        .bind(tenant.key())
        .bind(destination.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Rooms with something to deliver to a server now.
pub async fn pending(
    tenant: &Tenant,
    db: &Db,
    destination: &ServerName,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<Position>, DbError> {
    let rows = sqlx::query(
        "SELECT room_id, sent_epoch, sent_seq, end_epoch, end_seq, stalls, closing FROM outbox
         WHERE tenant = $1 AND destination = $2 AND next_try_at <= $3
           AND (sent_epoch <> end_epoch OR sent_seq <> end_seq)
         ORDER BY next_try_at, room_id LIMIT $4",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(now_ms)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_position).collect()
}

/// Servers of a tenant that have something to get now and may be tried.
pub async fn due(tenant: &Tenant, db: &Db, now_ms: i64) -> Result<Vec<ServerName>, DbError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT d.destination FROM (
             SELECT destination FROM outbox WHERE tenant = $1 AND next_try_at <= $2
                 AND (sent_epoch <> end_epoch OR sent_seq <> end_seq)
             UNION SELECT destination FROM federation_jobs WHERE tenant = $1 AND next_try_at <= $2
         ) d LEFT JOIN peers p ON p.tenant = $1 AND p.server_name = d.destination
         WHERE p.server_name IS NULL OR (p.paused = 0 AND p.next_send_at <= $2)",
    )
    .bind(tenant.key())
    .bind(now_ms)
    .fetch_all(db.reader())
    .await?;
    names.iter().map(|name| read_name(name)).collect()
}

/// How much waits for a server: rooms, events at most, and jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Rooms with something to deliver.
    pub rooms: i64,
    /// Events to deliver; a new epoch counts as one.
    pub events: i64,
    /// Requests to deliver.
    pub jobs: i64,
}

/// How much waits for each server of a tenant.
pub async fn depths(tenant: &Tenant, db: &Db) -> Result<Vec<(ServerName, Depth)>, DbError> {
    let rows = sqlx::query(
        "SELECT destination, CAST(SUM(rooms) AS BIGINT) AS rooms, CAST(SUM(events) AS BIGINT) AS events,
             CAST(SUM(jobs) AS BIGINT) AS jobs
         FROM (
             SELECT destination, 1 AS rooms,
                 CASE WHEN sent_epoch = end_epoch THEN end_seq - sent_seq ELSE end_seq + 1 END AS events, 0 AS jobs
             FROM outbox WHERE tenant = $1 AND (sent_epoch <> end_epoch OR sent_seq <> end_seq)
             UNION ALL SELECT destination, 0, 0, 1 FROM federation_jobs WHERE tenant = $1
         ) waiting GROUP BY destination",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let depth = Depth {
                rooms: row.try_get("rooms")?,
                events: row.try_get("events")?,
                jobs: row.try_get("jobs")?,
            };
            Ok((read_name(&row.try_get::<String, _>("destination")?)?, depth))
        })
        .collect()
}

/// A log that a server can place nothing more of, and why: the first one of each server.
pub async fn stalled_logs(
    tenant: &Tenant,
    db: &Db,
) -> Result<Vec<(ServerName, RoomId, String)>, DbError> {
    let rows = sqlx::query(
        "SELECT destination, room_id, last_error FROM outbox o WHERE tenant = $1 AND last_error IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM outbox f WHERE f.tenant = $1 AND f.destination = o.destination
             AND f.last_error IS NOT NULL AND f.room_id < o.room_id)",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let room_id = parse("outbox", "room_id", &row.try_get::<String, _>("room_id")?)?;
            let destination = read_name(&row.try_get::<String, _>("destination")?)?;
            Ok((destination, room_id, row.try_get("last_error")?))
        })
        .collect()
}

/// Adds a request that must arrive.
pub async fn add_job(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    job: &Job,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO federation_jobs (tenant, id, destination, kind, path, body, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tenant.key())
    .bind(job.id.to_string())
    .bind(destination.as_str())
    .bind(job.kind.clone())
    .bind(job.path.clone())
    .bind(job.body.clone())
    .bind(now_ms)
    .bind(job.expires_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The oldest request that waits for a server and may be tried.
pub async fn next_job(
    tenant: &Tenant,
    db: &Db,
    destination: &ServerName,
    now_ms: i64,
) -> Result<Option<Job>, DbError> {
    let row = sqlx::query(
        "SELECT id, kind, path, body, expires_at, tries FROM federation_jobs
         WHERE tenant = $1 AND destination = $2 AND next_try_at <= $3 ORDER BY created_at, id LIMIT 1",
    )
    .bind(tenant.key())
    .bind(destination.as_str())
    .bind(now_ms)
    .fetch_optional(db.reader())
    .await?;
    row.as_ref().map(read_job).transpose()
}

/// Lets a request that was refused for now rest until then.
pub async fn rest_job(
    tenant: &Tenant,
    tx: &mut Tx,
    id: Uuid,
    next_try_at: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE federation_jobs SET tries = tries + 1, next_try_at = $3 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(next_try_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deletes a request that arrived or was given up.
pub async fn remove_job(tenant: &Tenant, tx: &mut Tx, id: Uuid) -> Result<(), DbError> {
    sqlx::query("DELETE FROM federation_jobs WHERE tenant = $1 AND id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn read_position(row: &AnyRow) -> Result<Position, DbError> {
    let stalls: i64 = row.try_get("stalls")?;
    Ok(Position {
        room_id: parse("outbox", "room_id", &row.try_get::<String, _>("room_id")?)?,
        sent: LogPlace {
            epoch: row.try_get("sent_epoch")?,
            seq: row.try_get("sent_seq")?,
        },
        end: LogPlace {
            epoch: row.try_get("end_epoch")?,
            seq: row.try_get("end_seq")?,
        },
        stalls: u32::try_from(stalls).unwrap_or(u32::MAX),
        closing: row.try_get::<i64, _>("closing")? != 0,
    })
}

fn read_job(row: &AnyRow) -> Result<Job, DbError> {
    Ok(Job {
        id: parse("federation_jobs", "id", &row.try_get::<String, _>("id")?)?,
        kind: row.try_get("kind")?,
        path: row.try_get("path")?,
        body: row.try_get("body")?,
        expires_at: row.try_get("expires_at")?,
        tries: u32::try_from(row.try_get::<i64, _>("tries")?).unwrap_or(u32::MAX),
    })
}

fn read_name(text: &str) -> Result<ServerName, DbError> {
    text.parse()
        .map_err(|error| DbError::unreadable("outbox", "destination", error))
}
