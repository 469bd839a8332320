//! The tables `mentions` and `replies`: what messages refer to.

use sqlx::AssertSqlSafe;

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::{EventId, ParticipantId};
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// Writes who is named in a message.
pub async fn mention(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    participants: &[ParticipantId],
) -> Result<(), DbError> {
    for run in rows::runs(participants) {
        let sql = format!(
            "INSERT INTO mentions (tenant, participant_id, room_id, stream_position, event_id) VALUES {}
             ON CONFLICT (tenant, participant_id, room_id, stream_position) DO NOTHING",
            rows::values(tx.backend(), run.len(), 5)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for participant in run {
            query = query
                .bind(tenant.key())
                .bind(participant.to_string())
                .bind(message.event.room_id.to_string())
                .bind(message.position)
                .bind(message.event.event_id.to_string());
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Writes what a message answers.
pub async fn reply(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    parent: EventId,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO replies (tenant, event_id, room_id, parent_id, stream_position, ts)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, event_id) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(message.event.event_id.to_string())
    .bind(message.event.room_id.to_string())
    .bind(parent.to_string())
    .bind(message.position)
    .bind(message.event.ts)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets who is named in a message.
pub async fn delete_mentions(
    tenant: &Tenant,
    tx: &mut Tx,
    event_id: EventId,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM mentions WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets who is named in a message and what it answers.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    delete_mentions(tenant, tx, event_id).await?;
    sqlx::query("DELETE FROM replies WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}
