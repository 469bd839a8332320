//! What the store knows already of events that arrive together, read with few statements for all of them.

use std::collections::{HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::{COLUMNS, parse, read};
use crate::db::{DbError, Tx, rows};
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// Those of `ids` that are here.
pub async fn by_ids(
    tenant: &Tenant,
    tx: &mut Tx,
    ids: &[EventId],
) -> Result<HashMap<EventId, Placed>, DbError> {
    let mut found = HashMap::with_capacity(ids.len());
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql =
            format!("SELECT {COLUMNS} FROM events WHERE tenant = $1 AND event_id IN ({list})");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        for row in query.fetch_all(tx.conn()).await? {
            let placed = read(&row)?;
            found.insert(placed.event.event_id, placed);
        }
    }
    Ok(found)
}

/// Those of `ids` that some event here is about.
pub async fn spoken_of(
    tenant: &Tenant,
    tx: &mut Tx,
    ids: &[EventId],
) -> Result<HashSet<EventId>, DbError> {
    let mut found = HashSet::new();
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT DISTINCT target_id FROM events WHERE tenant = $1 AND target_id IN ({list})"
        );
        let query = sqlx::query_scalar(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        let targets: Vec<String> = query.fetch_all(tx.conn()).await?;
        for target in targets {
            found.insert(parse("target_id", &target)?);
        }
    }
    Ok(found)
}

/// The hashes of the events that stand at places `from` to `to` of an epoch of a log.
pub async fn hashes(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    epoch: i64,
    (from, to): (i64, i64),
) -> Result<HashMap<i64, Hash>, DbError> {
    let found = sqlx::query(
        "SELECT seq, hash FROM events
         WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq BETWEEN $5 AND $6",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(from)
    .bind(to)
    .fetch_all(tx.conn())
    .await?;
    let read = |row: &AnyRow| {
        let hash = parse("hash", &row.try_get::<String, _>("hash")?)?;
        Ok((row.try_get("seq")?, hash))
    };
    found.iter().map(read).collect()
}
