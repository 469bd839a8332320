//! The table `once_keys`: what a client asked for under a key happens only once.

use crate::db::{DbError, Tx};
use crate::events::core::ids::{EventId, RoomId};
use crate::rooms::timeline::Once;
use crate::tenants::Tenant;

/// How long a key counts, in ms: 24 hours.
const KEPT_MS: i64 = 24 * 3600 * 1000;

/// What happened under this key.
pub async fn find(
    tenant: &Tenant,
    tx: &mut Tx,
    once: &Once,
    now: i64,
) -> Result<Option<(RoomId, EventId)>, DbError> {
    let row: Option<(String, String)> = sqlx::query_as(
        "SELECT room_id, event_id FROM once_keys WHERE tenant = $1 AND scope = $2 AND key = $3 AND created_at > $4",
    )
    .bind(tenant.key())
    .bind(&once.scope)
    .bind(&once.key)
    .bind(now - KEPT_MS)
    .fetch_optional(tx.conn())
    .await?;
    row.map(|(room, event)| {
        let room = room
            .parse()
            .map_err(|error| DbError::unreadable("once_keys", "room_id", error))?;
        let event = event
            .parse()
            .map_err(|error| DbError::unreadable("once_keys", "event_id", error))?;
        Ok((room, event))
    })
    .transpose()
}

/// Records it, and lets go of keys that no longer count.
pub async fn record(
    tenant: &Tenant,
    tx: &mut Tx,
    once: &Once,
    room: RoomId,
    event: EventId,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM once_keys WHERE tenant = $1 AND created_at <= $2")
        .bind(tenant.key())
        .bind(now - KEPT_MS)
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "INSERT INTO once_keys (tenant, scope, key, room_id, event_id, created_at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant.key())
    .bind(&once.scope)
    .bind(&once.key)
    .bind(room.to_string())
    .bind(event.to_string())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}
