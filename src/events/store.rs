//! The tables `events` and `streams`; `logs` and `log_keys` stand in [`logs`], `log_gaps` in [`gaps`], `tenant_keys` in
//! [`keys`]. The only
//! SQL that touches them.

pub mod contents;
mod forget;
pub mod forks;
pub mod gaps;
pub mod keys;
pub mod logs;
pub mod meeting;
pub mod positions;

use std::sync::Arc;

pub use forget::forget_room;
use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::core::event::Event;
use super::core::hash::Hash;
use super::core::ids::{EventId, RoomId};
use super::core::names::ServerName;
use super::model::{Kind, Placed, Shown};
use crate::db::{Db, DbError, Tx, rows};
use crate::tenants::Tenant;

/// What [`read`] reads, in the table `events`.
pub const COLUMNS: &str = "stream_position, event_id, room_id, origin, epoch, seq, prev, hash, sender, type, ts, state_seq, \
     state_hash, content_hash, salt, content, key_id, signature, verdict, shown, kind, target_id";
const COLUMN_COUNT: usize = 23;

/// Takes the tenant's stream for this transaction and reads the last position given out.
pub async fn lock_position(tenant: &Tenant, tx: &mut Tx) -> Result<i64, DbError> {
    let sql = "UPDATE streams SET position = position WHERE tenant = $1 RETURNING position";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_one(tx.conn())
        .await?)
}

/// Records the last position given out.
pub async fn set_position(tenant: &Tenant, tx: &mut Tx, position: i64) -> Result<(), DbError> {
    sqlx::query("UPDATE streams SET position = $2 WHERE tenant = $1")
        .bind(tenant.key())
        .bind(position)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The last position that readers can see.
pub async fn position(tenant: &Tenant, db: &Db) -> Result<i64, DbError> {
    let sql = "SELECT position FROM streams WHERE tenant = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_one(db.reader())
        .await?)
}

