//! The table `media_references`: which messages name which files. A projection of the events, like those of messages.

use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, Row};

use super::{FACTS, facts, own};
use crate::db::rows::id;
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, MediaId, ParticipantId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::Placed;
use crate::media::model::{Facts, Reference};
use crate::tenants::Tenant;

/// Messages that are looked at for one file, at most.
const MOST: i64 = 200;

/// Writes which files a message names since the event at `since`.
pub async fn add(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    since: i64,
    files: &[Facts],
) -> Result<(), DbError> {
    let event = &message.event;
    for file in files {
        sqlx::query(
            "INSERT INTO media_references (tenant, media_id, event_id, room_id, stream_position, since_position, origin, uploader,
                 sha256, size, mime_type, filename, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
             ON CONFLICT (tenant, media_id, event_id) DO NOTHING",
        )
        .bind(tenant.key())
        .bind(file.media_id.to_string())
        .bind(event.event_id.to_string())
        .bind(event.room_id.to_string())
        .bind(message.position)
        .bind(since)
        .bind(event.origin.to_string())
        .bind(file.uploader.to_string())
        .bind(file.sha256.hex())
        .bind(file.size)
        .bind(&file.mime_type)
        .bind(&file.filename)
        .bind(file.created_at)
        .execute(tx.conn())
        .await?;
        if event.origin == *tenant.server_name() {
            own::referenced(tenant, tx, file.media_id).await?;
        }
    }
    Ok(())
}

/// Forgets which files a message names.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM media_references WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets which files messages of a room name, since the room goes.
pub async fn forget_room(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM media_references WHERE tenant = $1 AND room_id = $2")
        .bind(tenant.key())
        .bind(room_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets all of a tenant's.
pub async fn clear(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("DELETE FROM media_references WHERE tenant = $1")
        .bind(tenant.key())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Messages that name a file, the first ones first, in rooms that a person is or was in.
pub async fn near(
    tenant: &Tenant,
    db: &Db,
    media_id: MediaId,
    person: ParticipantId,
) -> Result<Vec<Reference>, DbError> {
    let sql = format!(
        "SELECT {FACTS}, event_id, room_id, since_position, origin FROM media_references r
         WHERE tenant = $1 AND media_id = $2 AND EXISTS (SELECT 1 FROM members m WHERE m.tenant = $1 AND m.room_id = r.room_id
             AND m.participant_id = $3 AND m.membership IN ('join', 'leave'))
         ORDER BY stream_position LIMIT $4"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(media_id.to_string())
        .bind(person.to_string())
        .bind(MOST)
        .fetch_all(db.reader())
        .await?;
    found.iter().map(read).collect()
}

/// Messages of `origin` in a room that name a file, the first ones first.
pub async fn in_room(
    tenant: &Tenant,
    db: &Db,
    media_id: MediaId,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Vec<Reference>, DbError> {
    let sql = format!(
        "SELECT {FACTS}, event_id, room_id, since_position, origin FROM media_references
         WHERE tenant = $1 AND media_id = $2 AND room_id = $3 AND origin = $4 ORDER BY stream_position LIMIT $5"
    );
    let found = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(media_id.to_string())
        .bind(room_id.to_string())
        .bind(origin.to_string())
        .bind(MOST)
        .fetch_all(db.reader())
        .await?;
    found.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<Reference, DbError> {
    const TABLE: &str = "media_references";
    Ok(Reference {
        event_id: id(TABLE, "event_id", row.try_get("event_id")?)?,
        room_id: id(TABLE, "room_id", row.try_get("room_id")?)?,
        since: row.try_get("since_position")?,
        origin: id(TABLE, "origin", row.try_get("origin")?)?,
        facts: facts(TABLE, row)?,
    })
}
