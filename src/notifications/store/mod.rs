//! The tables of notifications: `keyword_alerts`, `dismissals` and `snoozes`.

pub mod inbox;
pub mod keywords;
pub mod people;
pub mod snoozes;

use crate::db::rows::{self, id};
use crate::db::{DbError, Tx};
use crate::events::core::ids::{EventId, RoomId};
use crate::tenants::Tenant;

/// Forgets what people have kept about a message that was redacted.
pub async fn forget(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM dismissals WHERE tenant = $1 AND event_id = $2",
        "DELETE FROM snoozes WHERE tenant = $1 AND event_id = $2",
    ];
    rows::each(tx, tenant.key(), &event_id.to_string(), &statements).await
}

/// Forgets what people have kept about a room's messages. Its events have to be there still.
pub async fn forget_room(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM dismissals WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM snoozes WHERE tenant = $1 AND room_id = $2",
    ];
    rows::each(tx, tenant.key(), &room_id.to_string(), &statements).await
}
