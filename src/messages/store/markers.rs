//! The table `markers`: who has read how far.

use sqlx::AssertSqlSafe;

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Moves read markers to these events and positions; one that is further already stays. At most one row for each
/// participant and room.
pub async fn move_markers(
    tenant: &Tenant,
    tx: &mut Tx,
    markers: &[(ParticipantId, RoomId, EventId, i64)],
) -> Result<(), DbError> {
    for run in rows::runs(markers) {
        let sql = format!(
            "INSERT INTO markers (tenant, participant_id, room_id, event_id, stream_position) VALUES {}
             ON CONFLICT (tenant, participant_id, room_id) DO UPDATE
             SET event_id = excluded.event_id, stream_position = excluded.stream_position
             WHERE markers.stream_position < excluded.stream_position",
            rows::values(tx.backend(), run.len(), 5)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (participant, room, event, position) in run {
            query = query
                .bind(tenant.key())
                .bind(participant.to_string())
                .bind(room.to_string())
                .bind(event.to_string())
                .bind(*position);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}
