//! Federation: the same logs read and written by other servers (the federation specification, `federation-spec/`).
//!
//! [`core`] decides and is pure. [`client`] is the only way out, [`signed`] the only way in: it lets a request through
//! once checks 1 to 5 passed. [`peers`] knows other servers' keys, [`policies`] whom a tenant deals with, [`outbox`] brings
//! our logs to them, [`journal`] keeps what was refused, [`admin`] shows all that, [`counted`] counts requests,
//! [`shares`] divides the work among them, [`host_wait`] holds back a host that has just started, [`ephemeral`] tells others what is live, [`rotation`] replaces the
//! tenant's own key, [`check`] looks at a server as a stranger would.
//!
//! May use `events`, `rooms`, `presence` and `tenants` through their public functions; its tables are its own. In turn, whoever
//! appends to a room that other servers take part in tells the outbox, in the same transaction: [`outbox::open`] when the
//! first member of a server joins (with the log's end that the server is given otherwise), [`outbox::extend`] with the
//! new end of our log, [`outbox::close`] with the last event that a server without members is still to have; and
//! [`Federation::wake_senders`] after the commit. Requests that must arrive go through [`outbox::add_job`].

pub mod admin;
pub mod check;
pub mod client;
pub mod core;
mod counted;
pub mod ephemeral;
pub mod error;
pub mod exchange;
#[cfg(test)]
mod flow_tests;
pub mod host_wait;
pub mod identity;
pub mod journal;
pub mod model;
pub mod noted;
pub mod outbox;
pub mod peers;
pub mod policies;
mod resolver;
pub mod rotation;
pub mod routes;
pub mod shares;
pub mod signed;
pub mod store;
#[cfg(test)]
mod test_support;

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use serde_json::Value;
use tokio::sync::Notify;

use self::client::{Call, Client, Destination, PeerResponse, PeerStream, Signer};
use self::core::descriptor::BaseUrl;
use self::core::policy::{Policy, PolicyChange};
use self::ephemeral::Ephemeral;
use self::error::{CallError, FederationError};
use self::host_wait::HostWait;
use self::identity::Identity;
use self::journal::Journal;
use self::noted::Noted;
use self::peers::Peers;
use self::policies::Policies;
use self::shares::Shares;
use crate::clock::Clock;
use crate::db::{Committed, Db};
use crate::entropy::Entropy;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::keys::KeyRing;
use crate::http::limits::Limits;
use crate::http::metrics::Metrics;
use crate::tenants::{Tenant, Tenants};

/// Everything that the federation needs, cheap to clone.
#[derive(Clone)]
pub struct Federation(Arc<Inner>);

struct Inner {
    parts: Parts,
    identity: Identity,
    policies: Policies,
    peers: Peers,
    journal: Journal,
    host_wait: HostWait,
    ephemeral: Ephemeral,
    invited: Noted,
    returned: Noted,
    shares: Shares,
    /// Told when there may be something to deliver.
    deliveries: Notify,
}

/// What the federation is made of.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The clock.
    pub clock: Clock,
    /// Where ids of its own come from.
    pub entropy: Entropy,
    /// This server's tenants.
    pub tenants: Tenants,
    /// Their keys.
    pub keys: KeyRing,
    /// The way out.
    pub client: Client,
    /// Rate limits.
    pub limits: Arc<Limits>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Where the first tenant lives, if its public URL is another host than its name.
    pub base_url: Option<BaseUrl>,
}

