//! The table `log_restarts`: servers that ask to begin their log of a room anew.

use serde_json::Value;
use sqlx::Row;

use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// A request that waits for an admin.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// The signed request.
    pub document: Value,
    /// When it came, in ms.
    pub asked_at: i64,
}

/// Remembers a request; a later one of the same server about the same room takes its place.
pub async fn remember(tenant: &Tenant, tx: &mut Tx, asked: &Asked) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO log_restarts (tenant, room_id, origin, document, created_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, room_id, origin) DO UPDATE SET document = excluded.document,
         created_at = excluded.created_at",
    )
    .bind(tenant.key())
    .bind(asked.room_id.to_string())
    .bind(asked.origin.as_str())
    .bind(asked.document.to_string())
    .bind(asked.asked_at)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets what a server asked about its log of a room: it was agreed to.
pub async fn forget(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM log_restarts WHERE tenant = $1 AND room_id = $2 AND origin = $3")
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// All requests that wait, by room and server.
pub async fn list(tenant: &Tenant, db: &Db) -> Result<Vec<Asked>, DbError> {
    let rows = sqlx::query(
        "SELECT room_id, origin, document, created_at FROM log_restarts WHERE tenant = $1 ORDER BY room_id, origin",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let text = |column: &'static str| row.try_get::<String, _>(column);
            let room_id = text("room_id")?.parse();
            let document = serde_json::from_str(&text("document")?);
            Ok(Asked {
                room_id: room_id.map_err(|error| unreadable("room_id", error))?,
                origin: text("origin")?
                    .parse()
                    .map_err(|error| unreadable("origin", error))?,
                document: document.map_err(|error| unreadable("document", error))?,
                asked_at: row.try_get("created_at")?,
            })
        })
        .collect()
}

fn unreadable(column: &'static str, error: impl ToString) -> DbError {
    DbError::unreadable("log_restarts", column, error)
}
