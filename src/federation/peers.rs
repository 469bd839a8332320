//! Other servers as a tenant knows them: their keys, fetched at first contact and pinned, and how they are doing.
//!
//! Called for servers that the tenant's policy allows, and for no others: every question here may cause a lookup and a
//! connection. A descriptor is fetched when nothing is pinned, when a key is unknown (for each key once a minute, and not for
//! many keys), and when half of the last one's time is over. A failure is written down and makes the next try wait.

use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{Mutex, Semaphore};

use super::client::{Client, PeerError};
use super::core::delivery::backoff;
use super::core::descriptor::{self, BaseUrl, DescriptorError, PinError, Pinned, VALIDITY_MS};
use super::model::Peer;
use super::store;
use crate::clock::Clock;
use crate::db::{Committed, Db, DbError};
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyId, PublicKey};
use crate::tenants::Tenant;

/// Peers kept in memory.
const MOST_PEERS: u64 = 20_000;
/// How long another node's change may stay unnoticed.
const MEMORY: Duration = Duration::from_secs(30);
/// Descriptor fetches at one time, over all peers.
const FETCHES: usize = 16;
/// How often a peer's descriptor is fetched because of one key that nobody knows.
const UNKNOWN_KEY_INTERVAL_MS: i64 = 60_000;
/// For how many such keys in that time: anybody can make keys up. More than one, so that a key which takes over is believed
/// although the descriptor was fetched a moment ago.
const MOST_UNKNOWN_KEYS: usize = 4;
/// The shortest wait after a failed fetch: a fetch is cheap for who causes it and not for us.
const MIN_FETCH_WAIT_MS: i64 = 60_000;
/// How often "last seen" is written down while nothing else changes.
const SEEN_INTERVAL_MS: i64 = 60_000;

type Name = (i64, ServerName);

/// All peers of all tenants.
#[derive(Clone)]
pub struct Peers(Arc<Inner>);

struct Inner {
    db: Db,
    clock: Clock,
    client: Client,
    known: Cache<Name, Arc<Peer>>,
    /// One fetch at a time for each peer.
    fetching: Cache<Name, Arc<Mutex<Fetches>>>,
    slots: Semaphore,
}

/// Why a descriptor is fetched.
#[derive(Clone, Copy)]
enum Cause {
    /// Nothing is known of the peer yet.
    FirstContact,
    /// The last one gets old.
    Age,
    /// A key that it does not list.
    UnknownKey(KeyId),
}

/// When one peer's descriptor was fetched, in ms.
#[derive(Default)]
struct Fetches {
    last: Option<i64>,
    /// When the one was that is relied on; `None` after a start.
    believed: Option<i64>,
    for_keys: Vec<(KeyId, i64)>,
}

impl Fetches {
    /// Whether half of the time is over of a descriptor that may be relied upon until `until`.
    fn is_half_over(&self, until: i64, now_ms: i64) -> bool {
        let whole = match self.believed {
            Some(since) => until.saturating_sub(since),
            None => VALIDITY_MS,
        };
        now_ms > until.saturating_sub(whole / 2)
    }

    /// Takes note of a fetch, unless there were enough of them.
    fn begin(&mut self, cause: Cause, now_ms: i64) -> bool {
        let is_recent = |at: i64| now_ms < at.saturating_add(UNKNOWN_KEY_INTERVAL_MS);
        self.for_keys.retain(|(_, at)| is_recent(*at));
        let may = match cause {
            Cause::FirstContact => true,
            Cause::Age => !self.last.is_some_and(is_recent),
            Cause::UnknownKey(key_id) => {
                let is_new = !self.for_keys.iter().any(|(known, _)| *known == key_id);
                is_new && self.for_keys.len() < MOST_UNKNOWN_KEYS
            }
        };
        if may {
            self.last = Some(now_ms);
            if let Cause::UnknownKey(key_id) = cause {
                self.for_keys.push((key_id, now_ms));
            }
        }
        may
    }
}

/// Why no key of a peer can be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The peer has no such key, or its descriptor cannot be had; why is written down for admins.
    #[error("the peer's key is unknown")]
    Unknown,
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Why a descriptor is not taken. The text is shown to admins as the peer's last error, and to nobody else: it may tell
/// where a name of a private network leads.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Peer(#[from] PeerError),
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    #[error(transparent)]
    Pin(#[from] PinError),
}

