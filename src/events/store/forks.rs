//! Forked logs: where they are frozen, hiding what stands there, and the evidence (the table `forks`).

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::{COLUMNS, name, parse, read};
use crate::db::{Db, DbError, Tx};
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// Pieces of evidence that are kept of one log.
const MOST_EVIDENCE: i64 = 16;

/// A place in one origin's log of a room.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: &'a ServerName,
    /// The log's epoch.
    pub epoch: i64,
    /// The number in the epoch.
    pub seq: i64,
}

/// Records that a log forks at this place, unless it does so at an earlier one.
pub async fn mark(tenant: &Tenant, tx: &mut Tx, at: Place<'_>) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE logs SET forked_at = $5 WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4
         AND (forked_at IS NULL OR forked_at > $5)",
    )
    .bind(tenant.key())
    .bind(at.room_id.to_string())
    .bind(at.origin.as_str())
    .bind(at.epoch)
    .bind(at.seq)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// An event that is hidden.
#[derive(Clone, Debug)]
pub struct Hidden {
    /// It.
    pub event_id: EventId,
    /// The event that it is about.
    pub about: Option<EventId>,
    /// With an own leave: whose.
    pub leaver: Option<Fqid>,
}

/// Hides the timeline of a log from this place on, whether it counted or waited, and undoes own leaves.
pub async fn freeze(tenant: &Tenant, tx: &mut Tx, from: Place<'_>) -> Result<Vec<Hidden>, DbError> {
    let rows = sqlx::query(
        "UPDATE events SET verdict = 'frozen', shown = 0 WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND epoch = $4 AND seq >= $5 AND (kind = 0 OR type = 'swp.room.leave') AND verdict IN ('valid', 'wait')
         RETURNING event_id, target_id, kind, sender",
    )
    .bind(tenant.key())
    .bind(from.room_id.to_string())
    .bind(from.origin.as_str())
    .bind(from.epoch)
    .bind(from.seq)
    .fetch_all(tx.conn())
    .await?;
    rows.iter()
        .map(|row| {
            let is_leave = row.try_get::<i64, _>("kind")? != 0;
            let optional = |column: &str| row.try_get::<Option<String>, _>(column);
            let about = optional("target_id")?.map(|id| parse("target_id", &id));
            let leaver = optional("sender")?.filter(|_| is_leave);
            let leaver = leaver.map(|sender| parse("sender", &sender));
            Ok(Hidden {
                event_id: parse("event_id", &row.try_get::<String, _>("event_id")?)?,
                about: about.transpose()?,
                leaver: leaver.transpose()?,
            })
        })
        .collect()
}

/// Takes the state events of a host's log from this place on out of the state: they wait.
pub async fn suspend_state(tenant: &Tenant, tx: &mut Tx, from: Place<'_>) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE events SET verdict = 'wait', shown = 0 WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND epoch = $4 AND seq >= $5 AND kind = 1",
    )
    .bind(tenant.key())
    .bind(from.room_id.to_string())
    .bind(from.origin.as_str())
    .bind(from.epoch)
    .bind(from.seq)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The timeline events of one origin's log that may rest on the host's state from `state_seq` on, each with the highest
/// `state_seq` that the log claims up to it: those behind the first such claim, and the void ones.
pub async fn resting_on(
    tenant: &Tenant,
    tx: &mut Tx,
    (room_id, origin): (RoomId, &ServerName),
    state_seq: i64,
) -> Result<Vec<(Placed, i64)>, DbError> {
    let sql = format!(
        "SELECT * FROM (
             SELECT {COLUMNS}, MAX(state_seq) OVER (ORDER BY epoch, seq) AS highest FROM events
             WHERE tenant = $1 AND room_id = $2 AND origin = $3) e
         WHERE kind = 0 AND (verdict = 'void' OR (verdict = 'valid' AND highest >= $4)) ORDER BY epoch, seq"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .bind(state_seq)
        .fetch_all(tx.conn())
        .await?;
    rows.iter()
        .map(|row| Ok((read(row)?, row.try_get("highest")?)))
        .collect()
}

/// What stands at a place of a log, as of this transaction.
pub async fn standing_at(
    tenant: &Tenant,
    tx: &mut Tx,
    at: Place<'_>,
) -> Result<Option<Placed>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq = $5"
    );
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(at.room_id.to_string())
        .bind(at.origin.as_str())
        .bind(at.epoch)
        .bind(at.seq)
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Keeps a second event for a place that is taken. True: it was not known, and there is room for it.
pub async fn keep(
    tenant: &Tenant,
    tx: &mut Tx,
    (second, hash): (&Event, Hash),
    peer: &ServerName,
    now_ms: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "INSERT INTO forks (tenant, room_id, origin, epoch, seq, event_id, hash, event, peer, created_at)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE (SELECT COUNT(*) FROM forks WHERE tenant = $1 AND room_id = $2 AND origin = $3) < $11
         ON CONFLICT (tenant, room_id, origin, epoch, seq, hash) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(second.room_id.to_string())
    .bind(second.origin.as_str())
    .bind(second.epoch)
    .bind(second.seq)
    .bind(second.event_id.to_string())
    .bind(hash.to_string())
    .bind(second.without_content().to_value().to_string())
    .bind(peer.as_str())
    .bind(now_ms)
    .bind(MOST_EVIDENCE)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Whether an event is kept as evidence already.
pub async fn is_kept(tenant: &Tenant, db: &Db, event: &Event, hash: Hash) -> Result<bool, DbError> {
    let found: Option<i64> = sqlx::query_scalar(
        "SELECT created_at FROM forks
         WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq = $5 AND hash = $6",
    )
    .bind(tenant.key())
    .bind(event.room_id.to_string())
    .bind(event.origin.as_str())
    .bind(event.epoch)
    .bind(event.seq)
    .bind(hash.to_string())
    .fetch_optional(db.reader())
    .await?;
    Ok(found.is_some())
}

/// A fork, as admins see it: the lowest place of a log for which a second event is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// The log's epoch.
    pub epoch: i64,
    /// The place.
    pub seq: i64,
    /// The event that stands there; none if it is not here any more.
    pub standing: Option<Hash>,
    /// The one that was signed beside it.
    pub second: Hash,
    /// Who delivered that.
    pub peer: ServerName,
    /// When, in ms.
    pub found_at: i64,
    /// Whether the log is frozen from there on.
    pub is_frozen: bool,
}

