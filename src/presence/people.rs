//! Everybody who is there, and who types: shared by requests, sockets, other servers' words and the task that tells
//! others.

use std::cmp::Reverse;
use std::collections::hash_map::Entry;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use uuid::Uuid;

use super::devices::Devices;
use super::live::Live;
use super::model::{Beat, Choice, State};
use super::remote::Report;
use super::store;
use super::typing::Typing;
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Presence and typing of this node. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    live: Live,
    people: Mutex<People>,
    typing: Mutex<Typing>,
    changed: Notify,
}

/// Who changes back and forth is told of once in this time, in milliseconds.
const TELL_EVERY_MS: i64 = 1_000;

/// A person of a tenant (its key).
type Key = (i64, ParticipantId);

#[derive(Default)]
struct People {
    known: HashMap<Key, Person>,
    /// Whose state is no longer what others were told.
    changed: HashSet<Key>,
    /// When to look at somebody again; for each person few entries, which may come too early.
    due: BinaryHeap<Reverse<(i64, Key)>>,
}

/// From where it is known how present somebody is.
enum Source {
    /// A person of this server: from the devices.
    Devices(Devices),
    /// Somebody of another server: from what that one says.
    Home(Report),
}

impl Source {
    fn state(&self, now: i64) -> State {
        match self {
            Source::Devices(devices) => devices.state(now),
            Source::Home(report) => report.state(now),
        }
    }

    /// Forgets what is over. When the state may change by itself next; `None`: nobody is there.
    fn tidy(&mut self, now: i64) -> Option<i64> {
        match self {
            Source::Devices(devices) => devices.tidy(now),
            Source::Home(report) => report.ends_after(now),
        }
    }
}

struct Person {
    tenant: Tenant,
    source: Source,
    /// What others were told, and when.
    told: State,
    told_at: i64,
    /// Whether a look at the next change by itself is planned, and one at a change that was held back.
    is_due: bool,
    is_held: bool,
}

/// A state that others have to be told.
pub(super) struct Change {
    pub(super) tenant: Tenant,
    pub(super) participant: ParticipantId,
    /// Whether it is one of this server's people: then other servers have to be told as well.
    pub(super) is_local: bool,
    pub(super) before: State,
    pub(super) after: State,
}

