//! Rows of `provider_tokens`: which session a provider's token belongs to, also after the session has ended.
//!
//! One function takes no tenant: a refresh token is presented before its tenant is known.

use sqlx::{AnyExecutor, Row};
use uuid::Uuid;

use crate::db::{DbError, Tx};
use crate::events::core::hash::Hash;
use crate::tenants::Tenant;

fn read_id(text: &str) -> Result<Uuid, DbError> {
    Uuid::try_parse(text)
        .map_err(|error| DbError::unreadable("provider_tokens", "session_id", error))
}

/// The session that a key stands for, whether it lives or has ended.
pub async fn session_of<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    key: &Hash,
) -> Result<Option<Uuid>, DbError> {
    let sql = "SELECT session_id FROM provider_tokens WHERE tenant = $1 AND token_key = $2";
    let found: Option<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(key.to_string())
        .fetch_optional(on)
        .await?;
    found.as_deref().map(read_id).transpose()
}

/// The key of the tenant, and the session, that a refresh token belongs to.
pub async fn of_refresh_token<'e>(
    on: impl AnyExecutor<'e>,
    key: &Hash,
) -> Result<Option<(i64, Uuid)>, DbError> {
    let row = sqlx::query("SELECT tenant, session_id FROM provider_tokens WHERE token_key = $1")
        .bind(key.to_string())
        .fetch_optional(on)
        .await?;
    row.map(|row| {
        Ok((
            row.try_get("tenant")?,
            read_id(&row.try_get::<String, _>("session_id")?)?,
        ))
    })
    .transpose()
}

/// Lets a key stand for a session, until `keep_until` at least. A key that stands for one already goes on doing so.
pub async fn bind(
    tenant: &Tenant,
    tx: &mut Tx,
    key: &Hash,
    session: Uuid,
    keep_until: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO provider_tokens (tenant, token_key, session_id, keep_until) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (tenant, token_key) DO NOTHING";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(key.to_string())
        .bind(session.to_string())
        .bind(keep_until)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A session was used: it lives until `expires_at`, and what stands for it is kept until `keep_until`.
pub async fn prolong(
    tenant: &Tenant,
    tx: &mut Tx,
    session: Uuid,
    (expires_at, keep_until): (i64, i64),
) -> Result<(), DbError> {
    sqlx::query("UPDATE sessions SET expires_at = $3 WHERE tenant = $1 AND id = $2")
        .bind(tenant.key())
        .bind(session.to_string())
        .bind(expires_at)
        .execute(tx.conn())
        .await?;
    sqlx::query("UPDATE provider_tokens SET keep_until = $3 WHERE tenant = $1 AND session_id = $2")
        .bind(tenant.key())
        .bind(session.to_string())
        .bind(keep_until)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets what was to be kept until `now`.
pub async fn forget_old(tenant: &Tenant, tx: &mut Tx, now: i64) -> Result<(), DbError> {
    sqlx::query("DELETE FROM provider_tokens WHERE tenant = $1 AND keep_until < $2")
        .bind(tenant.key())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}
