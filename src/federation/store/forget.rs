//! A room that is deleted for good was never on another server; what names it here all the same goes along.

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::RoomId;
use crate::tenants::Tenant;

/// Deletes what the federation's tables say of a room.
pub async fn forget_room(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM outbox WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM federation_rejected WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM restored_rooms WHERE tenant = $1 AND room_id = $2",
    ];
    rows::each(tx, tenant.key(), &room_id.to_string(), &statements).await
}
