//! Each tenant's policy, in memory: every request from another server asks for it.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;

use super::core::policy::{Policy, PolicyChange};
use super::error::FederationError;
use super::store;
use crate::db::{Committed, Db, DbError};
use crate::tenants::{self, Tenant};

/// How long another node's change may stay unnoticed.
const MEMORY: Duration = Duration::from_secs(10);

/// The policies of all tenants.
#[derive(Clone)]
pub struct Policies {
    db: Db,
    known: Cache<i64, Arc<Policy>>,
}

impl Policies {
    /// Nothing read yet.
    #[must_use]
    pub fn new(db: Db) -> Self {
        let known = Cache::builder()
            .max_capacity(10_000)
            .time_to_live(MEMORY)
            .build();
        Self { db, known }
    }

    /// The tenant's policy.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(&self, tenant: &Tenant) -> Result<Arc<Policy>, DbError> {
        if let Some(policy) = self.known.get(&tenant.key()) {
            return Ok(policy);
        }
        let policy = Arc::new(
            store::policies::get(tenant, &self.db)
                .await?
                .unwrap_or_default(),
        );
        self.known.insert(tenant.key(), Arc::clone(&policy));
        Ok(policy)
    }

    /// Changes the tenant's policy, and lets nobody wait any longer.
    ///
    /// # Errors
    /// A value that cannot be taken, or the database's.
    pub async fn change(
        &self,
        tenant: &Tenant,
        change: PolicyChange,
        now_ms: i64,
    ) -> Result<Committed<Arc<Policy>>, FederationError> {
        let mut tx = self.db.begin().await?;
        tenants::store::lock(tenant, &mut tx).await?;
        let before = store::policies::get_in(tenant, &mut tx)
            .await?
            .unwrap_or_default();
        let policy = Arc::new(before.merged(change)?);
        store::policies::put(tenant, &mut tx, &policy, now_ms).await?;
        store::peers::retry_all(tenant, &mut tx).await?;
        let committed = tx.commit(Arc::clone(&policy)).await?;
        self.known.insert(tenant.key(), policy);
        Ok(committed)
    }
}
