//! The signing keys of a tenant, as the operator sees and makes them.

use serde::{Deserialize, Serialize};

use super::users::tenant;
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::iso;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::events;
use crate::events::core::names::ServerName;
use crate::events::keys::KeyRecord;
use crate::tenants::{Tenant, Tenants};

/// A tenant whose key is to be there.
#[derive(Debug, Serialize, Deserialize)]
pub struct GenerateKey {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
}

/// The keys of a tenant.
#[derive(Debug, Serialize)]
pub struct TenantKeys {
    /// The tenant's name in the federation.
    pub server_name: ServerName,
    /// Whether this command made the current key.
    pub made: bool,
    /// Current and retired keys, oldest first.
    pub keys: Vec<Key>,
}

/// A public key.
#[derive(Debug, Serialize)]
pub struct Key {
    /// Its id.
    pub key_id: String,
    /// `ed25519:<base64>`.
    pub public_key: String,
    /// From when on it is used.
    pub valid_from: String,
    /// Until when signatures made with it are accepted; null for the current key.
    pub expires_at: Option<String>,
}

impl From<KeyRecord> for Key {
    fn from(record: KeyRecord) -> Self {
        Self {
            key_id: record.public_key.key_id().to_string(),
            public_key: record.public_key.to_string(),
            valid_from: iso(record.valid_from),
            expires_at: record.expires_at.map(iso),
        }
    }
}

/// Makes a tenant's signing key, unless it has one.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the key cannot be written.
pub async fn generate(app: &App, command: GenerateKey) -> Result<TenantKeys> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let made = app
        .keys()
        .load(app.db(), &tenant, app.now())
        .await
        .map_err(|error| {
            Error::new(Code::InternalError)
                .message("The key cannot be used.")
                .source(error)
        })?;
    of(app.db(), &tenant, made).await
}

/// A tenant's keys.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the database's.
pub async fn show(db: &Db, slug: Option<&str>) -> Result<TenantKeys> {
    let tenant = tenant(&Tenants::load(db).await?, slug)?;
    of(db, &tenant, false).await
}

async fn of(db: &Db, tenant: &Tenant, made: bool) -> Result<TenantKeys> {
    let records = events::store::keys::records(tenant, db).await?;
    Ok(TenantKeys {
        server_name: tenant.server_name().clone(),
        made,
        keys: records.into_iter().map(Key::from).collect(),
    })
}
