//! A room whose events are deleted for good takes all that was made from its messages along.

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::RoomId;
use crate::tenants::Tenant;

/// Deletes what is known of a room's messages. Its events have to be there still.
pub async fn forget_room(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<(), DbError> {
    let statements = [
        "DELETE FROM message_changes WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM reactions WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM mentions WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM replies WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM priority_marks WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM keyword_matches WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM pins WHERE tenant = $1 AND room_id = $2",
        "DELETE FROM sends WHERE tenant = $1 AND event_id IN (
             SELECT event_id FROM events WHERE tenant = $1 AND room_id = $2)",
        "DELETE FROM markers WHERE tenant = $1 AND room_id = $2",
    ];
    rows::each(tx, tenant.key(), &room_id.to_string(), &statements).await
}
