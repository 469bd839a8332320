//! Which sessions live: what every request asks, and what open sockets are told.
//!
//! A small cache stands before the tables, so that a request costs no statement. Whoever ends a session or changes a
//! person's roles says so here *after* the commit; from that moment no request gets the old answer, and sockets of an
//! ended session learn it at once. Entries also fade after a minute, which bounds how long another node may be wrong.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::watch;
use uuid::Uuid;

use super::roles::Roles;
use super::store::{self, sessions::Kind};
use crate::db::{Db, DbError};
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::Fqid;
use crate::participants;
use crate::tenants::Tenant;

/// Entries of each cache.
const MOST_CACHED: u64 = 100_000;
/// How long an entry is believed without asking the database.
const BELIEVED: Duration = Duration::from_secs(60);
/// How often a session's use is written down, in milliseconds.
const SEEN_EVERY_MS: i64 = 60_000;
/// How often a read is repeated because something changed meanwhile, before its answer is used without being kept.
const READ_AGAIN: usize = 3;

/// What requests need to know of a live session.
#[derive(Debug)]
pub struct Live {
    /// Whose it is.
    pub participant_id: ParticipantId,
    /// How it began.
    pub kind: Kind,
    /// When it ends by itself, Unix milliseconds.
    pub expires_at: Option<i64>,
    /// When its use was last written down, Unix milliseconds.
    seen_at: AtomicI64,
}

impl Live {
    /// Whether a use at `now` should be written down; says so to one caller a minute.
    pub fn is_due(&self, now: i64) -> bool {
        let seen = self.seen_at.load(Ordering::Relaxed);
        now.saturating_sub(seen) >= SEEN_EVERY_MS
            && self
                .seen_at
                .compare_exchange(seen, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

/// What requests need to know of who acts.
#[derive(Clone, Debug)]
pub struct Person {
    /// The full name.
    pub fqid: Fqid,
    /// The roles.
    pub roles: Roles,
    /// Whether an admin suspended the account.
    pub suspended: bool,
}

/// The live sessions, as far as somebody asked for them lately, and the sockets that depend on them.
pub struct Sessions {
    live: Cache<(i64, Uuid), Arc<Live>>,
    people: Cache<(i64, ParticipantId), Arc<Person>>,
    scripts: Cache<Hash, (i64, Uuid)>,
    /// Rises with every change, so that a read that began before it is not kept.
    changes: AtomicU64,
    sockets: Mutex<HashMap<Uuid, Sockets>>,
}

/// The sockets of one session.
struct Sockets {
    participant_id: ParticipantId,
    open: usize,
    ended: watch::Sender<bool>,
}

fn cache<K, V>() -> Cache<K, V>
where
    K: Eq + std::hash::Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MOST_CACHED)
        .time_to_live(BELIEVED)
        .build()
}

impl Default for Sessions {
    fn default() -> Self {
        Sessions {
            live: cache(),
            people: cache(),
            scripts: cache(),
            changes: AtomicU64::new(0),
            sockets: Mutex::new(HashMap::new()),
        }
    }
}

impl Sessions {
    /// A session, if it lives.
    pub async fn live(
        &self,
        tenant: &Tenant,
        db: &Db,
        id: Uuid,
    ) -> Result<Option<Arc<Live>>, DbError> {
        let key = (tenant.key(), id);
        if let Some(live) = self.live.get(&key) {
            return Ok(Some(live));
        }
        self.read_through(&self.live, key, async || {
            let session = store::sessions::get(tenant, db.reader(), id).await?;
            Ok(session.map(|session| {
                Arc::new(Live {
                    participant_id: session.participant_id,
                    kind: session.kind,
                    expires_at: session.expires_at,
                    seen_at: AtomicI64::new(session.last_seen_at.unwrap_or(i64::MIN)),
                })
            }))
        })
        .await
    }

    /// Who acts in a session.
    pub async fn person(
        &self,
        tenant: &Tenant,
        db: &Db,
        id: ParticipantId,
    ) -> Result<Option<Arc<Person>>, DbError> {
        let key = (tenant.key(), id);
        if let Some(person) = self.people.get(&key) {
            return Ok(Some(person));
        }
        self.read_through(&self.people, key, async || {
            let Some(participant) = participants::store::get(tenant, db.reader(), id).await? else {
                return Ok(None);
            };
            Ok(Some(Arc::new(Person {
                fqid: participant.fqid,
                roles: store::roles::of(tenant, db.reader(), id).await?,
                suspended: participant.suspended,
            })))
        })
        .await
    }

    /// The key of the tenant, and the session, that a script's token belongs to. What is found never changes: whether
    /// the session lives is another question.
    pub async fn of_script(&self, db: &Db, hash: &Hash) -> Result<Option<(i64, Uuid)>, DbError> {
        if let Some(found) = self.scripts.get(hash) {
            return Ok(Some(found));
        }
        let found = store::sessions::by_token(db.reader(), hash).await?;
        if let Some(found) = found {
            self.scripts.insert(*hash, found);
        }
        Ok(found)
    }

