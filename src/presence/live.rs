//! Who listens on this node, and the way of live frames to them.
//!
//! Every open socket, and every long poll that waits, holds a [`Listener`]. Live frames go into its small buffer; what
//! does not fit is lost, for a reader that is too slow for typing notices has no use for them. Events never come this
//! way: for them a listener is only woken, and reads at its own pace.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::events::core::ids::{ParticipantId, RoomId};
use crate::tenants::Tenant;

/// Live frames that may wait for one listener: what becomes known at once when a whole organisation comes back.
const BUFFERED: usize = 256;

/// Everybody who listens, by tenant. Cheap to clone.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<HashMap<i64, Hall>>>);

/// Whom a frame is for.
#[derive(Clone, Debug)]
pub enum Audience {
    /// The people who are joined in this room.
    Room(RoomId),
    /// All devices of these people.
    People(Vec<ParticipantId>),
    /// The people who are joined in one of these rooms, but for some.
    Rooms {
        /// The rooms.
        rooms: Vec<RoomId>,
        /// Who is left out.
        except: Vec<ParticipantId>,
    },
}

/// The listeners of one tenant.
#[derive(Default)]
struct Hall {
    next_seat: u64,
    seats: HashMap<u64, Seat>,
    in_room: HashMap<RoomId, HashSet<u64>>,
    of_person: HashMap<ParticipantId, HashSet<u64>>,
}

struct Seat {
    participant: ParticipantId,
    rooms: HashSet<RoomId>,
    ear: Arc<Ear>,
}

struct Ear {
    woken: Notify,
    takes_frames: bool,
    frames: Mutex<VecDeque<Bytes>>,
}

impl Ear {
    fn frames(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hear(&self, frame: Bytes) {
        if self.keep(frame).is_some() {
            self.woken.notify_one();
        }
    }

    /// Keeps a frame for the listener, and says whether it is the first that waits. `None`: there is no use or no room for it.
    fn keep(&self, frame: Bytes) -> Option<bool> {
        if !self.takes_frames {
            return None;
        }
        let mut frames = self.frames();
        let is_first = frames.is_empty();
        (frames.len() < BUFFERED).then(|| {
            frames.push_back(frame);
            is_first
        })
    }
}

/// Listeners for whom frames wait. They are woken when this is dropped, each once however many frames it has got: to be
/// woken costs a listener more than a frame does.
#[derive(Default)]
pub struct Wakes(Vec<Arc<Ear>>);

impl Drop for Wakes {
    fn drop(&mut self) {
        for ear in &self.0 {
            ear.woken.notify_one();
        }
    }
}

impl Live {
    /// Lets somebody listen: at first to what is for the person alone.
    pub fn listen(&self, tenant: &Tenant, participant: ParticipantId) -> Listener {
        self.listen_in(tenant.key(), participant, true)
    }

    /// Lets somebody wait for events who has no use for live frames.
    pub fn listen_for_events(&self, tenant: &Tenant, participant: ParticipantId) -> Listener {
        self.listen_in(tenant.key(), participant, false)
    }

    fn listen_in(&self, tenant: i64, participant: ParticipantId, takes_frames: bool) -> Listener {
        let ear = Arc::new(Ear {
            woken: Notify::new(),
            takes_frames,
            frames: Mutex::default(),
        });
        let mut halls = self.halls();
        let hall = halls.entry(tenant).or_default();
        let seat = hall.next_seat;
        hall.next_seat += 1;
        hall.of_person.entry(participant).or_default().insert(seat);
        let taken = Seat {
            participant,
            rooms: HashSet::new(),
            ear: Arc::clone(&ear),
        };
        hall.seats.insert(seat, taken);
        Listener {
            live: self.clone(),
            tenant,
            seat,
            ear,
        }
    }

    /// Hands a frame to everybody of the audience who listens and has room for it.
    pub fn publish(&self, tenant: &Tenant, audience: &Audience, frame: &Bytes) {
        for ear in self.ears(tenant.key(), audience) {
            ear.hear(frame.clone());
        }
    }

    /// The same for one frame of several, which are heard once all of them are there.
    pub fn publish_among(
        &self,
        tenant: &Tenant,
        audience: &Audience,
        frame: &Bytes,
        wakes: &mut Wakes,
    ) {
        let ears = self.ears(tenant.key(), audience).into_iter();
        let first = ears.filter(|ear| ear.keep(frame.clone()) == Some(true));
        wakes.0.extend(first);
    }

    /// Wakes everybody who listens to one of the rooms, or is one of the people.
    pub fn wake(
        &self,
        tenant: &Tenant,
        rooms: impl IntoIterator<Item = RoomId>,
        people: impl IntoIterator<Item = ParticipantId>,
    ) {
        let ears = {
            let halls = self.halls();
            let Some(hall) = halls.get(&tenant.key()) else {
                return;
            };
            let mut seats = hall.seats_in(rooms);
            seats.extend(hall.seats_of(people));
            hall.ears(seats)
        };
        for ear in ears {
            ear.woken.notify_one();
        }
    }

