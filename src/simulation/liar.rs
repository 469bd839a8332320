//! A server that keeps no rules but that of its own chain: it says what it likes, in anybody's name, on state that it makes
//! up, and dates it back as far as its chain allows.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::rooms::core::content::{LogPosition, OriginKey};

pub(super) struct Liar {
    pub(super) name: ServerName,
    pub(super) person: Fqid,
    key: KeyPair,
    pub(super) log: Vec<Verified<Event>>,
}

impl Liar {
    pub(super) fn new() -> Liar {
        Liar {
            name: "z.example".parse().unwrap(),
            person: "@liar:z.example".parse().unwrap(),
            key: KeyPair::from_seed(&[99; 32]),
            log: Vec::new(),
        }
    }

    pub(super) fn public(&self) -> OriginKey {
        OriginKey {
            key_id: self.key.key_id().to_string(),
            public_key: self.key.public_key().to_string(),
        }
    }

    pub(super) fn end(&self) -> LogPosition {
        self.log
            .last()
            .map_or(LogPosition::START, |last| LogPosition {
                epoch: 1,
                seq: last.seq,
                hash: Some(last.hash()),
            })
    }

    /// Appends something. `state`: the host's state events that it has heard of; `said`: what others have said.
    pub(super) fn say(
        &mut self,
        room_id: RoomId,
        state: &[(i64, Hash)],
        said: &[EventId],
        others: &[Fqid],
        now: i64,
        rng: &mut StdRng,
    ) {
        let last = self.log.last();
        let then = last.map_or(now - 30_000, |last| last.ts);
        let sender = match rng.random_bool(0.15) {
            true => others[rng.random_range(0..others.len())].clone(),
            false => self.person.clone(),
        };
        let (state_seq, state_hash) = claim(state, rng);
        let (event_type, content) = content(said, rng);
        let draft = Draft {
            room_id,
            origin: self.name.clone(),
            sender: Some(sender),
            event_type,
            content,
            epoch: 1,
            seq: last.map_or(1, |last| last.seq + 1),
            prev: last.map(Verified::hash),
            ts: if rng.random_bool(0.5) {
                then
            } else {
                then.max(now)
            },
            state_seq,
            state_hash: Some(state_hash),
            salt: [3; 16],
        };
        let event = draft.sign(&self.key).unwrap();
        self.log.push(event);
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