    /// Reads a value and keeps it, unless something changed while it was read: then it reads again.
    async fn read_through<K, V>(
        &self,
        cache: &Cache<K, V>,
        key: K,
        read: impl AsyncFn() -> Result<Option<V>, DbError>,
    ) -> Result<Option<V>, DbError>
    where
        K: Copy + Eq + std::hash::Hash + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        for _ in 0..READ_AGAIN {
            let before = self.changes.load(Ordering::SeqCst);
            let value = read().await?;
            if let Some(value) = &value {
                cache.insert(key, value.clone());
            }
            // A change that is announced from here on finds the entry and removes it.
            if self.changes.load(Ordering::SeqCst) == before {
                return Ok(value);
            }
            cache.invalidate(&key);
        }
        read().await
    }

    /// Tells everybody that sessions have ended. To be called after the commit that ended them.
    pub fn ended(&self, tenant: &Tenant, ids: &[Uuid]) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        for id in ids {
            self.live.invalidate(&(tenant.key(), *id));
        }
        let sockets = self.sockets();
        for id in ids {
            if let Some(sockets) = sockets.get(id) {
                sockets.ended.send_replace(true);
            }
        }
    }

    /// Tells everybody that a person's roles, name or state have changed. To be called after the commit.
    pub fn person_changed(&self, tenant: &Tenant, id: ParticipantId) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        self.people.invalidate(&(tenant.key(), id));
    }

    /// Lets a socket, or a long poll, learn when its session ends, and counts it as connected meanwhile. `None`: the
    /// session has ended already.
    pub async fn watch(
        self: &Arc<Self>,
        tenant: &Tenant,
        db: &Db,
        session: Uuid,
        participant: ParticipantId,
    ) -> Result<Option<SessionWatch>, DbError> {
        let watch = self.register(session, participant);
        // Asked again once registered, or an end in between would be missed.
        let still_lives = store::sessions::get(tenant, db.reader(), session)
            .await?
            .is_some();
        Ok(still_lives.then_some(watch))
    }

    fn register(self: &Arc<Self>, session: Uuid, participant_id: ParticipantId) -> SessionWatch {
        let mut sockets = self.sockets();
        let entry = sockets.entry(session).or_insert_with(|| Sockets {
            participant_id,
            open: 0,
            ended: watch::Sender::new(false),
        });
        entry.open += 1;
        SessionWatch {
            session,
            ended: entry.ended.subscribe(),
            sessions: Arc::clone(self),
        }
    }

    fn unregister(&self, session: Uuid) {
        let mut sockets = self.sockets();
        if let Some(entry) = sockets.get_mut(&session) {
            entry.open = entry.open.saturating_sub(1);
            if entry.open == 0 {
                sockets.remove(&session);
            }
        }
    }

    /// Whether a socket of the session is open on this node.
    pub fn is_connected(&self, session: Uuid) -> bool {
        self.sockets().contains_key(&session)
    }

    /// Whether any socket of the person is open on this node.
    pub fn has_socket(&self, participant: ParticipantId) -> bool {
        self.sockets()
            .values()
            .any(|sockets| sockets.participant_id == participant)
    }

    fn sockets(&self) -> MutexGuard<'_, HashMap<Uuid, Sockets>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket's tie to its session. While it lives, the session counts as connected.
pub struct SessionWatch {
    session: Uuid,
    ended: watch::Receiver<bool>,
    sessions: Arc<Sessions>,
}

impl SessionWatch {
    /// Waits until the session ends: by sign-out, revocation, suspension, a new password, or reuse of a refresh token.
    pub async fn ended(&mut self) {
        // The sender lives in the registry for as long as this watch does; should it not, nothing will ever end.
        if self.ended.wait_for(|ended| *ended).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        self.sessions.unregister(self.session);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn someone() -> ParticipantId {
        "018f0000-0000-8000-8000-000000000001".parse().unwrap()
    }

    #[test]
    fn a_use_is_written_down_once_a_minute() {
        let live = Live {
            participant_id: someone(),
            kind: Kind::Password,
            expires_at: None,
            seen_at: AtomicI64::new(i64::MIN),
        };
        assert!(live.is_due(1_000));
        assert!(!live.is_due(60_999));
        assert!(live.is_due(61_000));
        assert!(!live.is_due(61_000));
    }

    #[test]
    fn a_session_is_connected_while_one_of_its_sockets_is() {
        let sessions = Arc::new(Sessions::default());
        let id = Uuid::from_u128(1);
        let first = sessions.register(id, someone());
        let second = sessions.register(id, someone());
        drop(first);
        assert!(sessions.is_connected(id) && sessions.has_socket(someone()));
        drop(second);
        assert!(!sessions.is_connected(id) && !sessions.has_socket(someone()));
    }
}