    /// Which of these people listen.
    pub fn present(&self, tenant: &Tenant, people: Vec<ParticipantId>) -> Vec<ParticipantId> {
        let halls = self.halls();
        let Some(hall) = halls.get(&tenant.key()) else {
            return Vec::new();
        };
        people
            .into_iter()
            .filter(|person| hall.of_person.contains_key(person))
            .collect()
    }

    /// Whether anybody of a tenant takes live frames.
    pub fn is_heard(&self, tenant: &Tenant) -> bool {
        let halls = self.halls();
        let hall = halls.get(&tenant.key());
        hall.is_some_and(|hall| hall.seats.values().any(|seat| seat.ear.takes_frames))
    }

    /// Those of these people who take live frames.
    pub fn hearing(
        &self,
        tenant: &Tenant,
        people: impl IntoIterator<Item = ParticipantId>,
    ) -> Vec<ParticipantId> {
        let halls = self.halls();
        let Some(hall) = halls.get(&tenant.key()) else {
            return Vec::new();
        };
        let takes_frames = |seat: &u64| {
            let seat = hall.seats.get(seat);
            seat.is_some_and(|seat| seat.ear.takes_frames)
        };
        people
            .into_iter()
            .filter(|person| {
                let seats = hall.of_person.get(person);
                seats.is_some_and(|seats| seats.iter().any(takes_frames))
            })
            .collect()
    }

    fn ears(&self, tenant: i64, audience: &Audience) -> Vec<Arc<Ear>> {
        let halls = self.halls();
        let Some(hall) = halls.get(&tenant) else {
            return Vec::new();
        };
        let seats = match audience {
            Audience::Room(room) => hall.seats_in([*room]),
            Audience::People(people) => hall.seats_of(people.iter().copied()),
            Audience::Rooms { rooms, except } => {
                let mut seats = hall.seats_in(rooms.iter().copied());
                for seat in hall.seats_of(except.iter().copied()) {
                    seats.remove(&seat);
                }
                seats
            }
        };
        hall.ears(seats)
    }

    fn halls(&self) -> MutexGuard<'_, HashMap<i64, Hall>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hall {
    fn seats_in(&self, rooms: impl IntoIterator<Item = RoomId>) -> HashSet<u64> {
        let rooms = rooms.into_iter().filter_map(|room| self.in_room.get(&room));
        rooms.flatten().copied().collect()
    }

    fn seats_of(&self, people: impl IntoIterator<Item = ParticipantId>) -> HashSet<u64> {
        let people = people
            .into_iter()
            .filter_map(|person| self.of_person.get(&person));
        people.flatten().copied().collect()
    }

    fn ears(&self, seats: HashSet<u64>) -> Vec<Arc<Ear>> {
        let seats = seats.into_iter().filter_map(|seat| self.seats.get(&seat));
        seats.map(|seat| Arc::clone(&seat.ear)).collect()
    }

    fn set_rooms(&mut self, seat: u64, rooms: HashSet<RoomId>) {
        let Some(taken) = self.seats.get_mut(&seat) else {
            return;
        };
        let before = std::mem::replace(&mut taken.rooms, rooms);
        for room in before.difference(&taken.rooms) {
            remove(&mut self.in_room, room, seat);
        }
        for room in taken.rooms.difference(&before) {
            self.in_room.entry(*room).or_default().insert(seat);
        }
    }

    fn leave(&mut self, seat: u64) {
        self.set_rooms(seat, HashSet::new());
        if let Some(left) = self.seats.remove(&seat) {
            remove(&mut self.of_person, &left.participant, seat);
        }
    }
}

/// Takes a seat out of an index, and what is empty then with it.
fn remove<K: Eq + Hash>(index: &mut HashMap<K, HashSet<u64>>, key: &K, seat: u64) {
    if let Some(seats) = index.get_mut(key) {
        seats.remove(&seat);
        if seats.is_empty() {
            index.remove(key);
        }
    }
}

/// A place among those who listen, until it is dropped.
pub struct Listener {
    live: Live,
    tenant: i64,
    seat: u64,
    ear: Arc<Ear>,
}

impl Listener {
    /// Listens to these rooms from now on, and to no others.
    pub fn set_rooms(&self, rooms: HashSet<RoomId>) {
        if let Some(hall) = self.live.halls().get_mut(&self.tenant) {
            hall.set_rooms(self.seat, rooms);
        }
    }

    /// Waits until there are live frames, or events to read.
    pub async fn woken(&self) {
        self.ear.woken.notified().await;
    }

    /// The live frames that have come.
    pub fn take(&self) -> VecDeque<Bytes> {
        std::mem::take(&mut *self.ear.frames())
    }

