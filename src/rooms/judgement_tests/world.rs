//! The complete logs of a room, as its servers write them while they play a script. None of them need be honest.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::script::{Changed, Claimed, Mark, Saying, StateStep, Step, What};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::rooms::core::content::{LogPosition, Membership, OriginKey};
use crate::rooms::core::test_rooms;

/// The room's servers; the first one hosts it.
pub(super) const SERVERS: [&str; 3] = ["h.example", "b.example", "c.example"];
/// Its people: owner, moderator and three members.
pub(super) const PEOPLE: [(&str, u8); 5] = [
    ("@olga:h.example", 100),
    ("@mo:h.example", 50),
    ("@ben:b.example", 50),
    ("@bea:b.example", 0),
    ("@cem:c.example", 0),
];
/// When the room begins, in ms.
pub(super) const START: i64 = 1_780_000_000_000;

/// A room and everything that was ever written in it.
pub(crate) struct World {
    pub(super) room_id: RoomId,
    /// The logs, the host's first.
    pub(super) logs: Vec<Vec<Verified<Event>>>,
    now: i64,
    /// The chain of state events as an honest reader of the host's log has it.
    chain: Vec<(i64, Hash)>,
    /// How much of the chain each server has heard.
    heard: [usize; 3],
    /// How much of each log the host has heard.
    told: [usize; 3],
    /// All events of the timeline, in the order of writing.
    written: Vec<EventId>,
}

pub(super) fn server(index: usize) -> ServerName {
    SERVERS[index % 3].parse().unwrap()
}

pub(super) fn person(index: usize) -> Fqid {
    PEOPLE[index % 5].0.parse().unwrap()
}

fn index_of(server: &ServerName) -> usize {
    SERVERS
        .iter()
        .position(|name| *name == server.as_str())
        .unwrap()
}

pub(super) fn key(index: usize) -> KeyPair {
    KeyPair::from_seed(&[u8::try_from(index).unwrap() + 1; 32])
}

impl World {
    /// A room whose logs somebody else has written; the host's comes first.
    pub(crate) fn of(room_id: RoomId, logs: Vec<Vec<Verified<Event>>>) -> World {
        World {
            room_id,
            logs,
            now: START,
            chain: Vec::new(),
            heard: [0; 3],
            told: [0; 3],
            written: Vec::new(),
        }
    }

    /// The room after its script: everybody joins first, and everybody knows it.
    pub(super) fn play(nonce: &str, script: &[Step]) -> World {
        let mut world = World::begin(nonce);
        for step in script {
            world.step(step);
        }
        world
    }

