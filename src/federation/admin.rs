//! What admins see of other servers, and what they may do about them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Federation;
use super::error::FederationError;
use super::model::Peer;
use super::outbox::Depth;
use super::store;
use crate::clock::iso;
use crate::db::{Committed, DbError};
use crate::events;
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyId, PublicKey};
use crate::events::keys;
use crate::tenants::Tenant;

/// The tenant's own name and keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct IdentityView {
    server_name: ServerName,
    base_url: Option<String>,
    key_id: KeyId,
    public_key: PublicKey,
    keys: Vec<KeyView>,
}

/// One of the tenant's keys.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct KeyView {
    key_id: KeyId,
    public_key: PublicKey,
    valid_from: String,
    expires_at: Option<String>,
}

/// How another server is doing.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct PeerView {
    server_name: ServerName,
    state: PeerState,
    /// Its current key; null before first contact.
    key_id: Option<KeyId>,
    base_url: Option<String>,
    last_seen_at: Option<String>,
    last_sent_at: Option<String>,
    /// What went wrong last, or why a log stalls there.
    last_error: Option<String>,
    /// When that was; null for a stalled log.
    last_error_at: Option<String>,
    /// When the next delivery may be tried; null: at once.
    next_attempt_at: Option<String>,
    /// What waits for it.
    queue: QueueView,
    /// How long deliveries have been failing.
    lag_ms: i64,
    /// Rows of the journal.
    rejected: i64,
    /// Its clock minus ours when it was last seen.
    skew_ms: Option<i64>,
}

/// What waits for another server.
#[derive(Debug, Default, Serialize, utoipa::ToSchema)]
pub struct QueueView {
    rooms: i64,
    events: i64,
    requests: i64,
}

/// Whether another server is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PeerState {
    /// As usual.
    Ok,
    /// The last deliveries failed.
    Failing,
    /// An admin stopped it.
    Paused,
    /// The policy forbids it.
    Refused,
}

/// A row of the journal.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct RejectedView {
    id: String,
    peer: String,
    check: i64,
    code: String,
    message: String,
    room_id: Option<String>,
    event_id: Option<String>,
    origin: Option<String>,
    epoch: Option<i64>,
    seq: Option<i64>,
    created_at: String,
}

/// What an admin does about another server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerAction {
    /// Send nothing until resumed.
    Pause,
    /// Send again.
    Resume,
    /// End all waiting.
    Retry,
}

impl Federation {
    /// The tenant's name and keys.
    ///
    /// # Errors
    /// The database's, or a key that cannot be used.
    pub async fn identity(&self, tenant: &Tenant) -> Result<IdentityView, FederationError> {
        let missing = || FederationError::Identity("no current key".into());
        let current = self.keys().current(tenant).ok_or_else(missing)?;
        let records = events::store::keys::records(tenant, self.db()).await?;
        let key = |record: keys::KeyRecord| KeyView {
            key_id: record.public_key.key_id(),
            public_key: record.public_key,
            valid_from: iso(record.valid_from),
            expires_at: record.expires_at.map(iso),
        };
        Ok(IdentityView {
            server_name: tenant.server_name().clone(),
            base_url: self.base_url(tenant).map(|url| url.to_string()),
            key_id: current.key_id(),
            public_key: current.public_key().clone(),
            keys: records.into_iter().map(key).collect(),
        })
    }

    /// Other servers by name, those after `after`.
    ///
    /// # Errors
    /// The database's.
    pub async fn peer_views(
        &self,
        tenant: &Tenant,
        after: &str,
        limit: i64,
    ) -> Result<Vec<PeerView>, DbError> {
        let peers = store::peers::page(tenant, self.db(), after, limit).await?;
        self.views(tenant, peers).await
    }

    /// Does something about another server.
    ///
    /// # Errors
    /// [`FederationError::NoSuchPeer`], or the database's.
    pub async fn act_on_peer(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        action: PeerAction,
    ) -> Result<Committed<PeerView>, FederationError> {
        let mut tx = self.db().begin().await?;
        let known = match action {
            PeerAction::Pause => store::peers::set_paused(tenant, &mut tx, name, true).await?,
            PeerAction::Resume => store::peers::set_paused(tenant, &mut tx, name, false).await?,
            PeerAction::Retry => {
                store::outbox::retry_now(tenant, &mut tx, name).await?;
                store::peers::retry_now(tenant, &mut tx, name).await?
            }
        };
        if !known {
            return Err(FederationError::NoSuchPeer);
        }
        let committed = tx.commit(()).await?;
        self.peers().forget(tenant, name);
        self.wake_senders();
        let view = self.peer_view(tenant, name).await?;
        Ok(committed.map(|()| view))
    }

