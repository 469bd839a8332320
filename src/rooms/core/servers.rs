//! Which servers a room lets take part: its own lists, beside each server's federation policy.

use std::collections::BTreeSet;

use super::content::SettingsChange;
use crate::events::core::names::ServerName;

/// Which servers a room lets in: `None` lets all in that are not denied.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServerLists {
    /// If set, only these.
    pub allowed: Option<BTreeSet<ServerName>>,
    /// Never these.
    pub denied: BTreeSet<ServerName>,
}

impl ServerLists {
    /// Whether `server` may take part.
    pub fn allow(&self, server: &ServerName) -> bool {
        !self.denied.contains(server)
            && self
                .allowed
                .as_ref()
                .is_none_or(|allowed| allowed.contains(server))
    }

    /// Whether these lists keep out a server that `before` let in.
    pub fn stricter_than(&self, before: &ServerLists) -> bool {
        let newly_denied = self.denied.iter().any(|server| before.allow(server));
        let no_longer_allowed = match (&before.allowed, &self.allowed) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(listed), Some(_)) => listed
                .iter()
                .any(|server| before.allow(server) && !self.allow(server)),
        };
        newly_denied || no_longer_allowed
    }

    /// These lists with a change of settings put over them; an empty list of allowed servers allows all.
    pub fn with(&self, change: &SettingsChange) -> ServerLists {
        let mut lists = self.clone();
        if let Some(allowed) = &change.allowed_servers {
            lists.allowed = (!allowed.is_empty()).then(|| allowed.iter().cloned().collect());
        }
        if let Some(denied) = &change.denied_servers {
            lists.denied = denied.iter().cloned().collect();
        }
        lists
    }
}
