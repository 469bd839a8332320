//! What a tenant says about itself to other servers.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use serde_json::Value;

use super::core::descriptor::{self, BaseUrl, Endorsement, KeyEntry};
use super::error::FederationError;
use crate::db::{Db, DbError};
use crate::events;
use crate::events::core::sign::KeyId;
use crate::events::keys::{KeyRecord, KeyRing};
use crate::tenants::Tenant;

/// How long a document is handed out before it is made anew: far less than it is valid.
const MEMORY: Duration = Duration::from_secs(60);

/// Makes the descriptors of this server's tenants.
pub struct Identity {
    keys: KeyRing,
    made: Cache<i64, Arc<Value>>,
}

impl Identity {
    /// Nothing made yet.
    #[must_use]
    pub fn new(keys: KeyRing) -> Self {
        let made = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(MEMORY)
            .build();
        Self { keys, made }
    }

    /// The tenant's descriptor.
    ///
    /// # Errors
    /// The database's, or a key that cannot be used.
    pub async fn descriptor(
        &self,
        db: &Db,
        tenant: &Tenant,
        base_url: Option<BaseUrl>,
        now_ms: i64,
    ) -> Result<Arc<Value>, FederationError> {
        if let Some(document) = self.made.get(&tenant.key()) {
            return Ok(document);
        }
        let current = self
            .keys
            .current(tenant)
            .ok_or_else(|| FederationError::Identity("no current key".into()))?;
        let entries = entries(&events::store::keys::records(tenant, db).await?)?;
        let document = descriptor::build(tenant.server_name(), entries, &current, base_url, now_ms)
            .map_err(|error| FederationError::Identity(Box::new(error)))?;
        let document = Arc::new(document);
        self.made.insert(tenant.key(), Arc::clone(&document));
        Ok(document)
    }

    /// Makes the tenant's descriptor anew at the next request, after its keys changed.
    pub fn forget(&self, tenant: &Tenant) {
        self.made.invalidate(&tenant.key());
    }
}

/// Keys in their order: each is signed by the one before it.
fn entries(records: &[KeyRecord]) -> Result<Vec<KeyEntry>, DbError> {
    let mut previous: Option<KeyId> = None;
    let mut entries = Vec::with_capacity(records.len());
    for record in records {
        let key_id = record.public_key.key_id();
        let signed_by_previous = match (previous.replace(key_id), &record.signed_by_previous) {
            (Some(key_id), Some(signature)) => Some(Endorsement {
                key_id,
                signature: signature.parse().map_err(|error| {
                    DbError::unreadable("tenant_keys", "signed_by_previous", error)
                })?,
            }),
            _ => None,
        };
        entries.push(KeyEntry {
            key_id,
            public_key: record.public_key.clone(),
            valid_from: record.valid_from,
            expires_at: record.expires_at,
            signed_by_previous,
        });
    }
    Ok(entries)
}