/// The forks of all logs that this server holds, in the order of rooms.
pub async fn list(tenant: &Tenant, db: &Db) -> Result<Vec<Fork>, DbError> {
    let rows = sqlx::query(
        "SELECT f.room_id, f.origin, f.epoch, f.seq, f.hash, f.peer, f.created_at, e.hash AS standing,
             CAST(CASE WHEN l.forked_at <= f.seq THEN 1 ELSE 0 END AS BIGINT) AS frozen
         FROM forks f JOIN logs l ON l.tenant = f.tenant AND l.room_id = f.room_id AND l.origin = f.origin AND l.epoch = f.epoch
         LEFT JOIN events e ON e.tenant = f.tenant AND e.room_id = f.room_id AND e.origin = f.origin AND e.epoch = f.epoch
             AND e.seq = f.seq
         WHERE f.tenant = $1 AND NOT EXISTS (
             SELECT 1 FROM forks o WHERE o.tenant = f.tenant AND o.room_id = f.room_id AND o.origin = f.origin
             AND o.epoch = f.epoch AND (o.seq < f.seq OR (o.seq = f.seq AND o.hash < f.hash)))
         ORDER BY f.room_id, f.origin",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read_fork).collect()
}

fn read_fork(row: &AnyRow) -> Result<Fork, DbError> {
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let standing: Option<String> = row.try_get("standing")?;
    Ok(Fork {
        room_id: parse("room_id", &text("room_id")?)?,
        origin: name(&text("origin")?)?,
        epoch: row.try_get("epoch")?,
        seq: row.try_get("seq")?,
        standing: standing.map(|hash| parse("hash", &hash)).transpose()?,
        second: parse("hash", &text("hash")?)?,
        peer: name(&text("peer")?)?,
        found_at: row.try_get("created_at")?,
        is_frozen: row.try_get::<i64, _>("frozen")? != 0,
    })
}

/// Lifts the freeze of a log's epoch: what was hidden waits to be judged again.
pub async fn thaw(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    epoch: i64,
) -> Result<(), DbError> {
    for sql in [
        "UPDATE logs SET forked_at = NULL WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4",
        "UPDATE events SET verdict = 'wait' WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4
         AND verdict = 'frozen'",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .bind(room_id.to_string())
            .bind(origin.as_str())
            .bind(epoch)
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Takes what stands in an epoch from this place on out of the log, which ends before it then. The events come back, in their
/// order.
pub async fn exclude(
    tenant: &Tenant,
    tx: &mut Tx,
    from: Place<'_>,
) -> Result<Vec<Placed>, DbError> {
    let of_log = "tenant = $1 AND room_id = $2 AND origin = $3";
    let beyond = "(epoch > $4 OR (epoch = $4 AND seq >= $5))";
    let delete = format!("DELETE FROM events WHERE {of_log} AND {beyond} RETURNING {COLUMNS}");
    let missing = format!("DELETE FROM missing_contents WHERE {of_log} AND {beyond}");
    let ends = format!("DELETE FROM logs WHERE {of_log}");
    let end = format!(
        "INSERT INTO logs (tenant, room_id, origin, epoch, seq, hash, ts, state_seq)
         SELECT tenant, room_id, origin, epoch, seq, hash, ts, (SELECT MAX(state_seq) FROM events WHERE {of_log})
         FROM events WHERE {of_log} ORDER BY epoch DESC, seq DESC LIMIT 1"
    );
    let bound = |sql: String| {
        sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(from.room_id.to_string())
            .bind(from.origin.as_str())
    };
    let with_place = |sql| bound(sql).bind(from.epoch).bind(from.seq);
    let rows = with_place(delete).fetch_all(tx.conn()).await?;
    with_place(missing).execute(tx.conn()).await?;
    bound(ends).execute(tx.conn()).await?;
    bound(end).execute(tx.conn()).await?;
    let mut excluded: Vec<Placed> = rows.iter().map(read).collect::<Result<_, _>>()?;
    excluded.sort_unstable_by_key(|placed| (placed.event.epoch, placed.event.seq));
    Ok(excluded)
}
