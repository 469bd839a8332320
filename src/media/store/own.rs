//! The table `media`: files that this server keeps for its own people.

use std::collections::HashSet;

use sqlx::{AssertSqlSafe, Row};

use super::{FACTS, facts, hash};
use crate::db::{Db, DbError, Executor, Tx};
use crate::events::core::hash::Hash;
use crate::events::core::ids::MediaId;
use crate::media::model::Own;
use crate::tenants::Tenant;

/// Rows that nothing refers to any more, of the tenant `$1`, whose server is `$2`, at the time `$3`. Messages of other
/// servers do not count: these have the bytes themselves.
const UNUSED: &str = "tenant = $1 AND tenant_scope = 0 AND (was_referenced = 1 OR kept_until < $3)
    AND NOT EXISTS (SELECT 1 FROM media_references r
        WHERE r.tenant = $1 AND r.media_id = media.media_id AND r.origin = $2)
    AND NOT EXISTS (SELECT 1 FROM participants p
        WHERE p.tenant = $1 AND p.is_local = 1 AND p.avatar_url = '/v1/media/download/' || media.media_id)";

/// A file.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl Executor<'e>,
    media_id: MediaId,
) -> Result<Option<Own>, DbError> {
    let sql =
        format!("SELECT {FACTS}, tenant_scope FROM media WHERE tenant = $1 AND media_id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(media_id.to_string())
        .fetch_optional(on)
        .await?;
    let read = |row| {
        Ok(Own {
            facts: facts("media", &row)?,
            tenant_scope: row.try_get::<i64, _>("tenant_scope")? != 0,
        })
    };
    row.map(read).transpose()
}

/// Writes a file that is on disk; it stays until `until`, whatever refers to it. The same content of the same person again
/// goes by its latest name.
pub async fn put(tenant: &Tenant, tx: &mut Tx, own: &Own, until: i64) -> Result<(), DbError> {
    let facts = &own.facts;
    sqlx::query(
        "INSERT INTO media (tenant, media_id, uploader, sha256, size, mime_type, filename, tenant_scope, created_at, kept_until,
             was_referenced)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0)
         ON CONFLICT (tenant, media_id) DO UPDATE SET filename = excluded.filename,
             tenant_scope = CASE WHEN media.tenant_scope = 1 THEN 1 ELSE excluded.tenant_scope END,
             kept_until = excluded.kept_until, was_referenced = 0",
    )
    .bind(tenant.key())
    .bind(facts.media_id.to_string())
    .bind(facts.uploader.to_string())
    .bind(facts.sha256.hex())
    .bind(facts.size)
    .bind(&facts.mime_type)
    .bind(&facts.filename)
    .bind(i64::from(own.tenant_scope))
    .bind(facts.created_at)
    .bind(until)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Lets a file stay until `until`, whatever refers to it. Whether it is there.
pub async fn keep(
    tenant: &Tenant,
    tx: &mut Tx,
    media_id: MediaId,
    until: i64,
) -> Result<bool, DbError> {
    let kept = sqlx::query(
        "UPDATE media SET kept_until = $3, was_referenced = 0 WHERE tenant = $1 AND media_id = $2",
    )
    .bind(tenant.key())
    .bind(media_id.to_string())
    .bind(until)
    .execute(tx.conn())
    .await?;
    Ok(kept.rows_affected() > 0)
}

/// Notes that something refers to a file: it goes with what does.
pub async fn referenced(tenant: &Tenant, tx: &mut Tx, media_id: MediaId) -> Result<(), DbError> {
    sqlx::query("UPDATE media SET was_referenced = 1 WHERE tenant = $1 AND media_id = $2")
        .bind(tenant.key())
        .bind(media_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Whether it is the picture of one of the tenant's people.
pub async fn is_avatar<'e>(
    tenant: &Tenant,
    on: impl Executor<'e>,
    media_id: MediaId,
) -> Result<bool, DbError> {
    let found = sqlx::query(
        "SELECT 1 FROM participants WHERE tenant = $1 AND is_local = 1 AND avatar_url = $2 LIMIT 1",
    )
    .bind(tenant.key())
    .bind(format!("/v1/media/download/{media_id}"))
    .fetch_optional(on)
    .await?;
    Ok(found.is_some())
}

/// Takes away at most `limit` rows that nothing refers to at `now`; their contents come back.
pub async fn take_unused(
    tenant: &Tenant,
    tx: &mut Tx,
    now: i64,
    limit: i64,
) -> Result<Vec<Hash>, DbError> {
    let sql = format!(
        "DELETE FROM media WHERE tenant = $1 AND media_id IN (SELECT media_id FROM media WHERE {UNUSED} LIMIT $4)
         RETURNING sha256"
    );
    let digits: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(tenant.server_name().to_string())
        .bind(now)
        .bind(limit)
        .fetch_all(tx.conn())
        .await?;
    digits.iter().map(|digits| hash("media", digits)).collect()
}

/// Those of `contents` that a row has.
pub async fn among(tenant: &Tenant, db: &Db, contents: &[Hash]) -> Result<HashSet<Hash>, DbError> {
    super::among(tenant, db, "media", contents).await
}
