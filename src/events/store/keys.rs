//! The table `tenant_keys`: the public halves of the keys that this server signs with.

use sqlx::Row;

use crate::db::{Db, DbError, Tx};
use crate::events::core::sign::KeyId;
use crate::events::keys::KeyRecord;
use crate::tenants::Tenant;

/// Records a key.
pub async fn insert(tenant: &Tenant, tx: &mut Tx, key: &KeyRecord) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO tenant_keys (tenant, key_id, public_key, valid_from, expires_at, signed_by_previous)
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant.key())
    .bind(key.public_key.key_id().to_string())
    .bind(key.public_key.to_string())
    .bind(key.valid_from)
    .bind(key.expires_at)
    .bind(key.signed_by_previous.clone())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Gives the current key an end. False: this key has one already.
pub async fn retire(
    tenant: &Tenant,
    tx: &mut Tx,
    key_id: KeyId,
    expires_at: i64,
) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE tenant_keys SET expires_at = $3 WHERE tenant = $1 AND key_id = $2 AND expires_at IS NULL",
    )
    .bind(tenant.key())
    .bind(key_id.to_string())
    .bind(expires_at)
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
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
