//! Servers that have just been told of an invitation: from then on they say who it is that was invited.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// Servers, by the key of the tenant that told them.
#[derive(Default)]
pub struct Invited {
    servers: Mutex<HashSet<(i64, ServerName)>>,
    added: Notify,
}

impl Invited {
    /// A server has taken an invitation.
    pub(super) fn add(&self, tenant: &Tenant, server: &ServerName) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.insert((tenant.key(), server.clone()));
        self.added.notify_one();
    }

    /// Those that were told since the last time.
    pub fn take(&self) -> HashSet<(i64, ServerName)> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *servers)
    }

    /// Waits until there are some.
    pub async fn added(&self) {
        self.added.notified().await;
    }
}
