//! Servers of which something was noticed that a task goes after: those that have just taken an invitation and from then on
//! say who was invited, and those that were away and have come back.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// Servers, by the key of the tenant that deals with them.
#[derive(Default)]
pub struct Noted {
    servers: Mutex<HashSet<(i64, ServerName)>>,
    added: Notify,
}

impl Noted {
    /// One more.
    pub(super) fn add(&self, tenant: &Tenant, server: &ServerName) {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.insert((tenant.key(), server.clone()));
        self.added.notify_one();
    }

    /// Those that were noted since the last time.
    pub fn take(&self) -> HashSet<(i64, ServerName)> {
        let mut servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *servers)
    }

    /// Waits until there are some.
    pub async fn added(&self) {
        self.added.notified().await;
    }
}
