//! The table `room_settings`: what a participant alone decides about a room.

use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::tenants::Tenant;

/// A participant's own settings for a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnSettings {
    /// `all`, `mentions`, `none` or `inherit`.
    pub notification_mode: String,
    /// Until when it is mute, in ms.
    pub muted_until: Option<i64>,
}

/// The settings that were stored, if any were.
pub async fn get(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    room: RoomId,
) -> Result<Option<OwnSettings>, DbError> {
    let row: Option<(String, Option<i64>)> = sqlx::query_as(
        "SELECT notification_mode, muted_until FROM room_settings
         WHERE tenant = $1 AND participant_id = $2 AND room_id = $3",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .fetch_optional(db.reader())
    .await?;
    Ok(row.map(|(notification_mode, muted_until)| OwnSettings {
        notification_mode,
        muted_until,
    }))
}

/// Stores them.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    room: RoomId,
    settings: &OwnSettings,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO room_settings (tenant, participant_id, room_id, notification_mode, muted_until)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, participant_id, room_id)
         DO UPDATE SET notification_mode = excluded.notification_mode, muted_until = excluded.muted_until",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(room.to_string())
    .bind(&settings.notification_mode)
    .bind(settings.muted_until)
    .execute(tx.conn())
    .await?;
    Ok(())
}
