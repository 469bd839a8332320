//! A server that keeps no rules but that of its own chain, and not even that: it says what it likes, in anybody's name, on
//! state that it makes up, dates it back as far as its chain allows, and signs several events for one place.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::{Value, json};

use super::network::place_of;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::rooms::core::decide::Restart;

/// A whole log, all its epochs one after another.
pub(super) type Branch = Vec<Verified<Event>>;

#[derive(Clone)]
pub(super) struct Liar {
    pub(super) name: ServerName,
    pub(super) person: Fqid,
    key: Arc<KeyPair>,
    /// Its log, as it goes on with it.
    pub(super) log: Branch,
    /// Other logs that it has signed, and that part from this one in its epoch.
    pub(super) branches: Vec<Branch>,
    /// Those of epochs before, which the host has ended.
    pub(super) ended: Vec<Branch>,
}

/// What a liar knows when it makes something up.
pub(super) struct Gossip<'a> {
    pub(super) room_id: RoomId,
    /// The host's state events.
    pub(super) state: Vec<(i64, Hash)>,
    /// Messages that were ever said.
    pub(super) said: Vec<EventId>,
    pub(super) others: &'a [Fqid],
    pub(super) now: i64,
}

impl Liar {
    pub(super) fn new(rng: &mut impl Rng) -> Liar {
        Liar {
            name: "z.example".parse().unwrap(),
            person: "@liar:z.example".parse().unwrap(),
            key: Arc::new(KeyPair::from_seed(&rng.random())),
            log: Vec::new(),
            branches: Vec::new(),
            ended: Vec::new(),
        }
    }

    pub(super) fn public(&self) -> OriginKey {
        OriginKey::of(self.key.public_key())
    }

    pub(super) fn end(&self) -> LogPosition {
        self.log.last().map_or(LogPosition::START, position)
    }

    /// Everything that it has ever signed.
    pub(super) fn all(&self) -> impl Iterator<Item = &Branch> {
        let others = self.branches.iter().chain(&self.ended);
        std::iter::once(&self.log).chain(others)
    }

    /// Appends something.
    pub(super) fn say(&mut self, gossip: &Gossip<'_>, rng: &mut StdRng) {
        let claimed = claim(&gossip.state, rng);
        let content = content(&gossip.said, rng);
        self.append(gossip, claimed, content, rng);
    }

    /// Appends many events that have to wait, for state that may never come.
    pub(super) fn flood(&mut self, gossip: &Gossip<'_>, rng: &mut StdRng) {
        let (seq, _) = gossip.state[gossip.state.len() - 1];
        for _ in 0..rng.random_range(30..90) {
            let claimed = match rng.random_bool(0.8) {
                true => (seq + rng.random_range(1..9), Hash::of(b"ahead")),
                false => claim(&gossip.state, rng),
            };
            let content = content(&gossip.said, rng);
            self.append(gossip, claimed, content, rng);
        }
    }

    fn append(
        &mut self,
        gossip: &Gossip<'_>,
        (state_seq, state_hash): (i64, Hash),
        (event_type, content): (EventType, Value),
        rng: &mut StdRng,
    ) {
        let last = self.log.last();
        let then = last.map_or(gossip.now - 30_000, |last| last.ts);
        let sender = match rng.random_bool(0.15) {
            true => gossip.others[rng.random_range(0..gossip.others.len())].clone(),
            false => self.person.clone(),
        };
        let ts = match rng.random_range(0..20) {
            0..=9 => then,
            // It runs ahead of everybody's clock.
            10 => then.max(gossip.now + rng.random_range(0..150_000)),
            _ => then.max(gossip.now),
        };
        let draft = Draft {
            room_id: gossip.room_id,
            origin: self.name.clone(),
            sender: Some(sender),
            event_type,
            content,
            epoch: last.map_or(1, |last| last.epoch),
            seq: last.map_or(1, |last| last.seq + 1),
            prev: last.map(Verified::hash),
            ts,
            state_seq,
            state_hash: Some(state_hash),
            salt: rng.random(),
        };
        self.log.push(draft.sign(&self.key).unwrap());
    }

    /// Goes on from an earlier place of its log, and keeps what it has said since as another branch. What begins an epoch
    /// stays.
    pub(super) fn fork(&mut self, rng: &mut impl Rng) {
        let epoch = self.end().epoch;
        let until = i64::from(epoch > 1);
        let first = self
            .log
            .partition_point(|event| place_of(event) <= (epoch, until));
        if first < self.log.len() {
            self.branches.push(self.log.clone());
            self.log.truncate(rng.random_range(first..self.log.len()));
        }
    }

