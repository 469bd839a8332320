//! A room that never was on another server goes as a whole: its events, its log, and all that is known of either.

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::RoomId;
use crate::tenants::Tenant;

/// Deletes the events and logs of a room.
pub async fn forget_room(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM content_asks WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM missing_contents WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM forks WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM log_gaps WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM log_epoch_keys WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM log_keys WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM logs WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM events WHERE tenant = $1 AND room_id = $2",
    ];
    rows::each(tx, tenant.key(), &room_id.to_string(), &statements).await
}
