//! What a tenant is.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::events::core::ids::TenantId;
use crate::events::core::names::ServerName;

/// The slug of the tenant that the first start makes.
pub const DEFAULT_SLUG: &str = "default";

/// A tenant, cheap to clone. Made from its row only: whoever holds one may act in it.
#[derive(Clone, Debug)]
pub struct Tenant(Arc<TenantRow>);

#[derive(Debug)]
pub(super) struct TenantRow {
    pub(super) key: i64,
    pub(super) id: TenantId,
    pub(super) slug: String,
    pub(super) name: String,
    pub(super) server_name: ServerName,
    pub(super) state: TenantState,
    pub(super) limits: TenantLimits,
    pub(super) features: Map<String, Value>,
    pub(super) created_at: i64,
    pub(super) scaikey_tenant_id: Option<String>,
}

/// Whether a tenant's people may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TenantState {
    /// As usual.
    Active,
    /// Every request of its people is refused.
    Suspended,
}

/// Limits of a tenant; `None`: none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "named as in the admin API's `limits`")]
pub struct TenantLimits {
    pub max_participants: Option<u32>,
    pub max_rooms: Option<u32>,
    pub max_storage_mb: Option<u32>,
    pub ai_tokens_per_month: Option<u64>,
    pub max_notes: Option<u32>,
    pub sends_per_minute: Option<u32>,
}

/// What a new tenant is made of.
#[derive(Clone, Debug)]
pub struct NewTenant {
    /// 1 to 64 of `a-z0-9-`, unique on this server.
    pub slug: String,
    /// For people.
    pub name: String,
    /// Permanent, unique.
    pub server_name: ServerName,
    /// The identity provider's id for it, unique, where that is another one than slug and id.
    pub scaikey_tenant_id: Option<String>,
}

impl Tenant {
    pub(super) fn new(row: TenantRow) -> Tenant {
        Tenant(Arc::new(row))
    }

    /// The value of the SQL column `tenant`.
    pub fn key(&self) -> i64 {
        self.0.key
    }

    /// The id that clients see.
    pub fn id(&self) -> TenantId {
        self.0.id
    }

    /// The short name in paths and fields.
    pub fn slug(&self) -> &str {
        &self.0.slug
    }

    /// The name for people.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The name between servers, behind the colon of every FQID.
    pub fn server_name(&self) -> &ServerName {
        &self.0.server_name
    }

    /// Whether the tenant is active.
    pub fn state(&self) -> TenantState {
        self.0.state
    }

    /// The limits.
    pub fn limits(&self) -> &TenantLimits {
        &self.0.limits
    }

    /// All features, unknown ones included.
    pub fn features(&self) -> &Map<String, Value> {
        &self.0.features
    }

    /// A switch among the features, named by its path such as `auth.signup_enabled`; absent is off.
    pub fn feature(&self, path: &str) -> bool {
        let mut keys = path.split('.');
        let first = keys.next().and_then(|key| self.0.features.get(key));
        keys.fold(first, |value, key| value.and_then(|value| value.get(key)))
            .and_then(Value::as_bool)
            .unwrap_or(false)
    }

    /// The identity provider's id for it, where it has one of its own.
    pub fn scaikey_tenant_id(&self) -> Option<&str> {
        self.0.scaikey_tenant_id.as_deref()
    }

    /// Whether an identity provider means this tenant by `name`: its own id for it, else slug or id.
    pub fn is_known_as(&self, name: &str) -> bool {
        match self.scaikey_tenant_id() {
            Some(id) => id == name,
            None => self.slug() == name || self.id().to_string() == name,
        }
    }

    /// When it was made, in ms.
    pub fn created_at(&self) -> i64 {
        self.0.created_at
    }
}

impl PartialEq for Tenant {
    fn eq(&self, other: &Self) -> bool {
        self.0.key == other.0.key
    }
}
