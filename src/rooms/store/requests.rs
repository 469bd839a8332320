//! The table `peer_requests`: what another server asked for under a request id happens once, for ever.

use crate::db::{DbError, Tx};
use crate::events::core::ids::{EventId, RoomId};
use crate::rooms::timeline::Asked;
use crate::tenants::Tenant;

/// What came of a request the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answered {
    /// In which room.
    pub room_id: RoomId,
    /// The first event that it caused; none: it was so already.
    pub first: Option<EventId>,
    /// How many events it caused, one after another in the own log.
    pub events: i64,
}

/// What came of this request, if it was carried out before.
pub async fn find(
    tenant: &Tenant,
    tx: &mut Tx,
    asked: &Asked,
) -> Result<Option<Answered>, DbError> {
    let row: Option<(String, Option<String>, i64)> = sqlx::query_as(
        "SELECT room_id, first_event, events FROM peer_requests WHERE tenant = $1 AND server = $2 AND request_id = $3",
    )
    .bind(tenant.key())
    .bind(asked.server.as_str())
    .bind(asked.request_id.to_string())
    .fetch_optional(tx.conn())
    .await?;
    row.map(|(room, first, events)| {
        let room_id = room
            .parse()
            .map_err(|error| DbError::unreadable("peer_requests", "room_id", error))?;
        let first = first
            .map(|id| id.parse())
            .transpose()
            .map_err(|error| DbError::unreadable("peer_requests", "first_event", error))?;
        Ok(Answered {
            room_id,
            first,
            events,
        })
    })
    .transpose()
}

/// Records what came of a request.
pub async fn record(
    tenant: &Tenant,
    tx: &mut Tx,
    asked: &Asked,
    answered: &Answered,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO peer_requests (tenant, server, request_id, room_id, first_event, events, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(tenant.key())
    .bind(asked.server.as_str())
    .bind(asked.request_id.to_string())
    .bind(answered.room_id.to_string())
    .bind(answered.first.map(|id| id.to_string()))
    .bind(answered.events)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}
