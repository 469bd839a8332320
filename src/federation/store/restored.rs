//! The tables `restored_rooms` and `restored_peers`.

use std::collections::BTreeSet;

use super::parse;
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// These servers are to be asked about these rooms.
pub async fn ask(
    tenant: &Tenant,
    tx: &mut Tx,
    rooms: &[(RoomId, ServerName)],
) -> Result<(), DbError> {
    for (room_id, server) in rooms {
        sqlx::query(
            "INSERT INTO restored_rooms (tenant, room_id, server_name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        )
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(server.as_str())
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Who is still to be asked about what.
pub async fn open(tenant: &Tenant, db: &Db) -> Result<Vec<(RoomId, ServerName)>, DbError> {
    let rows: Vec<(String, String)> = sqlx::query_as(
        "SELECT room_id, server_name FROM restored_rooms WHERE tenant = $1 ORDER BY room_id, server_name",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.into_iter()
        .map(|(room_id, server)| {
            Ok((
                parse("restored_rooms", "room_id", &room_id)?,
                parse("restored_rooms", "server_name", &server)?,
            ))
        })
        .collect()
}

/// A server has answered about a room, or nobody waits for it.
pub async fn done(
    tenant: &Tenant,
    db: &Db,
    room_id: RoomId,
    server: &ServerName,
) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sqlx::query(
        "DELETE FROM restored_rooms WHERE tenant = $1 AND room_id = $2 AND server_name = $3",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(server.as_str())
    .execute(tx.conn())
    .await?;
    tx.commit(()).await?;
    Ok(())
}

/// These servers are to be asked about all rooms that this one hosts: since the backup they may have come to share some.
pub async fn ask_about_all(
    tenant: &Tenant,
    tx: &mut Tx,
    servers: &BTreeSet<ServerName>,
) -> Result<(), DbError> {
    for server in servers {
        sqlx::query(
            "INSERT INTO restored_peers (tenant, server_name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        )
        .bind(tenant.key())
        .bind(server.as_str())
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Who is still to be asked about all rooms.
pub async fn unasked(tenant: &Tenant, db: &Db) -> Result<Vec<ServerName>, DbError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT server_name FROM restored_peers WHERE tenant = $1 ORDER BY server_name",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    names
        .iter()
        .map(|name| parse("restored_peers", "server_name", name))
        .collect()
}

/// A server has answered about all rooms.
pub async fn answered(tenant: &Tenant, db: &Db, server: &ServerName) -> Result<(), DbError> {
    let mut tx = db.begin().await?;
    sqlx::query("DELETE FROM restored_peers WHERE tenant = $1 AND server_name = $2")
        .bind(tenant.key())
        .bind(server.as_str())
        .execute(tx.conn())
        .await?;
    tx.commit(()).await?;
    Ok(())
}