impl Peers {
    /// Nothing read yet.
    #[must_use]
    pub fn new(db: Db, clock: Clock, client: Client) -> Self {
        let known = Cache::builder()
            .max_capacity(MOST_PEERS)
            .time_to_live(MEMORY)
            .build();
        let fetching = Cache::builder().max_capacity(MOST_PEERS).build();
        Self(Arc::new(Inner {
            db,
            clock,
            client,
            known,
            fetching,
            slots: Semaphore::new(FETCHES),
        }))
    }

    /// What is known of a server; nothing is fetched.
    ///
    /// # Errors
    /// The database's.
    pub async fn get(&self, tenant: &Tenant, name: &ServerName) -> Result<Arc<Peer>, DbError> {
        let key = (tenant.key(), name.clone());
        if let Some(peer) = self.0.known.get(&key) {
            return Ok(peer);
        }
        let stored = store::peers::get(tenant, &self.0.db, name).await?;
        let peer =
            Arc::new(stored.unwrap_or_else(|| Peer::unknown(name.clone(), self.0.clock.now_ms())));
        self.0.known.insert(key, Arc::clone(&peer));
        Ok(peer)
    }

    /// The pinned key with this id, if it is good now and the descriptor is; nothing is fetched.
    ///
    /// # Errors
    /// The database's.
    pub async fn pinned_key(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        key_id: KeyId,
    ) -> Result<Option<PublicKey>, DbError> {
        let now_ms = self.0.clock.now_ms();
        let peer = self.get(tenant, name).await?;
        if now_ms >= peer.descriptor_until {
            return Ok(None);
        }
        Ok(peer
            .pinned
            .as_ref()
            .and_then(|pinned| pinned.key(key_id, now_ms))
            .cloned())
    }

    /// The key with this id, fetched if it has to be and may be.
    ///
    /// # Errors
    /// [`KeyError::Unknown`]: there is none, or it cannot be had now.
    pub async fn key(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        key_id: KeyId,
    ) -> Result<PublicKey, KeyError> {
        if let Some(key) = self.pinned_key(tenant, name, key_id).await? {
            return Ok(key);
        }
        let now_ms = self.0.clock.now_ms();
        let pinned = &self.get(tenant, name).await?.pinned;
        if pinned
            .as_ref()
            .is_some_and(|pinned| pinned.has_ended(key_id, now_ms))
        {
            // No descriptor brings it back: whoever stole it is to cause nothing.
            return Err(KeyError::Unknown);
        }
        self.fetch(tenant, name, Cause::UnknownKey(key_id)).await?;
        self.pinned_key(tenant, name, key_id)
            .await?
            .ok_or(KeyError::Unknown)
    }

    /// All keys that a server has had, as far as is known; its descriptor is fetched if the one with this id is not among
    /// them. For events alone: their time does not matter there, so that all servers believe the same.
    ///
    /// # Errors
    /// The database's.
    pub async fn keys_of_events(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        key_id: KeyId,
    ) -> Result<Vec<PublicKey>, DbError> {
        let known = self.all_keys(tenant, name).await?;
        if known.iter().any(|key| key.key_id() == key_id) {
            return Ok(known);
        }
        self.fetch(tenant, name, Cause::UnknownKey(key_id)).await?;
        self.all_keys(tenant, name).await
    }

    async fn all_keys(
        &self,
        tenant: &Tenant,
        name: &ServerName,
    ) -> Result<Vec<PublicKey>, DbError> {
        let peer = self.get(tenant, name).await?;
        let keys = peer.pinned.iter().flat_map(Pinned::keys);
        Ok(keys.map(|(_, key)| key.public_key.clone()).collect())
    }

