//! Contents that are missing, and contents that come late.

use std::collections::HashSet;

use crate::db::{DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// Those of the places `from` to `to` of an epoch of a log whose events lack a content that may still come.
pub async fn lacking(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    epoch: i64,
    (from, to): (i64, i64),
) -> Result<HashSet<i64>, DbError> {
    let seqs: Vec<i64> = sqlx::query_scalar(
        "SELECT seq FROM events
         WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq BETWEEN $5 AND $6
         AND kind = 0 AND content IS NULL AND verdict IN ('valid', 'wait')",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(from)
    .bind(to)
    .fetch_all(tx.conn())
    .await?;
    Ok(seqs.into_iter().collect())
}

/// Gives an event the content that was missing, with what follows from it.
pub async fn fill(tenant: &Tenant, tx: &mut Tx, placed: &Placed) -> Result<(), DbError> {
    let event = &placed.event;
    sqlx::query(
        "UPDATE events SET content = $3, salt = $4, target_id = $5, stream_position = $6, verdict = $7, shown = $8
         WHERE tenant = $1 AND event_id = $2",
    )
    .bind(tenant.key())
    .bind(event.event_id.to_string())
    .bind(event.content.as_ref().map(ToString::to_string))
    .bind(event.salt.clone())
    .bind(placed.target.map(|id| id.to_string()))
    .bind(placed.position)
    .bind(placed.standing.as_str())
    .bind(placed.shown as i64)
    .execute(tx.conn())
    .await?;
    Ok(())
}
