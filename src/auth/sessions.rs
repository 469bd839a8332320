//! Which sessions live: what every request asks, and what open sockets are told.
//!
//! A small cache stands before the tables, so that a request costs no statement. Whoever ends a session or changes a
//! person's roles commits through [`Sessions::commit`]; from that moment no request gets the old answer, and sockets of
//! an ended session learn it at once. Entries also fade after a minute, which bounds how long another node may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use uuid::Uuid;

use super::roles::Roles;
use super::sockets::{SessionWatch, Sockets};
use super::store::{self, sessions::Kind};
use crate::db::{Committed, Db, DbError, Tx};
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

/// What a transaction changes that requests remember.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Sessions that end.
    pub ended: Vec<Uuid>,
    /// Somebody whose roles, name or state change.
    pub person: Option<ParticipantId>,
}

impl Change {
    /// Sessions end, and that is all.
    pub fn ending(ended: Vec<Uuid>) -> Self {
        Change {
            ended,
            person: None,
        }
    }

    /// Somebody's roles, name or state change, and that is all.
    pub fn of_person(person: ParticipantId) -> Self {
        Change {
            ended: Vec::new(),
            person: Some(person),
        }
    }
}

/// The live sessions, as far as somebody asked for them lately, and the sockets that depend on them.
pub struct Sessions {
    live: Cache<(i64, Uuid), Arc<Live>>,
    people: Cache<(i64, ParticipantId), Arc<Person>>,
    scripts: Cache<Hash, (i64, Uuid)>,
    provided: Cache<Hash, (i64, Uuid)>,
    /// Rises with every change, so that a read that began before it is not kept.
    changes: AtomicU64,
    sockets: Arc<Sockets>,
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
            provided: cache(),
            changes: AtomicU64::new(0),
            sockets: Arc::default(),
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
        for _ in 0..READ_AGAIN {
            let before = self.changes.load(Ordering::SeqCst);
            let live = read_live(tenant, db, id).await?;
            if self.keep(&self.live, key, live.as_ref(), before) {
                return Ok(live);
            }
        }
        read_live(tenant, db, id).await
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
        for _ in 0..READ_AGAIN {
            let before = self.changes.load(Ordering::SeqCst);
            let person = read_person(tenant, db, id).await?;
            if self.keep(&self.people, key, person.as_ref(), before) {
                return Ok(person);
            }
        }
        read_person(tenant, db, id).await
    }

    /// Keeps what was read when `changes` stood at `before`. `false`: something changed meanwhile, read it again.
    fn keep<K, V>(&self, cache: &Cache<K, V>, key: K, value: Option<&V>, before: u64) -> bool
    where
        K: Copy + Eq + std::hash::Hash + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if let Some(value) = value {
            cache.insert(key, value.clone());
        }
        // A change that is announced from here on finds the entry and removes it.
        let is_current = self.changes.load(Ordering::SeqCst) == before;
        if !is_current {
            cache.invalidate(&key);
        }
        is_current
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

    /// The session that a provider's token, by its hash, was found to belong to lately. That never changes.
    pub fn of_provided(&self, tenant: &Tenant, token: &Hash) -> Option<Uuid> {
        let found = self.provided.get(token);
        found.and_then(|(key, session)| (key == tenant.key()).then_some(session))
    }

    /// Remembers what [`Self::of_provided`] is to say.
    pub fn keep_provided(&self, tenant: &Tenant, token: Hash, session: Uuid) {
        self.provided.insert(token, (tenant.key(), session));
    }

    /// Commits what ends sessions or changes a person, and tells everybody. A request that is dropped meanwhile, because
    /// its client went away, leaves nobody with the old answer.
    pub async fn commit<T: Send + 'static>(
        self: &Arc<Self>,
        tenant: &Tenant,
        tx: Tx,
        change: Change,
        value: T,
    ) -> Result<Committed<T>, DbError> {
        let (sessions, tenant) = (Arc::clone(self), tenant.clone());
        let committing = tokio::spawn(async move {
            let committed = tx.commit(value).await?;
            sessions.announce(&tenant, &change);
            Ok(committed)
        });
        committing.await.unwrap_or_else(|_| Err(DbError::crashed()))
    }

    fn announce(&self, tenant: &Tenant, change: &Change) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        for id in &change.ended {
            self.live.invalidate(&(tenant.key(), *id));
        }
        if let Some(id) = change.person {
            self.people.invalidate(&(tenant.key(), id));
        }
        self.sockets.end(&change.ended);
    }

    /// Lets a socket, or a long poll, learn when its session ends, and counts it as connected meanwhile. `None`: the
    /// session has ended already.
    pub async fn watch(
        &self,
        tenant: &Tenant,
        db: &Db,
        session: Uuid,
    ) -> Result<Option<SessionWatch>, DbError> {
        let watch = self.sockets.register(session);
        // Asked again once registered, or an end in between would be missed.
        let still_lives = store::sessions::get(tenant, db.reader(), session)
            .await?
            .is_some();
        Ok(still_lives.then_some(watch))
    }

    /// Whether a socket of the session is open on this node.
    pub fn is_connected(&self, session: Uuid) -> bool {
        self.sockets.is_connected(session)
    }
}

async fn read_live(tenant: &Tenant, db: &Db, id: Uuid) -> Result<Option<Arc<Live>>, DbError> {
    let session = store::sessions::get(tenant, db.reader(), id).await?;
    Ok(session.map(|session| {
        Arc::new(Live {
            participant_id: session.participant_id,
            kind: session.kind,
            expires_at: session.expires_at,
            seen_at: AtomicI64::new(session.last_seen_at.unwrap_or(i64::MIN)),
        })
    }))
}

async fn read_person(
    tenant: &Tenant,
    db: &Db,
    id: ParticipantId,
) -> Result<Option<Arc<Person>>, DbError> {
    let Some(participant) = participants::store::get(tenant, db.reader(), id).await? else {
        return Ok(None);
    };
    Ok(Some(Arc::new(Person {
        fqid: participant.fqid,
        roles: store::roles::of(tenant, db.reader(), id).await?,
        suspended: participant.suspended,
    })))
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
}
