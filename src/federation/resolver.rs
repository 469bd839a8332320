//! Turning a peer's name into addresses that may be connected to.
//!
//! The HTTP client asks here once per connection and connects to what it was answered, so that a name cannot resolve to
//! a harmless address for the check and to another one for the connection. Lookups are bounded in time, in number
//! and in addresses, since a stranger chooses both the name and the name server that answers for it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;
use url::Host;

/// How long a lookup may take, the wait for a free slot included.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);
/// Lookups at one time. The system's resolver cannot be interrupted, so one past its time keeps its slot.
const LOOKUPS: usize = 16;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// A name that may not be connected to, or cannot be found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ResolveError {
    #[error("address refused: {host} has the address {address}, which is not public")]
    Refused { host: String, address: IpAddr },
    #[error("{host} cannot be resolved: {reason}")]
    NotFound { host: String, reason: String },
}

/// Finds the addresses of a host, and takes the time that it takes.
type Find = dyn Fn(&str) -> std::io::Result<Vec<SocketAddr>> + Send + Sync;

/// A resolver with its bounds; clones share them.
#[derive(Clone)]
pub(super) struct Lookups {
    slots: Arc<Semaphore>,
    find: Arc<Find>,
}

impl Lookups {
    /// The system's resolver.
    pub(super) fn new() -> Self {
        Self::by(|host| {
            let found = (host, 0).to_socket_addrs()?;
            Ok(found.take(MAX_ADDRESSES + 1).collect())
        })
    }

    /// Another one than the system's.
    pub(super) fn by(
        find: impl Fn(&str) -> std::io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(LOOKUPS)),
            find: Arc::new(find),
        }
    }

    /// All addresses of `host`, with port 0, at most [`MAX_ADDRESSES`] plus one.
    async fn find(&self, host: String) -> Result<Vec<SocketAddr>, ResolveError> {
        let not_found = |reason: String| ResolveError::NotFound {
            host: host.clone(),
            reason,
        };
        let lookup = async {
            let slot = Arc::clone(&self.slots)
                .acquire_owned()
                .await
                .map_err(|closed| not_found(closed.to_string()))?;
            let (name, find) = (host.clone(), Arc::clone(&self.find));
            let task = tokio::task::spawn_blocking(move || {
                let _slot = slot;
                find(&name)
            });
            let found = task.await.map_err(|failed| not_found(failed.to_string()))?;
            found.map_err(|error| not_found(error.to_string()))
        };
        match tokio::time::timeout(LOOKUP_TIMEOUT, lookup).await {
            Ok(found) => found,
            Err(_) => Err(not_found("no answer in time".to_owned())),
        }
    }
}

/// Resolves names that strangers chose.
#[derive(Clone)]
pub(super) struct Guarded {
    pub(super) lookups: Lookups,
    /// Hosts that the operator allowed to have private addresses (`SCAIWAVE_ALLOW_PRIVATE_HOSTS`).
    pub(super) private_hosts: Arc<BTreeSet<String>>,
    /// Whether others may be connected to there.
    pub(super) is_public: fn(IpAddr) -> bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let Self {
            lookups,
            private_hosts,
            is_public,
        } = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = lookups.find(host.clone()).await?;
            let may_be_private = private_hosts.contains(&host);
            let may_be_at = |address| may_be_private || is_public(address);
            Ok(boxed(admit(&host, found, may_be_at)?))
        })
    }
}

/// Resolves every name to where the operator listed one peer.
#[derive(Clone)]
pub(super) struct Listed {
    pub(super) lookups: Lookups,
    pub(super) host: Host<String>,
}

impl Resolve for Listed {
    fn resolve(&self, _: Name) -> Resolving {
        let Self { lookups, host } = self.clone();
        Box::pin(async move {
            let found = match host {
                Host::Ipv4(address) => vec![SocketAddr::new(address.into(), 0)],
                Host::Ipv6(address) => vec![SocketAddr::new(address.into(), 0)],
                Host::Domain(name) => lookups.find(name).await?,
            };
            Ok(boxed(found))
        })
    }
}

/// A name is refused as a whole if any of its addresses is: which of them would be tried first is not ours to say.
fn admit(
    host: &str,
    found: Vec<SocketAddr>,
    may_be_at: impl Fn(IpAddr) -> bool,
) -> Result<Vec<SocketAddr>, ResolveError> {
    let not_found = |reason: &str| ResolveError::NotFound {
        host: host.to_owned(),
        reason: reason.to_owned(),
    };
    if found.is_empty() {
        return Err(not_found("it has no address"));
    }
    if found.len() > MAX_ADDRESSES {
        return Err(not_found("it has too many addresses"));
    }
    match found.iter().find(|address| !may_be_at(address.ip())) {
        Some(address) => Err(ResolveError::Refused {
            host: host.to_owned(),
            address: address.ip(),
        }),
        None => Ok(found),
    }
}

fn boxed(addresses: Vec<SocketAddr>) -> Addrs {
    Box::new(addresses.into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::core::address::is_public;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts
            .iter()
            .map(|text| SocketAddr::new(text.parse().unwrap(), 0))
            .collect()
    }

    #[test]
    fn one_private_address_refuses_the_name() {
        let found = addresses(&["1.1.1.1", "169.254.169.254"]);
        assert_eq!(
            admit("b.example", found.clone(), is_public),
            Err(ResolveError::Refused {
                host: "b.example".to_owned(),
                address: "169.254.169.254".parse().unwrap()
            })
        );
        assert_eq!(admit("b.example", found.clone(), |_| true), Ok(found));
    }

    #[test]
    fn public_names_keep_their_addresses() {
        let found = addresses(&["1.1.1.1", "2606:4700::1111"]);
        assert_eq!(admit("b.example", found.clone(), is_public), Ok(found));
    }

    #[test]
    fn a_name_needs_some_addresses_but_not_many() {
        assert!(matches!(
            admit("b.example", vec![], |_| true),
            Err(ResolveError::NotFound { .. })
        ));
        let many = addresses(&["1.1.1.1"; MAX_ADDRESSES + 1]);
        assert!(matches!(
            admit("b.example", many, is_public),
            Err(ResolveError::NotFound { .. })
        ));
    }

    #[tokio::test]
    async fn localhost_is_refused_unless_the_operator_allows_it() {
        let resolver = |private: &[&str]| Guarded {
            lookups: Lookups::new(),
            private_hosts: Arc::new(private.iter().map(ToString::to_string).collect()),
            is_public,
        };
        assert!(
            resolver(&[])
                .resolve("localhost".parse().unwrap())
                .await
                .is_err()
        );
        assert!(
            resolver(&["localhost"])
                .resolve("localhost".parse().unwrap())
                .await
                .is_ok()
        );
    }
}