    /// Believes the key that a server shows now although it came from nowhere, after an admin asked its people.
    ///
    /// # Errors
    /// It shows another key, does not answer, or the database's.
    pub async fn confirm_peer_key(
        &self,
        tenant: &Tenant,
        name: &ServerName,
        key_id: KeyId,
    ) -> Result<Committed<PeerView>, FederationError> {
        self.policies().get(tenant).await?.require(name)?;
        self.peers().confirm(tenant, name, key_id).await?;
        tracing::warn!(event = "federation.peer_key_confirmed", peer = %name, %key_id);
        // What waited because of the key goes on at once.
        self.act_on_peer(tenant, name, PeerAction::Retry).await
    }

    /// The newest rows of the journal before `before`, newest first.
    ///
    /// # Errors
    /// The database's.
    pub async fn rejected(
        &self,
        tenant: &Tenant,
        before: Option<uuid::Uuid>,
        limit: i64,
    ) -> Result<Vec<RejectedView>, DbError> {
        let entries = store::journal::page(tenant, self.db(), before, limit).await?;
        Ok(entries.into_iter().map(RejectedView::from).collect())
    }

    async fn peer_view(
        &self,
        tenant: &Tenant,
        name: &ServerName,
    ) -> Result<PeerView, FederationError> {
        let peer = store::peers::get(tenant, self.db(), name)
            .await?
            .ok_or(FederationError::NoSuchPeer)?;
        self.views(tenant, vec![peer])
            .await?
            .pop()
            .ok_or(FederationError::NoSuchPeer)
    }

    async fn views(&self, tenant: &Tenant, peers: Vec<Peer>) -> Result<Vec<PeerView>, DbError> {
        let policy = self.policies().get(tenant).await?;
        let depths: BTreeMap<ServerName, Depth> = store::outbox::depths(tenant, self.db())
            .await?
            .into_iter()
            .collect();
        let stalled: BTreeMap<ServerName, String> = store::outbox::stalled_logs(tenant, self.db())
            .await?
            .into_iter()
            .map(|(name, room_id, why)| {
                (
                    name,
                    format!("our log of room {room_id} stalls there: {why}"),
                )
            })
            .collect();
        let rejected: BTreeMap<String, i64> = store::journal::counts(tenant, self.db())
            .await?
            .into_iter()
            .collect();
        let now_ms = self.now_ms();
        let view = |peer: Peer| {
            let depth = depths.get(&peer.server_name).copied().unwrap_or_default();
            let state = if peer.paused {
                PeerState::Paused
            } else if policy.require(&peer.server_name).is_err() {
                PeerState::Refused
            } else if peer.send_failures > 0 {
                PeerState::Failing
            } else {
                PeerState::Ok
            };
            // A failure that deliveries have got over says less than a log that is still stalled.
            let stalled = stalled
                .get(&peer.server_name)
                .filter(|_| peer.last_error_at <= peer.last_sent_at);
            let (last_error, last_error_at) = match stalled {
                Some(stalled) => (Some(stalled.clone()), None),
                None => (peer.last_error, peer.last_error_at),
            };
            PeerView {
                state,
                key_id: peer
                    .pinned
                    .as_ref()
                    .map(super::core::descriptor::Pinned::current),
                base_url: peer.base_url.as_ref().map(ToString::to_string),
                last_seen_at: peer.last_seen_at.map(iso),
                last_sent_at: peer.last_sent_at.map(iso),
                last_error_at: last_error_at.map(iso),
                next_attempt_at: Some(peer.next_send_at).filter(|at| *at > now_ms).map(iso),
                queue: QueueView {
                    rooms: depth.rooms,
                    events: depth.events,
                    requests: depth.jobs,
                },
                lag_ms: peer
                    .failing_since
                    .map_or(0, |since| now_ms.saturating_sub(since).max(0)),
                rejected: rejected
                    .get(peer.server_name.as_str())
                    .copied()
                    .unwrap_or(0),
                skew_ms: peer.skew_ms,
                last_error,
                server_name: peer.server_name,
            }
        };
        Ok(peers.into_iter().map(view).collect())
    }
}

impl PeerView {
    /// The server's name, by which the list is ordered.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }
}

impl RejectedView {
    /// The row's id, by which the list is ordered.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }
}

impl From<store::journal::Entry> for RejectedView {
    fn from(entry: store::journal::Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            peer: entry.peer,
            check: entry.check_no,
            code: entry.code,
            message: entry.message,
            room_id: entry.room_id,
            event_id: entry.event_id,
            origin: entry.origin,
            epoch: entry.epoch,
            seq: entry.seq,
            created_at: iso(entry.created_at),
        }
    }
}