    /// What this listener alone hears.
    pub fn own_voice(&self) -> Voice {
        Voice(Arc::clone(&self.ear))
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut halls = self.live.halls();
        if let Some(hall) = halls.get_mut(&self.tenant) {
            hall.leave(self.seat);
            if hall.seats.is_empty() {
                halls.remove(&self.tenant);
            }
        }
    }
}

/// Speaks to one listener only.
pub struct Voice(Arc<Ear>);

impl Voice {
    /// Hands the listener a frame, if there is room for it.
    pub fn say(&self, frame: Bytes) {
        self.0.hear(frame);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    const TENANT: i64 = 1;

    fn person(number: u128) -> ParticipantId {
        ParticipantId(Uuid::from_u128(number))
    }

    fn room(number: u128) -> RoomId {
        RoomId(Uuid::from_u128(number))
    }

    fn say(live: &Live, tenant: i64, audience: &Audience, frame: &'static str) {
        for ear in live.ears(tenant, audience) {
            ear.hear(Bytes::from_static(frame.as_bytes()));
        }
    }

    #[test]
    fn a_room_is_heard_by_who_listens_to_it_in_its_tenant() {
        let live = Live::default();
        let (alice, bob) = (
            live.listen_in(TENANT, person(1), true),
            live.listen_in(TENANT, person(2), true),
        );
        let elsewhere = live.listen_in(2, person(1), true);
        alice.set_rooms([room(1), room(2)].into());
        bob.set_rooms([room(2)].into());
        elsewhere.set_rooms([room(1)].into());
        say(&live, TENANT, &Audience::Room(room(1)), "typing");
        assert_eq!(alice.take(), ["typing"]);
        assert!(bob.take().is_empty() && elsewhere.take().is_empty());

        alice.set_rooms([room(3)].into());
        say(&live, TENANT, &Audience::Room(room(1)), "typing");
        assert!(alice.take().is_empty());
    }

    #[test]
    fn who_shares_several_rooms_hears_once_and_exceptions_not_at_all() {
        let live = Live::default();
        let (alice, bob) = (
            live.listen_in(TENANT, person(1), true),
            live.listen_in(TENANT, person(2), true),
        );
        for listener in [&alice, &bob] {
            listener.set_rooms([room(1), room(2)].into());
        }
        let audience = Audience::Rooms {
            rooms: vec![room(1), room(2)],
            except: vec![person(2)],
        };
        say(&live, TENANT, &audience, "presence");
        assert_eq!(alice.take(), ["presence"]);
        assert!(bob.take().is_empty());
    }

    #[test]
    fn a_person_hears_on_all_devices() {
        let live = Live::default();
        let devices = [
            live.listen_in(TENANT, person(1), true),
            live.listen_in(TENANT, person(1), true),
        ];
        say(&live, TENANT, &Audience::People(vec![person(1)]), "marker");
        assert!(devices.iter().all(|device| device.take() == ["marker"]));
    }

    #[test]
    fn what_does_not_fit_is_lost_and_the_listener_is_woken() {
        let live = Live::default();
        let slow = live.listen_in(TENANT, person(1), true);
        assert!(slow.woken().now_or_never().is_none());
        for _ in 0..BUFFERED + 5 {
            say(&live, TENANT, &Audience::People(vec![person(1)]), "x");
        }
        assert!(slow.woken().now_or_never().is_some());
        assert_eq!(slow.take().len(), BUFFERED);
    }

    #[test]
    fn of_several_frames_together_a_listener_is_woken_once_all_are_there() {
        let live = Live::default();
        let alice = live.listen_in(TENANT, person(1), true);
        let mut wakes = Wakes::default();
        for frame in ["one", "other"] {
            for ear in live.ears(TENANT, &Audience::People(vec![person(1)])) {
                let is_first = ear.keep(Bytes::from_static(frame.as_bytes())) == Some(true);
                wakes.0.extend(is_first.then_some(ear));
            }
        }
        assert!(alice.woken().now_or_never().is_none());
        drop(wakes);
        assert!(alice.woken().now_or_never().is_some());
        assert_eq!(alice.take(), ["one", "other"]);
    }

    #[test]
    fn a_long_poll_is_woken_and_takes_no_frames() {
        let live = Live::default();
        let poll = live.listen_in(TENANT, person(1), false);
        say(&live, TENANT, &Audience::People(vec![person(1)]), "x");
        assert!(poll.take().is_empty() && poll.woken().now_or_never().is_none());
    }

    #[test]
    fn who_stops_listening_leaves_nothing_behind() {
        let live = Live::default();
        let listener = live.listen_in(TENANT, person(1), true);
        listener.set_rooms([room(1)].into());
        drop(listener);
        assert!(live.halls().is_empty());
    }
}
