//! The table `unfederated_rooms`.

use sqlx::AnyExecutor;

use crate::db::{DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::tenants::Tenant;

/// Whether an admin has taken the room out of the federation.
pub async fn contains<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room: RoomId,
) -> Result<bool, DbError> {
    let sql = "SELECT COUNT(*) FROM unfederated_rooms WHERE tenant = $1 AND room_id = $2";
    let found: i64 = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .fetch_one(on)
        .await?;
    Ok(found > 0)
}

/// Takes the room out of the federation, or back into it.
pub async fn set(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
    is_unfederated: bool,
) -> Result<(), DbError> {
    let sql = match is_unfederated {
        true => {
            "INSERT INTO unfederated_rooms (tenant, room_id) VALUES ($1, $2) ON CONFLICT DO NOTHING"
        }
        false => "DELETE FROM unfederated_rooms WHERE tenant = $1 AND room_id = $2",
    };
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}