impl Presence {
    /// Nobody is there yet.
    pub fn new(db: Db, clock: Clock) -> Presence {
        Presence(Arc::new(Shared {
            db,
            clock,
            live: Live::default(),
            people: Mutex::default(),
            typing: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    /// The way of live frames to open sockets.
    pub fn live(&self) -> &Live {
        &self.0.live
    }

    /// How a person is, `appear_offline` included: only the person and [`super::sight`] may know.
    pub fn state(&self, tenant: &Tenant, participant: ParticipantId) -> State {
        let now = self.0.clock.now_ms();
        let people = self.people();
        let person = people.known.get(&(tenant.key(), participant));
        person.map_or(State::Offline, |person| person.source.state(now))
    }

    /// This server's people who are there, `appear_offline` included.
    pub(super) fn present(&self, tenant: &Tenant) -> Vec<(ParticipantId, State)> {
        let now = self.0.clock.now_ms();
        let people = self.people();
        let of_tenant = people.known.iter().filter(|((key, _), person)| {
            *key == tenant.key() && matches!(person.source, Source::Devices(_))
        });
        of_tenant
            .map(|((_, id), person)| (*id, person.source.state(now)))
            .filter(|(_, state)| *state != State::Offline)
            .collect()
    }

    /// The home server of somebody says how present that person is.
    pub(super) fn reported(&self, tenant: &Tenant, participant: ParticipantId, state: State) {
        let now = self.0.clock.now_ms();
        let key = (tenant.key(), participant);
        let mut people = self.people();
        let reported = Source::Home(Report::now(state, now));
        let person = match people.known.entry(key) {
            Entry::Occupied(known) => {
                let person = known.into_mut();
                person.source = reported;
                person
            }
            Entry::Vacant(_) if state == State::Offline => return,
            Entry::Vacant(place) => place.insert(Person::new(tenant, reported)),
        };
        if state != person.told || !person.is_due {
            people.changed.insert(key);
            self.0.changed.notify_one();
        }
    }

    /// A device says how it is. The person's state then.
    pub async fn beat(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        device: Uuid,
        beat: Beat,
    ) -> Result<State, DbError> {
        let now = self.0.clock.now_ms();
        self.change(tenant, participant, |devices| {
            devices.beat(device, beat, now)
        })
        .await
    }

    /// A socket of a device is open until the connection is dropped.
    pub async fn connect(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        device: Uuid,
    ) -> Result<Connection, DbError> {
        let now = self.0.clock.now_ms();
        self.change(tenant, participant, |devices| devices.opened(device, now))
            .await?;
        Ok(Connection {
            presence: self.clone(),
            tenant: tenant.clone(),
            participant,
            device,
            signed_out: false,
        })
    }

    /// A person has set a state by hand, which is on disk already; the device that did so is there. The state then.
    pub async fn choose(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        device: Uuid,
        choice: Choice,
    ) -> Result<State, DbError> {
        let now = self.0.clock.now_ms();
        self.change(tenant, participant, |devices| {
            devices.choose(choice);
            devices.beat(device, Beat::Online, now);
        })
        .await
    }

    /// Changes something about a person's devices. Of a person who was not there, the store knows what was set by hand.
    async fn change(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        change: impl Fn(&mut Devices),
    ) -> Result<State, DbError> {
        let mut choice = None;
        loop {
            if let Some(state) = self.change_known(tenant, participant, choice, &change) {
                return Ok(state);
            }
            choice = Some(store::choice(tenant, &self.0.db, participant).await?);
        }
    }

    /// The same. `None`: nothing is known of the person, and the caller does not know the choice either.
    fn change_known(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        choice: Option<Choice>,
        change: impl Fn(&mut Devices),
    ) -> Option<State> {
        let now = self.0.clock.now_ms();
        let key = (tenant.key(), participant);
        let mut people = self.people();
        let person = match (people.known.entry(key), choice) {
            (Entry::Occupied(known), _) => known.into_mut(),
            (Entry::Vacant(place), Some(choice)) => {
                place.insert(Person::new(tenant, Source::Devices(Devices::new(choice))))
            }
            (Entry::Vacant(_), None) => return None,
        };
        // Nobody of another server has devices here.
        if let Source::Devices(devices) = &mut person.source {
            change(devices);
        }
        let state = person.source.state(now);
        if state != person.told || !person.is_due {
            people.changed.insert(key);
            self.0.changed.notify_one();
        }
        Some(state)
    }

    /// Takes out what others have to be told by now. When to look again at the latest; `None`: not before something
    /// changes.
    pub(super) fn changes(&self) -> (Vec<Change>, Option<i64>) {
        let now = self.0.clock.now_ms();
        let mut people = self.people();
        let mut looked_at = std::mem::take(&mut people.changed);
        while let Some(Reverse((at, key))) = people.due.peek().copied()
            && at <= now
        {
            people.due.pop();
            if let Some(person) = people.known.get_mut(&key) {
                (person.is_due, person.is_held) = (false, false);
            }
            looked_at.insert(key);
        }
        let changes = looked_at
            .into_iter()
            .filter_map(|key| people.look_at(key, now))
            .collect();
        let next = people.due.peek().map(|Reverse((at, _))| *at);
        (changes, next)
    }

    /// Waits until something about presence or typing has changed.
    pub(super) async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Somebody types in a room, until that is not said again for `lasts_ms`.
    pub(super) fn begin_typing(
        &self,
        tenant: &Tenant,
        room: RoomId,
        participant: ParticipantId,
        lasts_ms: i64,
    ) {
        let until = self.0.clock.now_ms().saturating_add(lasts_ms);
        self.typing()
            .begin((tenant.key(), room, participant), until);
        self.0.changed.notify_one();
    }

    /// Somebody types no more, or has sent. False: did not type anyway.
    pub fn end_typing(&self, tenant: &Tenant, room: RoomId, participant: ParticipantId) -> bool {
        self.typing().end(&(tenant.key(), room, participant))
    }

    pub(super) fn typing(&self) -> MutexGuard<'_, Typing> {
        self.0.typing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn people(&self) -> MutexGuard<'_, People> {
        self.0.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Person {
    fn new(tenant: &Tenant, source: Source) -> Person {
        Person {
            tenant: tenant.clone(),
            source,
            told: State::Offline,
            told_at: i64::MIN,
            is_due: false,
            is_held: false,
        }
    }
}

impl People {
    /// What others have to be told about a person, who is forgotten when gone.
    fn look_at(&mut self, key: Key, now: i64) -> Option<Change> {
        let person = self.known.get_mut(&key)?;
        let next = person.source.tidy(now);
        let (before, after) = (person.told, person.source.state(now));
        let may_tell_at = person.told_at.saturating_add(TELL_EVERY_MS);
        if before != after && now < may_tell_at {
            if !person.is_held {
                person.is_held = true;
                self.due.push(Reverse((may_tell_at, key)));
            }
            return None;
        }
        let change = (before != after).then(|| Change {
            tenant: person.tenant.clone(),
            participant: key.1,
            is_local: matches!(person.source, Source::Devices(_)),
            before,
            after,
        });
        if change.is_some() {
            (person.told, person.told_at) = (after, now);
        }
        match next {
            None => {
                self.known.remove(&key);
            }
            Some(at) if !person.is_due && at < i64::MAX => {
                person.is_due = true;
                self.due.push(Reverse((at, key)));
            }
            Some(_) => {}
        }
        change
    }
}

/// An open socket of a person. Dropped when the socket closes.
pub struct Connection {
    presence: Presence,
    tenant: Tenant,
    participant: ParticipantId,
    device: Uuid,
    signed_out: bool,
}

impl Connection {
    /// The socket's client says how it is.
    pub async fn beat(&self, beat: Beat) -> Result<State, DbError> {
        self.presence
            .beat(&self.tenant, self.participant, self.device, beat)
            .await
    }

    /// The session has ended: its device will not come back.
    pub fn sign_out(&mut self) {
        self.signed_out = true;
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let (device, signed_out) = (self.device, self.signed_out);
        self.presence
            .change_known(&self.tenant, self.participant, None, |devices| {
                devices.closed(device, signed_out)
            });
    }
}