/// Appends events. One that arrived early by itself (an invitation), or whose content came late, moves to where its log
/// puts it.
pub async fn insert(tenant: &Tenant, tx: &mut Tx, placed: &[Placed]) -> Result<(), DbError> {
    for run in rows::runs(placed) {
        let sql = format!(
            "INSERT INTO events (tenant, {COLUMNS}) VALUES {} ON CONFLICT (tenant, room_id, origin, epoch, seq)
             DO UPDATE SET stream_position = excluded.stream_position, shown = excluded.shown, verdict = excluded.verdict",
            rows::values(tx.backend(), run.len(), COLUMN_COUNT)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for item in run {
            let event = &item.event;
            query = query
                .bind(tenant.key())
                .bind(item.position)
                .bind(event.event_id.to_string())
                .bind(event.room_id.to_string())
                .bind(event.origin.to_string())
                .bind(event.epoch)
                .bind(event.seq)
                .bind(event.prev.map(|hash| hash.to_string()))
                .bind(item.hash.to_string())
                .bind(event.sender.as_ref().map(ToString::to_string))
                .bind(event.event_type.to_string())
                .bind(event.ts)
                .bind(event.state_seq)
                .bind(event.state_hash.map(|hash| hash.to_string()))
                .bind(event.content_hash.to_string())
                .bind(event.salt.clone())
                .bind(event.content.as_ref().map(ToString::to_string))
                .bind(event.key_id.to_string())
                .bind(event.signature.to_string())
                .bind(item.standing.as_str())
                .bind(item.shown as i64)
                .bind(item.kind as i64)
                .bind(item.target.map(|id| id.to_string()));
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Moves an event that waited to its new place in the stream.
pub async fn settle(tenant: &Tenant, tx: &mut Tx, placed: &Placed) -> Result<(), DbError> {
    sqlx::query("UPDATE events SET stream_position = $3, verdict = $4, shown = $5 WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(placed.event.event_id.to_string())
        .bind(placed.position)
        .bind(placed.standing.as_str())
        .bind(placed.shown as i64)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Records that an event does not count: its content goes, its place stays.
pub async fn make_void(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE events SET verdict = 'void', shown = 0, content = NULL, salt = NULL WHERE tenant = $1 AND event_id = $2",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .execute(tx.conn())
    .await?;
    contents::forget(tenant, tx, event_id).await
}

/// Erases a message and its edits; chain and signatures go on verifying.
pub async fn erase(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    let id = event_id.to_string();
    sqlx::query(
        "UPDATE events SET content = NULL, salt = NULL WHERE tenant = $1 AND event_id = $2",
    )
    .bind(tenant.key())
    .bind(&id)
    .execute(tx.conn())
    .await?;
    let sql = "UPDATE events SET content = NULL, salt = NULL
               WHERE tenant = $1 AND target_id = $2 AND type = 'swp.room.message.edit' AND verdict = 'valid'";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(&id)
        .execute(tx.conn())
        .await?;
    contents::forget(tenant, tx, event_id).await
}

/// Messages that `origin` redacted up to a place (epoch, seq) of its log and whose content is still here, or may still come.
pub async fn redacted_but_kept(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    (epoch, seq): (i64, i64),
) -> Result<Vec<EventId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT m.event_id FROM events r
         JOIN events m ON m.tenant = r.tenant AND m.event_id = r.target_id AND m.room_id = r.room_id
         WHERE r.tenant = $1 AND r.room_id = $2 AND r.origin = $3
           AND (r.epoch < $4 OR (r.epoch = $4 AND r.seq <= $5)) AND r.type = 'swp.room.redaction' AND r.verdict = 'valid' AND (m.content IS NOT NULL OR EXISTS (
             SELECT 1 FROM missing_contents c WHERE c.tenant = m.tenant AND c.event_id = m.event_id))",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(seq)
    .fetch_all(tx.conn())
    .await?;
    ids.iter().map(|id| parse("event_id", id)).collect()
}

/// State events and own leaves of a room in the order of their logs: what its view is folded from.
pub async fn deciding<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room_id: RoomId,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND kind > 0 ORDER BY origin, epoch, seq"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room_id.to_string())
        .fetch_all(on)
        .await?;
    rows.iter().map(read).collect()
}

/// Events of a room that wait for host state, in log order.
pub async fn waiting(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND verdict = 'wait' ORDER BY origin, epoch, seq"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room_id.to_string())
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(read).collect()
}

/// Timeline events of one origin that lie beyond `(epoch, seq)` and count so far; of one sender only, if given.
pub async fn beyond(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    (epoch, seq): (i64, i64),
    sender: Option<&str>,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND (epoch > $4 OR (epoch = $4 AND seq > $5)) AND verdict = 'valid' AND kind = 0
         AND ($6 = '' OR sender = $6) ORDER BY epoch, seq"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .bind(epoch)
        .bind(seq)
        .bind(sender.unwrap_or_default())
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(read).collect()
}

/// The highest `state_seq` that one origin's log claims up to `(epoch, seq)`.
pub async fn highest_claim(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    (epoch, seq): (i64, i64),
) -> Result<i64, DbError> {
    let highest: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(state_seq) FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND (epoch < $4 OR (epoch = $4 AND seq <= $5))",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(seq)
    .fetch_one(tx.conn())
    .await?;
    Ok(highest.unwrap_or(0))
}

/// What each event of one origin's log beyond `(epoch, seq)` claims as the host's state, in the order of the log.
pub async fn claims_beyond(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    (epoch, seq): (i64, i64),
) -> Result<Vec<((i64, i64), i64)>, DbError> {
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(
        "SELECT epoch, seq, state_seq FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND (epoch > $4 OR (epoch = $4 AND seq > $5)) ORDER BY epoch, seq",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(seq)
    .fetch_all(tx.conn())
    .await?;
    Ok(rows
        .into_iter()
        .map(|(epoch, seq, state_seq)| ((epoch, seq), state_seq))
        .collect())
}

/// The event with this id.
pub async fn by_id<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    event_id: EventId,
) -> Result<Option<Placed>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE tenant = $1 AND event_id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(event_id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Events about `target`, whatever their verdict, as of this transaction.
pub async fn about(tenant: &Tenant, tx: &mut Tx, target: EventId) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND target_id = $2 ORDER BY stream_position"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(target.to_string())
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(read).collect()
}

/// One origin's log from after `(epoch, seq)` on, at most `limit` events.
pub async fn log_page(
    tenant: &Tenant,
    db: &Db,
    room_id: RoomId,
    origin: &ServerName,
    (epoch, seq): (i64, i64),
    limit: i64,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq > $5
         ORDER BY seq LIMIT $6"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .bind(epoch)
        .bind(seq)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// An event and those that follow it in its log, `count` in all.
pub async fn run_of(
    tenant: &Tenant,
    tx: &mut Tx,
    first: EventId,
    count: i64,
) -> Result<Vec<Placed>, DbError> {
    let Some(found) = by_id(tenant, tx.conn(), first).await? else {
        return Ok(Vec::new());
    };
    let event = &found.event;
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq >= $5
         ORDER BY seq LIMIT $6"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(event.room_id.to_string())
        .bind(event.origin.as_str())
        .bind(event.epoch)
        .bind(event.seq)
        .bind(count)
        .fetch_all(tx.conn())
        .await?;
    rows.iter().map(read).collect()
}

/// What of a log is read: events up to a position of the stream, and some that came after it.
#[derive(Clone, Copy, Debug)]
pub struct Within {
    /// The last position.
    pub position: i64,
    /// One event beyond.
    pub also: Option<EventId>,
    /// Whatever stands in the log up to this epoch and number.
    pub until: Option<(i64, i64)>,
}

/// The end of what is read of one origin's log: its epoch, number and hash.
pub async fn last_within(
    tenant: &Tenant,
    db: &Db,
    room_id: RoomId,
    origin: &ServerName,
    within: Within,
) -> Result<Option<(i64, i64, Hash)>, DbError> {
    let (epoch, seq) = within.until.unwrap_or((0, 0));
    let row: Option<(i64, i64, String)> = sqlx::query_as(
        "SELECT epoch, seq, hash FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3
           AND (stream_position <= $4 OR event_id = $5 OR epoch < $6 OR (epoch = $6 AND seq <= $7))
         ORDER BY epoch DESC, seq DESC LIMIT 1",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(within.position)
    .bind(within.also.map(|id| id.to_string()).unwrap_or_default())
    .bind(epoch)
    .bind(seq)
    .fetch_optional(db.reader())
    .await?;
    row.map(|(epoch, seq, hash)| Ok((epoch, seq, parse("hash", &hash)?)))
        .transpose()
}

/// Everything after `position` in the order of the stream, for walking the whole store.
pub async fn walk(
    tenant: &Tenant,
    db: &Db,
    position: i64,
    limit: i64,
) -> Result<Vec<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND stream_position > $2 ORDER BY stream_position LIMIT $3"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(position)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// When the latest event of a room that clients are shown was sent, in ms.
pub async fn last_shown_at(
    tenant: &Tenant,
    db: &Db,
    room_id: RoomId,
) -> Result<Option<i64>, DbError> {
    let sql = "SELECT ts FROM events WHERE tenant = $1 AND room_id = $2 AND shown = 2
               ORDER BY stream_position DESC LIMIT 1";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room_id.to_string())
        .fetch_optional(db.reader())
        .await?)
}

/// Reads a row that holds every column of an event.
pub fn read(row: &AnyRow) -> Result<Placed, DbError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let optional = |column: &str| row.try_get::<Option<String>, _>(column);
    let event = Event {
        event_id: parse("event_id", &text("event_id")?)?,
        room_id: parse("room_id", &text("room_id")?)?,
        origin: name(&text("origin")?)?,
        epoch: row.try_get("epoch")?,
        seq: row.try_get("seq")?,
        prev: optional("prev")?
            .map(|hash| parse("prev", &hash))
            .transpose()?,
        sender: optional("sender")?
            .map(|sender| parse("sender", &sender))
            .transpose()?,
        event_type: parse("type", &text("type")?)?,
        ts: row.try_get("ts")?,
        state_seq: row.try_get("state_seq")?,
        state_hash: optional("state_hash")?
            .map(|hash| parse("state_hash", &hash))
            .transpose()?,
        content_hash: parse("content_hash", &text("content_hash")?)?,
        key_id: parse("key_id", &text("key_id")?)?,
        signature: parse("signature", &text("signature")?)?,
        content: optional("content")?
            .map(|content| {
                serde_json::from_str(&content).map_err(|error| unreadable("content", error))
            })
            .transpose()?,
        salt: optional("salt")?,
        content_flaw: None,
    };
    Ok(Placed {
        position: row.try_get("stream_position")?,
        hash: parse("hash", &text("hash")?)?,
        standing: text("verdict")?
            .parse()
            .map_err(|error| unreadable("verdict", error))?,
        shown: Shown::from_column(row.try_get("shown")?),
        kind: match row.try_get::<i64, _>("kind")? {
            1 => Kind::State,
            2 => Kind::Bookkeeping,
            _ => Kind::Timeline,
        },
        target: optional("target_id")?
            .map(|id| parse("target_id", &id))
            .transpose()?,
        event: Arc::new(event),
    })
}

fn name(text: &str) -> Result<ServerName, DbError> {
    text.parse().map_err(|error| unreadable("origin", error))
}

fn parse<T: std::str::FromStr>(column: &'static str, text: &str) -> Result<T, DbError>
where
    T::Err: ToString,
{
    text.parse()
        .map_err(|error: T::Err| unreadable(column, error))
}

fn unreadable(column: &'static str, reason: impl ToString) -> DbError {
    DbError::unreadable("events", column, reason)
}
