//! The table `tenant_keys`: the public halves of the keys that this server signs with.

use sqlx::Row;

use crate::db::{Db, DbError, Tx};
use crate::events::core::sign::PublicKey;
use crate::events::keys::KeyRecord;
use crate::tenants::Tenant;

/// Records a tenant's first key.
pub async fn insert_first(
    tenant: &Tenant,
    tx: &mut Tx,
    key: &PublicKey,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO tenant_keys (tenant, key_id, public_key, valid_from, expires_at, signed_by_previous)
         VALUES ($1, $2, $3, $4, NULL, NULL)",
    )
    .bind(tenant.key())
    .bind(key.key_id().to_string())
    .bind(key.to_string())
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// All public keys of a tenant, oldest first.
pub async fn records(tenant: &Tenant, db: &Db) -> Result<Vec<KeyRecord>, DbError> {
    let rows = sqlx::query(
        "SELECT public_key, valid_from, expires_at, signed_by_previous FROM tenant_keys
         WHERE tenant = $1 ORDER BY valid_from, key_id",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let public_key: String = row.try_get("public_key")?;
            Ok(KeyRecord {
                public_key: public_key
                    .parse()
                    .map_err(|error| DbError::unreadable("tenant_keys", "public_key", error))?,
                valid_from: row.try_get("valid_from")?,
                expires_at: row.try_get("expires_at")?,
                signed_by_previous: row.try_get("signed_by_previous")?,
            })
        })
        .collect()
}
