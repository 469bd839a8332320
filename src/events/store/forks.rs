//! Forked logs: where they are frozen, and hiding what stands there.

use sqlx::Row;

use super::parse;
use crate::db::{DbError, Tx};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

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

/// Hides the timeline of a log from this place on, whether it counted or waited. Each hidden event comes back with the
/// event that it is about.
pub async fn freeze(
    tenant: &Tenant,
    tx: &mut Tx,
    from: Place<'_>,
) -> Result<Vec<(EventId, Option<EventId>)>, DbError> {
    let rows = sqlx::query(
        "UPDATE events SET verdict = 'frozen', shown = 0 WHERE tenant = $1 AND room_id = $2 AND origin = $3
         AND epoch = $4 AND seq >= $5 AND kind = 0 AND verdict IN ('valid', 'wait') RETURNING event_id, target_id",
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
            let event_id = parse("event_id", &row.try_get::<String, _>("event_id")?)?;
            let target: Option<String> = row.try_get("target_id")?;
            let target = target.map(|id| parse("target_id", &id)).transpose()?;
            Ok((event_id, target))
        })
        .collect()
}
