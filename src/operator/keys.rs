//! The signing keys of a tenant, as the operator sees, makes and replaces them.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::users::tenant;
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::iso;
use crate::db::Db;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::events;
use crate::events::core::names::ServerName;
use crate::events::keys::{KeyRecord, KeyRing, KeyRingError};
use crate::federation::rotation;
use crate::tenants::{Tenant, Tenants};

/// A tenant whose key is to be there.
#[derive(Debug, Serialize, Deserialize)]
pub struct GenerateKey {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
}

/// A tenant whose key is to be replaced.
#[derive(Debug, Serialize, Deserialize)]
pub struct RotateKey {
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
    /// Logs that do not go by the current key yet.
    pub logs_waiting: i64,
}

/// What a rotation came to.
#[derive(Debug, Serialize)]
pub struct Rotated {
    /// The keys now.
    #[serde(flatten)]
    pub keys: TenantKeys,
    /// Logs that this command let go over to the current key.
    pub logs_renewed: i64,
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

/// Replaces a tenant's signing key, or completes a replacement that was cut off.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` after too many in a short time; the key cannot be written.
pub async fn rotate(app: &App, command: RotateKey) -> Result<Rotated> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let rotation = rotation::rotate(app, &tenant).await?;
    Ok(Rotated {
        keys: of(app.db(), &tenant, rotation.made).await?,
        logs_renewed: rotation.renewed,
    })
}

/// Makes a key that nothing vouches for, in the place of one whose private half is lost; for data that no server uses.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` if the key is there; it cannot be written.
pub async fn replace_lost(
    db: &Db,
    data_dir: &Path,
    slug: Option<&str>,
    now_ms: i64,
) -> Result<TenantKeys> {
    let tenant = tenant(&Tenants::load(db).await?, slug)?;
    let replaced = KeyRing::new(data_dir, Entropy::system())
        .replace_lost(db, &tenant, now_ms)
        .await;
    replaced.map_err(|error| {
        let (code, message) = match &error {
            KeyRingError::NotLost { .. } => (Code::ValidationError, error.to_string()),
            _ => (Code::InternalError, "The key cannot be used.".to_owned()),
        };
        Error::new(code).message(message).source(error)
    })?;
    of(db, &tenant, true).await
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
    let current = records.iter().find(|record| record.expires_at.is_none());
    let logs_waiting = match current.map(|record| record.public_key.key_id()) {
        Some(key_id) => events::store::logs::count_behind_key(tenant, db, key_id).await?,
        None => 0,
    };
    Ok(TenantKeys {
        server_name: tenant.server_name().clone(),
        made,
        keys: records.into_iter().map(Key::from).collect(),
        logs_waiting,
    })
}
