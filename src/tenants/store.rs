//! The tables `tenants` and `streams`.

use serde_json::{Map, Value};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use super::error::TenantError;
use super::model::{NewTenant, Tenant, TenantLimits, TenantRow, TenantState};
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::TenantId;
use crate::events::core::names::NameError;

/// Every tenant, oldest first.
pub async fn all(db: &Db) -> Result<Vec<Tenant>, DbError> {
    let rows = sqlx::query(
        "SELECT id, uuid, slug, name, server_name, state, limits, features, created_at, scaikey_tenant_id \
         FROM tenants ORDER BY id",
    )
    .fetch_all(db.reader())
    .await?;
    rows.iter().map(read).collect()
}

/// Adds a tenant with its empty stream.
pub async fn insert(
    tx: &mut Tx,
    id: Uuid,
    tenant: &NewTenant,
    now_ms: i64,
) -> Result<(), TenantError> {
    let key: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(id), 0) + 1 FROM tenants")
        .fetch_one(tx.conn())
        .await
        .map_err(DbError::from)?;
    sqlx::query(
        "INSERT INTO tenants (id, uuid, slug, name, server_name, state, limits, features, created_at, scaikey_tenant_id)
         VALUES ($1, $2, $3, $4, $5, 'active', '{}', '{}', $6, $7)",
    )
    .bind(key)
    .bind(id.to_string())
    .bind(&tenant.slug)
    .bind(&tenant.name)
    .bind(tenant.server_name.as_str())
    .bind(now_ms)
    .bind(&tenant.scaikey_tenant_id)
    .execute(tx.conn())
    .await
    .map_err(|error| match DbError::from(error) {
        DbError::Duplicate(_) => TenantError::Taken,
        other => TenantError::Db(other),
    })?;
    sqlx::query("INSERT INTO streams (tenant, position) VALUES ($1, 0)")
        .bind(key)
        .execute(tx.conn())
        .await
        .map_err(DbError::from)?;
    Ok(())
}

/// Makes other writers that count the tenant's people wait until this transaction ends.
pub async fn lock(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("UPDATE tenants SET slug = slug WHERE id = $1")
        .bind(tenant.key())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Replaces the identity provider's id for a tenant.
///
/// # Errors
/// [`TenantError::Taken`]: another tenant has it.
pub async fn set_scaikey_tenant_id(
    tenant: &Tenant,
    tx: &mut Tx,
    id: Option<&str>,
) -> Result<(), TenantError> {
    sqlx::query("UPDATE tenants SET scaikey_tenant_id = $2 WHERE id = $1")
        .bind(tenant.key())
        .bind(id)
        .execute(tx.conn())
        .await
        .map_err(|error| match DbError::from(error) {
            DbError::Duplicate(_) => TenantError::Taken,
            other => TenantError::Db(other),
        })?;
    Ok(())
}

/// Replaces the features of a tenant.
pub async fn set_features(
    tenant: &Tenant,
    tx: &mut Tx,
    features: &Map<String, Value>,
) -> Result<(), DbError> {
    sqlx::query("UPDATE tenants SET features = $2 WHERE id = $1")
        .bind(tenant.key())
        .bind(Value::Object(features.clone()).to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Tenant, DbError> {
    let unreadable =
        |column: &'static str| move |reason: String| DbError::unreadable("tenants", column, reason);
    let text = |column: &str| row.try_get::<String, _>(column);
    let id: Uuid = text("uuid")?
        .parse()
        .map_err(|error: uuid::Error| unreadable("uuid")(error.to_string()))?;
    let server_name = text("server_name")?;
    let limits: TenantLimits = serde_json::from_str(&text("limits")?)
        .map_err(|error| unreadable("limits")(error.to_string()))?;
    let features: Map<String, Value> = serde_json::from_str(&text("features")?)
        .map_err(|error| unreadable("features")(error.to_string()))?;
    Ok(Tenant::new(TenantRow {
        key: row.try_get("id")?,
        id: TenantId(id),
        slug: text("slug")?,
        name: text("name")?,
        server_name: server_name
            .parse()
            .map_err(|error: NameError| unreadable("server_name")(error.to_string()))?,
        state: match text("state")?.as_str() {
            "active" => TenantState::Active,
            _ => TenantState::Suspended,
        },
        limits,
        features,
        created_at: row.try_get("created_at")?,
        scaikey_tenant_id: row.try_get("scaikey_tenant_id")?,
    }))
}