    fn begin(nonce: &str) -> World {
        let mut world = World {
            room_id: RoomId::derive(&server(0), nonce),
            logs: vec![Vec::new(); 3],
            now: START,
            chain: Vec::new(),
            heard: [0; 3],
            told: [0; 3],
            written: Vec::new(),
        };
        let create = test_rooms::group(nonce, 3, public(0));
        world.state_event(EventType::ROOM_CREATE, json!(create), None);
        for (who, (_, level)) in PEOPLE.iter().enumerate() {
            world.state(&StateStep {
                change: Changed::Member {
                    who,
                    to: Membership::Join,
                    level: *level,
                    after: Mark::At(0),
                },
                cutoff: Mark::Absent,
                seen: Mark::Absent,
            });
        }
        world.heard = [world.chain.len(); 3];
        world
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Hear(server) => self.heard[server % 3] = self.chain.len(),
            Step::Tell(server) => self.told[server % 3] = self.logs[server % 3].len(),
            Step::State(step) => self.state(step),
            Step::Say(saying) => self.say(saying),
        }
    }

    /// All events of all logs.
    pub(crate) fn events(&self) -> impl Iterator<Item = &Verified<Event>> {
        self.logs.iter().flatten()
    }

    fn state(&mut self, step: &StateStep) {
        let (event_type, mut content) = self.change(&step.change);
        let members = content.as_object_mut().unwrap();
        let cut: Vec<usize> = match &step.change {
            Changed::Member { who, .. } => vec![index_of(person(*who).server_name())],
            _ => vec![1, 2],
        };
        members.insert("cutoff".to_owned(), self.marks(&cut, step.cutoff));
        members.insert("seen".to_owned(), self.marks(&[1, 2], step.seen));
        let after = match step.change {
            Changed::Orphan => Some(self.chain.len().saturating_sub(2)),
            _ => None,
        };
        self.state_event(event_type, content, after);
    }

    fn change(&self, change: &Changed) -> (EventType, Value) {
        match change {
            Changed::Member {
                who,
                to,
                level,
                after,
            } => {
                let participant = person(*who);
                let home = index_of(participant.server_name());
                let mut content =
                    json!({"participant": participant, "membership": to, "power_level": level});
                let members = content.as_object_mut().unwrap();
                if *to == Membership::Join {
                    members.insert("key".to_owned(), json!(public(home)));
                    let after = match after {
                        Mark::Absent => None,
                        Mark::Honest => Some(self.position(home, self.logs[home].len() as i64)),
                        Mark::At(seq) => Some(self.position(home, *seq)),
                    };
                    if let Some(after) = after.filter(|_| home != 0) {
                        members.insert("after".to_owned(), json!(after));
                    }
                }
                (EventType::ROOM_MEMBER, content)
            }
            Changed::Threshold(key, level) => {
                let content = json!({"power_levels": BTreeMap::from([(key, level)])});
                (EventType::ROOM_POWER_LEVELS, content)
            }
            Changed::EditWindow(seconds) => (
                EventType::ROOM_SETTINGS,
                json!({"edit_window_seconds": seconds}),
            ),
            Changed::Servers { allowed, denied } => {
                let names = |of: &[usize]| of.iter().map(|at| server(*at)).collect::<Vec<_>>();
                let allowed = allowed.as_deref().map(names).unwrap_or_default();
                (
                    EventType::ROOM_SETTINGS,
                    json!({"allowed_servers": allowed, "denied_servers": names(denied)}),
                )
            }
            Changed::Life(life) => (EventType::ROOM_STATE, json!({"state": life})),
            Changed::Name | Changed::Orphan => (EventType::ROOM_NAME, json!({"name": "Other"})),
            Changed::Seen => (EventType::ROOM_SEEN, json!({})),
            Changed::Malformed => (EventType::ROOM_NAME, json!({"name": 5})),
        }
    }

    fn marks(&self, servers: &[usize], mark: Mark) -> Value {
        let mut positions = BTreeMap::new();
        for index in servers.iter().filter(|index| **index != 0) {
            let seq = match mark {
                Mark::Absent => continue,
                Mark::Honest => self.told[*index] as i64,
                Mark::At(seq) => seq,
            };
            positions.insert(server(*index), self.position(*index, seq));
        }
        json!(positions)
    }

    fn position(&self, server: usize, seq: i64) -> LogPosition {
        let at = usize::try_from(seq).unwrap().checked_sub(1);
        LogPosition {
            epoch: 1,
            seq,
            hash: at.map(|at| {
                let event = self.logs[server].get(at);
                event.map_or(Hash::of(b"not written yet"), Verified::hash)
            }),
        }
    }

    /// Appends a state event after the chain's last one, or as an orphan after an earlier one, which ends the chain.
    fn state_event(&mut self, event_type: EventType, content: Value, orphan: Option<usize>) {
        let claim = match orphan {
            Some(index) => self.chain.get(index),
            None => self.chain.last(),
        };
        let (state_seq, state_hash) = claim.map_or((0, None), |(seq, hash)| (*seq, Some(*hash)));
        let sender = person(0);
        self.append(0, Some(sender), event_type, content, state_seq, state_hash);
        if orphan.is_none() {
            let event = self.logs[0].last().unwrap();
            self.chain.push((event.seq, event.hash()));
            self.heard[0] = self.chain.len();
        }
    }

    fn say(&mut self, saying: &Saying) {
        self.now += saying.later * 1000;
        let server = saying.server % 3;
        let own: Vec<Fqid> = (0..PEOPLE.len())
            .map(person)
            .filter(|person| saying.pretends || index_of(person.server_name()) == server)
            .collect();
        let sender = own[saying.sender % own.len()].clone();
        let (event_type, content) = self.content(server, &saying.what);
        let (state_seq, state_hash) = self.claim(server, saying.claim);
        self.append(
            server,
            Some(sender),
            event_type,
            content,
            state_seq,
            Some(state_hash),
        );
        let event = self.logs[server].last().unwrap();
        self.written.push(event.event_id);
    }

    fn claim(&self, server: usize, claim: Claimed) -> (i64, Hash) {
        let heard = self.heard[server].min(self.chain.len());
        let (seq, hash) = self.chain[heard - 1];
        match claim {
            Claimed::Heard => (seq, hash),
            Claimed::Earlier(index) => self.chain[index % heard],
            Claimed::Ahead(by) => (self.logs[0].len() as i64 + by, Hash::of(b"ahead")),
            Claimed::OtherHash => (seq, Hash::of(b"other")),
        }
    }

    fn about(&self, index: usize) -> EventId {
        let index = index % (self.written.len() + 1);
        self.written
            .get(index)
            .copied()
            .unwrap_or_else(|| "018f0000-0000-7000-8000-000000000001".parse().unwrap())
    }

    fn content(&self, server: usize, what: &What) -> (EventType, Value) {
        match what {
            What::Message => (EventType::ROOM_MESSAGE, json!({"body": "hello"})),
            What::Edit(about) => (
                EventType::ROOM_MESSAGE_EDIT,
                json!({"event_id": self.about(*about), "content": {"body": "changed"}}),
            ),
            What::Redact(about) => (
                EventType::ROOM_REDACTION,
                json!({"event_id": self.about(*about), "reason": null}),
            ),
            What::React(about, adds) => {
                let action = if *adds { "add" } else { "remove" };
                (
                    EventType::ROOM_REACTION,
                    json!({"event_id": self.about(*about), "emoji": "x", "action": action}),
                )
            }
            What::Leave => (EventType::ROOM_LEAVE, json!({})),
            What::Unknown => ("swp.room.later".parse().unwrap(), json!({"any": "thing"})),
            What::Malformed(about) => {
                let id = self.about(*about);
                let (edit, redaction, reaction) = (
                    EventType::ROOM_MESSAGE_EDIT,
                    EventType::ROOM_REDACTION,
                    EventType::ROOM_REACTION,
                );
                match about % 5 {
                    0 => (edit, json!({"event_id": id, "content": "text"})),
                    1 => (edit, json!({"content": {}})),
                    2 => (redaction, json!({"event_id": 7})),
                    3 => (
                        reaction,
                        json!({"event_id": id, "emoji": "", "action": "add"}),
                    ),
                    _ => (
                        reaction,
                        json!({"event_id": id, "emoji": "x", "action": "maybe"}),
                    ),
                }
            }
            // In the host's log this would be true state.
            What::State if server == 0 => self.content(server, &What::Message),
            What::State => (EventType::ROOM_NAME, json!({"name": "Mine", "seen": {}})),
        }
    }

    fn append(
        &mut self,
        server: usize,
        sender: Option<Fqid>,
        event_type: EventType,
        content: Value,
        state_seq: i64,
        state_hash: Option<Hash>,
    ) {
        let log = &self.logs[server];
        let before = log.last();
        let event = Draft {
            room_id: self.room_id,
            origin: SERVERS[server].parse().unwrap(),
            sender,
            event_type,
            content,
            epoch: 1,
            seq: log.len() as i64 + 1,
            prev: before.map(Verified::hash),
            ts: before.map_or(self.now, |before| before.ts.max(self.now)),
            state_seq,
            state_hash,
            salt: [1; 16],
        }
        .sign(&key(server))
        .unwrap();
        self.logs[server].push(event);
    }
}

fn public(server: usize) -> OriginKey {
    let key = key(server);
    OriginKey {
        key_id: key.key_id().to_string(),
        public_key: key.public_key().to_string(),
    }
}