    /// Goes on with another of its branches.
    pub(super) fn switch(&mut self, rng: &mut impl Rng) {
        if !self.branches.is_empty() {
            let other = rng.random_range(0..self.branches.len());
            std::mem::swap(&mut self.log, &mut self.branches[other]);
        }
    }

    /// Some place of some branch, to begin the log anew after it.
    pub(super) fn restart(&self, rng: &mut impl Rng) -> Restart {
        let choice = rng.random_range(0..=self.branches.len());
        let branch = self.branches.get(choice).unwrap_or(&self.log);
        let epoch = self.end().epoch;
        let of_epoch: Vec<_> = branch.iter().filter(|event| event.epoch == epoch).collect();
        let nothing = LogPosition {
            epoch,
            ..LogPosition::START
        };
        let stands_by = match rng.random_range(0..=of_epoch.len()) {
            0 => nothing,
            _ if rng.random_bool(0.5) => of_epoch.last().map_or(nothing, |event| position(event)),
            at => position(of_epoch[at - 1]),
        };
        Restart {
            stands_by,
            key: self.public(),
        }
    }

    /// The host has admitted the next epoch: the log goes on there.
    pub(super) fn begin_anew(
        &mut self,
        room_id: RoomId,
        stands_by: &LogPosition,
        (state_seq, state_hash): (i64, Hash),
        rng: &mut impl Rng,
    ) {
        let of_stand = |branch: &&Branch| {
            stands_by.seq == 0
                || branch.iter().any(|event| {
                    place_of(event) == stands_by.order() && Some(event.hash()) == stands_by.hash
                })
        };
        let mut log: Branch = self.all().find(of_stand).unwrap().clone();
        let before = std::mem::take(&mut self.log);
        self.ended.push(before);
        self.ended.append(&mut self.branches);
        log.retain(|event| place_of(event) <= stands_by.order());
        let latest = self.ended.iter().flatten().map(|event| event.ts).max();
        let draft = Draft {
            room_id,
            origin: self.name.clone(),
            sender: None,
            event_type: EventType::LOG_RESTART,
            content: json!({ "stands_by": stands_by }),
            epoch: stands_by.epoch + 1,
            seq: 1,
            prev: None,
            ts: latest.unwrap_or_default(),
            state_seq,
            state_hash: Some(state_hash),
            salt: rng.random(),
        };
        log.push(draft.sign(&self.key).unwrap());
        self.log = log;
    }

    /// An event that somebody else is to have said next, under that server's key id and by this one's key.
    pub(super) fn counterfeit(&self, last: &Verified<Event>, rng: &mut impl Rng) -> Event {
        let draft = Draft {
            room_id: last.room_id,
            origin: last.origin.clone(),
            sender: last.sender.clone(),
            event_type: EventType::ROOM_MESSAGE,
            content: json!({"body": "never said"}),
            epoch: last.epoch,
            seq: last.seq + 1,
            prev: Some(last.hash()),
            ts: last.ts,
            state_seq: last.state_seq.max(1),
            state_hash: Some(last.state_hash.unwrap_or(last.hash())),
            salt: rng.random(),
        };
        let mut event = draft.sign(&self.key).unwrap().into_inner();
        if rng.random_bool(0.8) {
            event.key_id = last.key_id;
        }
        event
    }
}

fn position(event: &Verified<Event>) -> LogPosition {
    LogPosition {
        epoch: event.epoch,
        seq: event.seq,
        hash: Some(event.hash()),
    }
}

fn claim(state: &[(i64, Hash)], rng: &mut StdRng) -> (i64, Hash) {
    let (seq, hash) = state[state.len() - 1];
    match rng.random_range(0..10) {
        0 => (seq, Hash::of(b"other")),
        1 => (seq + 50, Hash::of(b"ahead")),
        2..=4 => state[rng.random_range(0..state.len())],
        _ => (seq, hash),
    }
}

fn content(said: &[EventId], rng: &mut StdRng) -> (EventType, Value) {
    let target = match said.is_empty() {
        true => "018f0000-0000-7000-8000-000000000001".parse().unwrap(),
        false => said[rng.random_range(0..said.len())],
    };
    match rng.random_range(0..10) {
        0..=3 => (EventType::ROOM_MESSAGE, json!({"body": "a lie"})),
        4 => {
            let content = json!({"event_id": target, "content": {"body": "a changed lie"}});
            (EventType::ROOM_MESSAGE_EDIT, content)
        }
        5 | 6 => {
            let content = json!({"event_id": target, "reason": null});
            (EventType::ROOM_REDACTION, content)
        }
        7 => {
            let content = json!({"event_id": target, "emoji": "x", "action": "add"});
            (EventType::ROOM_REACTION, content)
        }
        8 => (EventType::ROOM_LEAVE, json!({})),
        _ => (EventType::ROOM_NAME, json!({"name": "Mine", "seen": {}})),
    }
}