    /// Where a server lives, if not at its name. Its descriptor is fetched if none is to be relied upon and nobody listed
    /// its address; where that fails, what it said last has to do, or its name.
    ///
    /// # Errors
    /// The database's.
    pub async fn base_url(
        &self,
        tenant: &Tenant,
        name: &ServerName,
    ) -> Result<Option<BaseUrl>, DbError> {
        if self.0.client.lists(name) {
            return Ok(None);
        }
        let peer = self.get(tenant, name).await?;
        if peer.pinned.is_none() {
            self.fetch(tenant, name, Cause::FirstContact).await?;
        } else if self.0.clock.now_ms() >= peer.descriptor_until {
            self.fetch(tenant, name, Cause::Age).await?;
        }
        Ok(self.get(tenant, name).await?.base_url.clone())
    }

    /// Fetches a server's descriptor, unless that was done often enough or it has to wait after failures. A failure is
    /// written down, not returned.
    async fn fetch(&self, tenant: &Tenant, name: &ServerName, cause: Cause) -> Result<(), DbError> {
        let mut fetches = self.fetches(tenant, name).lock_owned().await;
        let now_ms = self.0.clock.now_ms();
        let peer = self.get(tenant, name).await?;
        if now_ms < peer.next_fetch_at || !fetches.begin(cause, now_ms) {
            return Ok(());
        }
        self.fetch_begun(tenant, &peer, &mut fetches).await
    }

    fn fetches(&self, tenant: &Tenant, name: &ServerName) -> Arc<Mutex<Fetches>> {
        let key = (tenant.key(), name.clone());
        self.0.fetching.get_with(key, Arc::default)
    }

    /// Fetches a descriptor after [`Fetches::begin`] allowed it.
    async fn fetch_begun(
        &self,
        tenant: &Tenant,
        peer: &Peer,
        fetches: &mut Fetches,
    ) -> Result<(), DbError> {
        let name = &peer.server_name;
        let fetched = self.fetch_and_pin(peer).await;
        let mut next = Peer::clone(peer);
        let now_ms = self.0.clock.now_ms();
        let mut tx = self.0.db.begin().await?;
        store::peers::ensure(tenant, &mut tx, name, now_ms).await?;
        match fetched {
            Ok(believed) => {
                fetches.believed = Some(now_ms);
                next.pinned = Some(believed.pinned);
                next.base_url = believed.base_url;
                next.descriptor_until = believed.valid_until;
                (next.fetch_failures, next.next_fetch_at) = (0, 0);
                store::peers::save_descriptor(tenant, &mut tx, &next).await?;
            }
            Err(error) => {
                next.fetch_failures = next.fetch_failures.saturating_add(1);
                next.next_fetch_at = now_ms.saturating_add(fetch_wait(next.fetch_failures));
                let text = error.to_string();
                store::peers::save_fetch_failure(tenant, &mut tx, &next, &text, now_ms).await?;
                (next.last_error, next.last_error_at) = (Some(text), Some(now_ms));
            }
        }
        tx.commit(()).await?;
        let key = (tenant.key(), name.clone());
        self.0.known.insert(key, Arc::new(next));
        Ok(())
    }

    /// Believes the key that a server shows now although it came from nowhere.
    ///
    /// # Errors
    /// It shows another key than `key_id`, its descriptor cannot be had, or the database's.
    pub async fn confirm(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        key_id: KeyId,
    ) -> Result<Committed<()>, ConfirmError> {
        let now_ms = self.0.clock.now_ms();
        let bytes = self.0.client.descriptor(name).await?;
        let document = descriptor::read(&bytes, name, now_ms)?;
        let shown = document.public_key.key_id();
        if shown != key_id {
            return Err(ConfirmError::OtherKey { shown });
        }
        let mut next = Peer::clone(&*self.get(tenant, name).await?);
        next.pinned = Some(Pinned::first(&document));
        next.descriptor_until = reliable_until(document.valid_until, now_ms);
        next.base_url = document.base_url;
        let mut tx = self.0.db.begin().await?;
        store::peers::ensure(tenant, &mut tx, name, now_ms).await?;
        store::peers::save_descriptor(tenant, &mut tx, &next).await?;
        let committed = tx.commit(()).await?;
        self.forget(tenant, name);
        Ok(committed)
    }

