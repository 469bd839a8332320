//! The table `pins`. What was redacted is not pinned any more; its row stays, since a redaction may turn out not to count.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Row};

use super::{id, of_events};
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::model::Placed;
use crate::events::store;
use crate::messages::visibility::Readable;
use crate::tenants::Tenant;

/// Of a pin `p`: its message was not redacted.
const IS_LIVE: &str = "NOT EXISTS (SELECT 1 FROM message_changes c
    WHERE c.tenant = p.tenant AND c.event_id = p.event_id AND c.redaction_order IS NOT NULL)";

/// Pins a message, or pins it anew.
pub async fn add(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
    message: EventId,
    position: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO pins (tenant, room_id, event_id, stream_position) VALUES ($1, $2, $3, $4)
         ON CONFLICT (tenant, room_id, event_id) DO UPDATE SET stream_position = excluded.stream_position",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .bind(message.to_string())
    .bind(position)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes a pin away.
pub async fn remove(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
    message: EventId,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM pins WHERE tenant = $1 AND room_id = $2 AND event_id = $3")
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(message.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes all pins of a room away.
pub async fn clear_room(tenant: &Tenant, tx: &mut Tx, room: RoomId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM pins WHERE tenant = $1 AND room_id = $2")
        .bind(tenant.key())
        .bind(room.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// What a new pin has to know of the room's pins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many there are.
    pub count: usize,
    /// Whether the message is among them.
    pub is_pinned: bool,
}

/// How a room's pins stand, as of this transaction.
pub async fn standing(
    tenant: &Tenant,
    tx: &mut Tx,
    room: RoomId,
    message: EventId,
) -> Result<Standing, DbError> {
    let sql = format!(
        "SELECT COUNT(*), COUNT(CASE WHEN event_id = $3 THEN 1 END) FROM pins p
         WHERE tenant = $1 AND room_id = $2 AND {IS_LIVE}"
    );
    let (count, own): (i64, i64) = sqlx::query_as(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(message.to_string())
        .fetch_one(tx.conn())
        .await?;
    Ok(Standing {
        count: usize::try_from(count).unwrap_or(usize::MAX),
        is_pinned: own > 0,
    })
}

/// Those of `messages` that are pinned.
pub async fn among(
    tenant: &Tenant,
    db: &Db,
    messages: &[EventId],
) -> Result<HashSet<EventId>, DbError> {
    let select = "SELECT event_id FROM pins WHERE tenant = $1 AND event_id IN {}";
    let rows = of_events(tenant, db, select, &[], messages).await?;
    rows.iter()
        .map(|row| id("pins", "event_id", &row.try_get::<String, _>("event_id")?))
        .collect()
}

/// A page of the pinned messages that are readable, the newest pin first, from before the pin at position `from`; each with
/// the position of its pin.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    readable: Readable,
    from: Option<i64>,
    limit: i64,
) -> Result<Vec<(Placed, i64)>, DbError> {
    let columns: Vec<String> = store::COLUMNS
        .split(',')
        .map(|column| format!("e.{}", column.trim()))
        .collect();
    let sql = format!(
        "SELECT {}, p.stream_position AS pinned_at FROM pins p
         JOIN events e ON e.tenant = p.tenant AND e.event_id = p.event_id AND e.room_id = p.room_id
         WHERE p.tenant = $1 AND p.room_id = $2 AND p.stream_position < $3 AND e.stream_position > $4
           AND e.stream_position <= $5 AND e.shown = 2 AND e.verdict = 'valid' AND {IS_LIVE}
         ORDER BY p.stream_position DESC LIMIT $6",
        columns.join(", ")
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(from.unwrap_or(i64::MAX))
        .bind(readable.after)
        .bind(readable.until.unwrap_or(i64::MAX))
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter()
        .map(|row| Ok((store::read(row)?, row.try_get("pinned_at")?)))
        .collect()
}
