//! The table `media_copies`: copies of other servers' files.

use std::collections::HashSet;

use sqlx::Row;

use super::hash;
use crate::db::{Db, DbError, Executor, Tx};
use crate::events::core::hash::Hash;
use crate::media::model::Copy;
use crate::tenants::Tenant;

/// A copy.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl Executor<'e>,
    content: Hash,
) -> Result<Option<Copy>, DbError> {
    let row =
        sqlx::query("SELECT size, mime_type FROM media_copies WHERE tenant = $1 AND sha256 = $2")
            .bind(tenant.key())
            .bind(content.hex())
            .fetch_optional(on)
            .await?;
    let read = |row: sqlx::any::AnyRow| {
        Ok(Copy {
            size: row.try_get("size")?,
            mime_type: row.try_get("mime_type")?,
        })
    };
    row.map(read).transpose()
}

/// Writes a copy that is in its place.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    content: Hash,
    copy: &Copy,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO media_copies (tenant, sha256, size, mime_type, used_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant, sha256) DO UPDATE SET used_at = excluded.used_at",
    )
    .bind(tenant.key())
    .bind(content.hex())
    .bind(copy.size)
    .bind(&copy.mime_type)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that a copy was used, if that is not known of the last minute already.
pub async fn used(tenant: &Tenant, tx: &mut Tx, content: Hash, now: i64) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE media_copies SET used_at = $3 WHERE tenant = $1 AND sha256 = $2 AND used_at < $4",
    )
    .bind(tenant.key())
    .bind(content.hex())
    .bind(now)
    .bind(now.saturating_sub(60_000))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Bytes that the copies of all tenants take.
pub async fn size(tx: &mut Tx) -> Result<i64, DbError> {
    let sum = sqlx::query_scalar("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM media_copies");
    Ok(sum.fetch_one(tx.conn()).await?)
}

/// The copy of any tenant that was not used for the longest time, with the tenant's key and its size.
pub async fn oldest(tx: &mut Tx) -> Result<Option<(i64, Hash, i64)>, DbError> {
    let row: Option<(i64, String, i64)> = sqlx::query_as(
        "SELECT tenant, sha256, size FROM media_copies ORDER BY used_at, sha256 LIMIT 1",
    )
    .fetch_optional(tx.conn())
    .await?;
    row.map(|(tenant, digits, size)| Ok((tenant, hash("media_copies", &digits)?, size)))
        .transpose()
}

/// Forgets a copy.
pub async fn delete(tenant: i64, tx: &mut Tx, content: Hash) -> Result<(), DbError> {
    sqlx::query("DELETE FROM media_copies WHERE tenant = $1 AND sha256 = $2")
        .bind(tenant)
        .bind(content.hex())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes away at most `limit` copies that no message names any more; their contents come back.
pub async fn take_unused(tenant: &Tenant, tx: &mut Tx, limit: i64) -> Result<Vec<Hash>, DbError> {
    let digits: Vec<String> = sqlx::query_scalar(
        "DELETE FROM media_copies WHERE tenant = $1 AND sha256 IN (SELECT c.sha256 FROM media_copies c WHERE c.tenant = $1
             AND NOT EXISTS (SELECT 1 FROM media_references r WHERE r.tenant = $1 AND r.sha256 = c.sha256) LIMIT $2)
         RETURNING sha256",
    )
    .bind(tenant.key())
    .bind(limit)
    .fetch_all(tx.conn())
    .await?;
    digits
        .iter()
        .map(|digits| hash("media_copies", digits))
        .collect()
}

/// Those of `contents` that a row has.
pub async fn among(tenant: &Tenant, db: &Db, contents: &[Hash]) -> Result<HashSet<Hash>, DbError> {
    super::among(tenant, db, "media_copies", contents).await
}
