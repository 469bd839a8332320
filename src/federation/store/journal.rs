//! The table `federation_rejected`.

use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::db::{Db, DbError, Tx, rows};
use crate::federation::model::Rejection;
use crate::tenants::Tenant;

/// Rows that a tenant keeps; the oldest go.
pub const MAX_ROWS: i64 = 10_000;

/// A row of the journal, as admins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its id; rises with time.
    pub id: Uuid,
    /// Who delivered it.
    pub peer: String,
    /// Which check it failed, from 1.
    pub check_no: i64,
    /// With which code.
    pub code: String,
    /// Why, for people.
    pub message: String,
    /// The room that it names.
    pub room_id: Option<String>,
    /// Its id.
    pub event_id: Option<String>,
    /// Whose log it claims a place in.
    pub origin: Option<String>,
    /// The epoch of that place.
    pub epoch: Option<i64>,
    /// The number of that place.
    pub seq: Option<i64>,
    /// When it was refused.
    pub created_at: i64,
}

/// Adds rows.
pub async fn insert(
    tenant: &Tenant,
    tx: &mut Tx,
    entries: &[(Uuid, &Rejection)],
    now_ms: i64,
) -> Result<(), DbError> {
    for run in rows::runs(entries) {
        let sql = format!(
            "INSERT INTO federation_rejected
                 (tenant, id, peer, check_no, code, message, room_id, event_id, origin, epoch, seq, created_at)
             VALUES {}",
            rows::values(tx.backend(), run.len(), 12)
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for (id, rejection) in run {
            let event = &rejection.event;
            query = query
                .bind(tenant.key())
                .bind(id.to_string())
                .bind(rejection.peer.to_string())
                .bind(i64::from(u8::from(rejection.check)))
                .bind(rejection.code.as_str())
                .bind(rejection.message.clone())
                .bind(event.room_id.map(|id| id.to_string()))
                .bind(event.event_id.map(|id| id.to_string()))
                .bind(event.origin.as_ref().map(ToString::to_string))
                .bind(event.epoch)
                .bind(event.seq)
                .bind(now_ms);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Forgets the oldest rows beyond [`MAX_ROWS`].
pub async fn prune(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM federation_rejected WHERE tenant = $1 AND id < (
             SELECT id FROM federation_rejected WHERE tenant = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)",
    )
    .bind(tenant.key())
    .bind(MAX_ROWS - 1)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The newest rows before `before`, newest first.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let before = before.unwrap_or(Uuid::max());
    let rows = sqlx::query(
        "SELECT id, peer, check_no, code, message, room_id, event_id, origin, epoch, seq, created_at
         FROM federation_rejected WHERE tenant = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
    )
    .bind(tenant.key())
    .bind(before.to_string())
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read).collect()
}

/// How many rows each server has.
pub async fn counts(tenant: &Tenant, db: &Db) -> Result<Vec<(String, i64)>, DbError> {
    let sql = "SELECT peer, COUNT(*) FROM federation_rejected WHERE tenant = $1 GROUP BY peer";
    Ok(sqlx::query_as(sql)
        .bind(tenant.key())
        .fetch_all(db.reader())
        .await?)
}

fn read(row: &AnyRow) -> Result<Entry, DbError> {
    Ok(Entry {
        id: super::parse(
            "federation_rejected",
            "id",
            &row.try_get::<String, _>("id")?,
        )?,
        peer: row.try_get("peer")?,
        check_no: row.try_get("check_no")?,
        code: row.try_get("code")?,
        message: row.try_get("message")?,
        room_id: row.try_get("room_id")?,
        event_id: row.try_get("event_id")?,
        origin: row.try_get("origin")?,
        epoch: row.try_get("epoch")?,
        seq: row.try_get("seq")?,
        created_at: row.try_get("created_at")?,
    })
}
