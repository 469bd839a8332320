//! All tenants in memory: every request asks for one, and there are few.

use std::sync::{Arc, RwLock};

use super::error::TenantError;
use super::model::{NewTenant, Tenant};
use super::store;
use crate::db::{Committed, Db, DbError};
use crate::entropy::Entropy;
use crate::events::core::ids::TenantId;
use crate::events::core::names::ServerName;

/// The tenants of this server.
#[derive(Clone)]
pub struct Tenants {
    db: Db,
    known: Arc<RwLock<Vec<Tenant>>>,
}

impl Tenants {
    /// Reads all tenants.
    pub async fn load(db: &Db) -> Result<Tenants, DbError> {
        let tenants = Tenants {
            db: db.clone(),
            known: Arc::default(),
        };
        tenants.reload().await?;
        Ok(tenants)
    }

    /// Reads them anew, after a change.
    pub async fn reload(&self) -> Result<(), DbError> {
        let all = store::all(&self.db).await?;
        *self
            .known
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = all;
        Ok(())
    }

    /// Makes a tenant.
    pub async fn create(
        &self,
        tenant: &NewTenant,
        now_ms: i64,
        entropy: &Entropy,
    ) -> Result<Committed<Tenant>, TenantError> {
        let id = uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid();
        let mut tx = self.db.begin().await?;
        store::insert(&mut tx, id, tenant, now_ms).await?;
        let committed = tx.commit(()).await?;
        self.reload().await?;
        let made = self.by_id(TenantId(id)).ok_or(TenantError::NotFound)?;
        Ok(committed.map(|()| made))
    }

    /// Every tenant, oldest first.
    pub fn all(&self) -> Vec<Tenant> {
        self.known
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }

    /// The first one, made by the first start.
    pub fn first(&self) -> Option<Tenant> {
        self.find(|_| true)
    }

    /// The only one, where there is just one.
    pub fn only(&self) -> Option<Tenant> {
        let all = self.all();
        match all.as_slice() {
            [tenant] => Some(tenant.clone()),
            _ => None,
        }
    }

    /// By the id that tokens carry.
    pub fn by_id(&self, id: TenantId) -> Option<Tenant> {
        self.find(|tenant| tenant.id() == id)
    }

    /// By slug.
    pub fn by_slug(&self, slug: &str) -> Option<Tenant> {
        self.find(|tenant| tenant.slug() == slug)
    }

    /// By what an identity provider calls it.
    pub fn by_provider_id(&self, name: &str) -> Option<Tenant> {
        // An id that was given on purpose comes before a slug that happens to be the same.
        self.find(|tenant| tenant.scaikey_tenant_id() == Some(name))
            .or_else(|| self.find(|tenant| tenant.is_known_as(name)))
    }

    /// By the name between servers, which is also the host that clients may call.
    pub fn by_server_name(&self, name: &ServerName) -> Option<Tenant> {
        self.find(|tenant| tenant.server_name() == name)
    }

    /// By the SQL column `tenant`.
    pub fn by_key(&self, key: i64) -> Option<Tenant> {
        self.find(|tenant| tenant.key() == key)
    }

    fn find(&self, matches: impl Fn(&Tenant) -> bool) -> Option<Tenant> {
        self.known
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .iter()
            .find(|tenant| matches(tenant))
            .cloned()
    }
}
