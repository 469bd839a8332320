//! The table `reactions`.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::id;
use crate::db::{DbError, Tx};
use crate::events::core::ids::EventId;
use crate::messages::model::Reaction;
use crate::tenants::Tenant;

/// Writes an add or a remove, unless a later one of the same person and emoji is there. Compared here and not in SQL,
/// where text may be ordered by a locale.
pub async fn put_if_later(
    tenant: &Tenant,
    tx: &mut Tx,
    event_id: EventId,
    reaction: &Reaction,
) -> Result<(), DbError> {
    let known: Option<String> = sqlx::query_scalar(
        "SELECT change_order FROM reactions
         WHERE tenant = $1 AND event_id = $2 AND emoji = $3 AND participant_id = $4",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(&reaction.emoji)
    .bind(reaction.participant_id.to_string())
    .fetch_optional(tx.conn())
    .await?;
    if known.is_some_and(|order| order >= reaction.order) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO reactions (tenant, event_id, emoji, participant_id, created_at, change_order, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant, event_id, emoji, participant_id) DO UPDATE SET created_at = excluded.created_at,
             change_order = excluded.change_order, active = excluded.active",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(&reaction.emoji)
    .bind(reaction.participant_id.to_string())
    .bind(reaction.at)
    .bind(&reaction.order)
    .bind(i64::from(reaction.active))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes all reactions off a message.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM reactions WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The reactions on a message, as of this transaction.
pub async fn of(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<Vec<Reaction>, DbError> {
    let rows = sqlx::query(
        "SELECT emoji, participant_id, created_at, change_order FROM reactions
         WHERE tenant = $1 AND event_id = $2 AND active = 1",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .fetch_all(tx.conn())
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Reaction, DbError> {
    Ok(Reaction {
        emoji: row.try_get("emoji")?,
        participant_id: id(
            "reactions",
            "participant_id",
            &row.try_get::<String, _>("participant_id")?,
        )?,
        at: row.try_get("created_at")?,
        order: row.try_get("change_order")?,
        active: true,
    })
}
