//! What the played peer holds of a room: the logs of every server in it, and the host's state as far as it heard.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::clock;
use crate::protocol::event::{self, Draft, Log};
use crate::protocol::key::Key;

/// The types of events that make up a room's state.
const STATE_TYPES: [&str; 10] = [
    "swp.room.create",
    "swp.room.member",
    "swp.room.name",
    "swp.room.topic",
    "swp.room.state",
    "swp.room.settings",
    "swp.room.power_levels",
    "swp.room.pin",
    "swp.room.seen",
    "swp.room.log",
];

/// A position before the first event of a log.
pub fn nothing() -> Value {
    json!({"epoch": 1, "seq": 0, "hash": null})
}

/// Whether the event belongs to the room's state.
pub fn is_state(event: &Value) -> bool {
    event["type"]
        .as_str()
        .is_some_and(|kind| STATE_TYPES.contains(&kind))
}

/// The peer's copy of a room.
#[derive(Clone, Debug)]
pub struct RoomCopy {
    /// The room.
    pub room_id: String,
    /// The server that keeps the room's state.
    pub host: String,
    /// The end of the peer's own log.
    pub own: Log,
    /// Position and hash of the last state event that the peer knows.
    pub state: (i64, Option<String>),
    /// Requests that the peer executed as host, by their id.
    pub answered: BTreeMap<String, Vec<Value>>,
    logs: BTreeMap<String, BTreeMap<i64, Value>>,
}

impl RoomCopy {
    /// A copy without events.
    pub fn new(room_id: &str, host: &str, peer: &str) -> Self {
        Self {
            room_id: room_id.to_owned(),
            host: host.to_owned(),
            own: Log::new(room_id, peer),
            state: (0, None),
            answered: BTreeMap::new(),
            logs: BTreeMap::new(),
        }
    }

    /// Takes an event in; whether it is new.
    pub fn learn(&mut self, event: &Value) -> bool {
        let origin = event["origin"].as_str().unwrap_or("").to_owned();
        let seq = event["seq"].as_i64().unwrap_or(0);
        if origin == self.host && is_state(event) && seq > self.state.0 {
            self.state = (seq, Some(event::hash(event)));
        }
        let log = self.logs.entry(origin).or_default();
        log.insert(seq, event.clone()).is_none()
    }

    /// The event at this place, if it is known.
    pub fn at(&self, origin: &str, seq: i64) -> Option<&Value> {
        self.logs.get(origin)?.get(&seq)
    }

    /// The known events of an origin after a position, ascending.
    pub fn after(&self, origin: &str, seq: i64) -> Vec<Value> {
        let Some(log) = self.logs.get(origin) else {
            return Vec::new();
        };
        log.range(seq + 1..)
            .map(|(_, event)| event.clone())
            .collect()
    }

    /// The host's state events that are known, ascending.
    pub fn state_events(&self) -> Vec<Value> {
        self.after(&self.host, 0)
            .into_iter()
            .filter(is_state)
            .collect()
    }

    /// The end of each known log.
    pub fn heads(&self) -> Map<String, Value> {
        self.logs
            .iter()
            .filter_map(|(origin, log)| {
                let (seq, last) = log.last_key_value()?;
                let position = json!({"epoch": 1, "seq": seq, "hash": event::hash(last)});
                Some((origin.clone(), position))
            })
            .collect()
    }

    /// Whatever the room says about somebody's membership, from its state events.
    pub fn membership(&self, fqid: &str) -> Option<String> {
        let about = |event: &&Value| {
            event["type"] == "swp.room.member" && event["content"]["participant"] == fqid
        };
        let events = self.state_events();
        let last = events.iter().rev().find(about)?;
        last["content"]["membership"].as_str().map(str::to_owned)
    }

    /// What the next event of the peer's log would be, claiming the state that is known; nothing is kept.
    pub fn draft(&self, sender: &str, kind: &str, content: Value) -> Draft {
        Draft {
            sender: json!(sender),
            kind: kind.to_owned(),
            ts: clock::now_ms(),
            state: self.state.clone(),
            content,
        }
    }

    /// Appends an event to the peer's own log.
    pub fn append(&mut self, draft: &Draft, key: &Key) -> Value {
        let event = self.own.compose(draft, key);
        self.own.advance(&event);
        self.learn(&event);
        event
    }
}