impl Federation {
    /// Puts the parts together; nothing is sent yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let inner = Inner {
            identity: Identity::new(parts.keys.clone()),
            policies: Policies::new(parts.db.clone()),
            peers: Peers::new(parts.db.clone(), parts.clock.clone(), parts.client.clone()),
            journal: Journal::new(Arc::clone(&parts.metrics), parts.entropy.clone()),
            host_wait: HostWait::default(),
            ephemeral: Ephemeral::default(),
            invited: Noted::default(),
            returned: Noted::default(),
            shares: Shares::default(),
            deliveries: Notify::new(),
            parts,
        };
        Self(Arc::new(inner))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }

    /// The present moment in Unix milliseconds.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        self.0.parts.clock.now_ms()
    }

    /// Whom each tenant deals with.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.0.policies
    }

    /// Other servers.
    #[must_use]
    pub fn peers(&self) -> &Peers {
        &self.0.peers
    }

    /// What was refused.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Rooms hosted here that do not change after a start before somebody was asked.
    #[must_use]
    pub fn host_wait(&self) -> &HostWait {
        &self.0.host_wait
    }

    /// What other servers are told live.
    #[must_use]
    pub fn ephemeral(&self) -> &Ephemeral {
        &self.0.ephemeral
    }

    /// Servers that have just been told of an invitation.
    #[must_use]
    pub fn invited(&self) -> &Noted {
        &self.0.invited
    }

    /// Servers that were away and have come back.
    #[must_use]
    pub fn returned(&self) -> &Noted {
        &self.0.returned
    }

    /// What each peer may have done at one time.
    #[must_use]
    pub fn shares(&self) -> &Shares {
        &self.0.shares
    }

    /// This server's keys.
    #[must_use]
    pub fn keys(&self) -> &KeyRing {
        &self.0.parts.keys
    }

    /// This server's tenants.
    #[must_use]
    pub fn tenants(&self) -> &Tenants {
        &self.0.parts.tenants
    }

    /// Rate limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.0.parts.limits
    }

    /// The way out.
    fn client(&self) -> &Client {
        &self.0.parts.client
    }

    /// What is counted.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.0.parts.metrics
    }

    /// Tells the senders that there may be something to deliver, after the commit that made it so.
    pub fn wake_senders(&self) {
        self.0.deliveries.notify_one();
    }

    /// The tenant that answers to `authority` (lower case): by its name, by the first one's base URL, or the only one.
    #[must_use]
    pub fn tenant_of(&self, authority: &str) -> Option<Tenant> {
        let tenants = self.tenants();
        let named = authority
            .parse()
            .ok()
            .and_then(|name| tenants.by_server_name(&name));
        let at_base_url = || {
            let base_url = self.0.parts.base_url.as_ref()?;
            tenants
                .first()
                .filter(|_| base_url.authority() == authority)
        };
        named.or_else(at_base_url).or_else(|| tenants.only())
    }

    /// What a tenant answers to: its name, and the base URL's host and port.
    #[must_use]
    pub fn authorities(&self, tenant: &Tenant) -> Vec<String> {
        let base_url = self.base_url(tenant).map(|url| url.authority().to_owned());
        std::iter::once(tenant.server_name().to_string())
            .chain(base_url)
            .collect()
    }

    /// The descriptor of a tenant.
    ///
    /// # Errors
    /// The database's, or a key that cannot be used.
    pub async fn descriptor(&self, tenant: &Tenant) -> Result<Arc<Value>, FederationError> {
        self.0
            .identity
            .descriptor(self.db(), tenant, self.base_url(tenant), self.now_ms())
            .await
    }

    /// Shows a tenant's new keys at once, after they changed.
    pub fn keys_changed(&self, tenant: &Tenant) {
        self.0.identity.forget(tenant);
    }

    /// Changes a tenant's policy, and tries the servers again at once that had to wait: they may be welcome now.
    ///
    /// # Errors
    /// A value that cannot be taken, or the database's.
    pub async fn change_policy(
        &self,
        tenant: &Tenant,
        change: PolicyChange,
    ) -> Result<Committed<Arc<Policy>>, FederationError> {
        let changed = self
            .policies()
            .change(tenant, change, self.now_ms())
            .await?;
        self.peers().forget_all();
        self.wake_senders();
        Ok(changed)
    }

    /// Sends a signed request to a server that the tenant's policy allows, and waits for the whole answer, whatever its
    /// status.
    ///
    /// # Errors
    /// The policy's refusal, no usable answer, or the database's.
    pub async fn call(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
        call: Call<'_>,
    ) -> Result<PeerResponse, CallError> {
        let (base_url, key) = self.way_to(tenant, peer).await?;
        let (to, signer) = between(tenant, peer, base_url.as_ref(), &key);
        let endpoint = counted::endpoint(call.path_and_query);
        let answer = self.client().send(to, call, signer, self.now_ms()).await;
        let status = answer.as_ref().map(|answer| answer.status).ok();
        self.count_call(endpoint, status);
        answer.map_err(|error| CallError::of(peer, error))
    }

    /// As [`Federation::call`], for an answer that is read piece by piece and may take so long in all.
    ///
    /// # Errors
    /// Those of [`Federation::call`].
    pub async fn open(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
        call: Call<'_>,
        longest: Duration,
    ) -> Result<PeerStream, CallError> {
        let (base_url, key) = self.way_to(tenant, peer).await?;
        let (to, signer) = between(tenant, peer, base_url.as_ref(), &key);
        let endpoint = counted::endpoint(call.path_and_query);
        let now = self.now_ms();
        let answer = self.client().open(to, call, signer, now, longest).await;
        let status = answer.as_ref().map(|answer| answer.status).ok();
        self.count_call(endpoint, status);
        answer.map_err(|error| CallError::of(peer, error))
    }

    /// Where a server that the tenant's policy allows lives, and the key to sign with.
    async fn way_to(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
    ) -> Result<(Option<BaseUrl>, Arc<KeyPair>), CallError> {
        self.policies().get(tenant).await?.require(peer)?;
        self.peers().renew_if_old(tenant, peer).await?;
        let base_url = self.peers().base_url(tenant, peer).await?;
        let key = self.keys().current(tenant).ok_or(CallError::NoKey)?;
        Ok((base_url, key))
    }

    fn count_call(&self, endpoint: &'static str, status: Option<StatusCode>) {
        let status = status.map_or(0, |status| status.as_u16());
        counted::request(self.metrics(), "out", endpoint, status);
    }

    fn base_url(&self, tenant: &Tenant) -> Option<BaseUrl> {
        self.0
            .parts
            .base_url
            .clone()
            .filter(|_| self.tenants().first().as_ref() == Some(tenant))
    }
}

/// Whom a call goes to and in whose name.
fn between<'a>(
    tenant: &'a Tenant,
    peer: &'a ServerName,
    base_url: Option<&'a BaseUrl>,
    key: &'a KeyPair,
) -> (Destination<'a>, Signer<'a>) {
    let to = Destination {
        name: peer,
        base_url,
    };
    let signer = Signer {
        name: tenant.server_name(),
        key,
    };
    (to, signer)
}