    /// Records a valid request from a server. True: it was believed to be away, and may be sent to again.
    ///
    /// # Errors
    /// The database's.
    pub async fn seen(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        skew_ms: i64,
    ) -> Result<bool, DbError> {
        let now_ms = self.0.clock.now_ms();
        let peer = self.get(tenant, name).await?;
        let was_away = peer.send_failures > 0;
        let is_recent = peer
            .last_seen_at
            .is_some_and(|last| now_ms < last.saturating_add(SEEN_INTERVAL_MS));
        if is_recent && !was_away {
            return Ok(false);
        }
        let mut tx = self.0.db.begin().await?;
        store::peers::ensure(tenant, &mut tx, name, now_ms).await?;
        store::peers::save_seen(tenant, &mut tx, name, skew_ms, now_ms).await?;
        tx.commit(()).await?;
        self.forget(tenant, name);
        Ok(was_away)
    }

    /// Reads a server's row anew at the next question, after it changed.
    pub fn forget(&self, tenant: &Tenant, name: &ServerName) {
        self.0.known.invalidate(&(tenant.key(), name.clone()));
    }

    /// Reads all rows anew, after they changed.
    pub fn forget_all(&self) {
        self.0.known.invalidate_all();
    }

    /// Fetches the descriptor of a known server in the background once half of its time is over, so that a short absence
    /// of the peer does not turn into an expired document. For whoever calls it or is called by it; nothing is waited for.
    ///
    /// # Errors
    /// The database's.
    pub async fn renew_if_old(&self, tenant: &Tenant, name: &ServerName) -> Result<(), DbError> {
        let now_ms = self.0.clock.now_ms();
        let peer = self.get(tenant, name).await?;
        let may_be_old = now_ms > peer.descriptor_until.saturating_sub(VALIDITY_MS / 2);
        if peer.pinned.is_none() || !may_be_old || now_ms < peer.next_fetch_at {
            return Ok(());
        }
        // Whoever holds the lock is fetching it.
        let Ok(mut fetches) = self.fetches(tenant, name).try_lock_owned() else {
            return Ok(());
        };
        let is_old = fetches.is_half_over(peer.descriptor_until, now_ms);
        if is_old && fetches.begin(Cause::Age, now_ms) {
            let (peers, tenant) = (self.clone(), tenant.clone());
            tokio::spawn(async move {
                if let Err(error) = peers.fetch_begun(&tenant, &peer, &mut fetches).await {
                    tracing::warn!(%error, peer = %peer.server_name, "a peer's descriptor could not be renewed");
                }
            });
        }
        Ok(())
    }

    async fn fetch_and_pin(&self, peer: &Peer) -> Result<Believed, FetchError> {
        // Closing never happens: the semaphore lives as long as its owner.
        let _slot = self.0.slots.acquire().await.ok();
        let bytes = self.0.client.descriptor(&peer.server_name).await?;
        let now_ms = self.0.clock.now_ms();
        let document = descriptor::read(&bytes, &peer.server_name, now_ms)?;
        let pinned = match &peer.pinned {
            Some(pinned) => pinned.accept(&document, now_ms)?,
            None => Pinned::first(&document),
        };
        let valid_until = reliable_until(document.valid_until, now_ms);
        Ok(Believed {
            pinned,
            base_url: document.base_url,
            valid_until,
        })
    }
}

/// What is taken over from a descriptor.
struct Believed {
    pinned: Pinned,
    base_url: Option<BaseUrl>,
    valid_until: i64,
}

/// Why a key cannot be confirmed.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Another key is shown than the one that was confirmed.
    #[error("the peer shows the key {shown}")]
    OtherKey {
        /// The key that it shows.
        shown: KeyId,
    },
    /// The peer does not answer.
    #[error(transparent)]
    Peer(#[from] PeerError),
    /// Its descriptor is not to be believed.
    #[error(transparent)]
    Descriptor(#[from] DescriptorError),
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A peer may promise less than the usual time, not more: a stolen key must not count for years.
fn reliable_until(valid_until: i64, now_ms: i64) -> i64 {
    valid_until.min(now_ms.saturating_add(VALIDITY_MS))
}

fn fetch_wait(failures: u32) -> i64 {
    let wait = backoff(failures, 0, rand::random());
    i64::try_from(wait.as_millis())
        .unwrap_or(i64::MAX)
        .max(MIN_FETCH_WAIT_MS)
}

#[cfg(test)]
mod tests;
