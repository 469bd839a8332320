//! Pages of a room's logs, made to fit: what the input leaves out or gets wrong of an event's place is filled in, so that
//! each event is the next one of its log, claims a state event that there is, and is signed with its log's key.
//!
//! A number stands for what nobody could guess: `event_id` for the event with that index, `after` and a mark of `cutoff` or
//! `seen` for that place of the log, `key` for somebody's key.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::events::signed;
use super::{LIMITS, NOW, key};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::{canonical, incoming};
use crate::rooms::core::logs::OriginKey;

/// The servers of the room, the host first.
pub(super) const SERVERS: [&str; 4] = ["h.example", "b.example", "c.example", "d.example"];
const NONCE: &str = "fuzz";
/// Most events of one page: each is judged again after each.
const MOST: usize = 24;

/// The events of a page of several logs; none that are not readable even so.
pub(super) fn made_to_fit(page: Value) -> Vec<Event> {
    let Value::Object(mut members) = page else {
        return Vec::new();
    };
    let Some(Value::Array(items)) = members.remove("events") else {
        return Vec::new();
    };
    let mut room = Room::default();
    for item in items.into_iter().take(MOST) {
        if let Value::Object(members) = item {
            room.append(members);
        }
    }
    let made: Vec<_> = room.all.iter().map(Event::to_value).collect();
    let bytes = canonical::to_vec(&json!({"events": made, "has_more": false}));
    let page = incoming::read_page(&bytes, LIMITS).expect("a page");
    let events = page.into_iter().map(|item| item.event.expect("an event"));
    let events: Vec<_> = events.collect();
    assert_eq!(events, room.all, "a page holds what was put there");
    events
}

#[derive(Default)]
struct Room {
    all: Vec<Event>,
    logs: BTreeMap<usize, Vec<Event>>,
    keys: BTreeMap<usize, KeyPair>,
    chain: Vec<(i64, Hash)>,
}

impl Room {
    fn append(&mut self, mut members: Map<String, Value>) {
        let Some(server) = named(members.get("origin")) else {
            return;
        };
        self.fill_place(server, &mut members);
        let content = members.entry("content").or_insert_with(|| json!({}));
        if let Value::Object(content) = content {
            self.fill_content(content);
        }
        let bytes = canonical::to_vec(&Value::Object(members));
        let read = incoming::read_send(&bytes, LIMITS).ok();
        let Some(Ok(event)) = read.and_then(|mut events| events.pop()) else {
            return;
        };
        let signer = self.keys.entry(server).or_insert_with(|| first_key(server));
        let event = Event {
            content_flaw: None,
            ..signed(event, signer)
        };
        let content = event.content.as_ref();
        if let (true, Some(next)) = (event.event_type == EventType::LOG_KEY, content) {
            let named = next.get("seed").and_then(Value::as_u64);
            if let Some(next) = named {
                self.keys.insert(server, numbered(next));
            }
        }
        if server == 0 && event.event_type.is_state() {
            self.chain.push((event.seq, event.hash()));
        }
        self.logs.entry(server).or_default().push(event.clone());
        self.all.push(event);
    }

    fn fill_place(&self, server: usize, members: &mut Map<String, Value>) {
        let before = self.log(server).last();
        let index = members.get("state_seq").and_then(Value::as_u64);
        let index = index.and_then(|index| usize::try_from(index).ok());
        let claimed = match index {
            Some(index) => self.chain.get(index),
            None => self.chain.last(),
        };
        let is_create = server == 0 && before.is_none();
        let (state_seq, state_hash) = match (claimed, is_create) {
            (_, true) => (0, None),
            (Some((seq, hash)), false) => (*seq, Some(*hash)),
            (None, false) => (1_000, Some(Hash::of(b"of a later state event"))),
        };
        let ts = members.get("ts").and_then(Value::as_i64).unwrap_or(NOW);
        let ts = before.map_or(ts, |before| before.ts.max(ts));
        let host: ServerName = SERVERS[0].parse().expect("a server name");
        for (member, value) in [
            ("v", json!("v1")),
            ("event_id", json!("00000000-0000-7000-8000-000000000000")),
            ("room_id", json!(RoomId::derive(&host, NONCE))),
            ("epoch", json!(1)),
            ("seq", json!(before.map_or(1, |before| before.seq + 1))),
            ("prev", json!(before.map(Event::hash))),
            ("ts", json!(ts)),
            ("state_seq", json!(state_seq)),
            ("state_hash", json!(state_hash)),
            ("content_hash", json!(Hash::of(b""))),
            ("key_id", json!(first_key(server).key_id())),
            ("signature", json!("A".repeat(86))),
        ] {
            members.insert(member.to_owned(), value);
        }
        for (member, value) in [
            ("sender", Value::Null),
            ("salt", json!("AQEBAQEBAQEBAQEBAQEBAQ")),
        ] {
            members.entry(member).or_insert(value);
        }
    }

    fn fill_content(&self, content: &mut Map<String, Value>) {
        let home = content.get("participant").and_then(Value::as_str);
        let home = home.and_then(|fqid| fqid.parse::<Fqid>().ok());
        let home = home.map(|fqid| json!(fqid.server_name()));
        if let Some(index) = number(content.get("event_id"))
            && let Some(event) = usize::try_from(index)
                .ok()
                .and_then(|index| self.all.get(index))
        {
            content.insert("event_id".to_owned(), json!(event.event_id));
        }
        if let (Some(seq), Some(home)) = (number(content.get("after")), named(home.as_ref())) {
            content.insert("after".to_owned(), self.place(home, seq));
        }
        for marks in ["cutoff", "seen"] {
            let marks = content.get_mut(marks).and_then(Value::as_object_mut);
            for (origin, mark) in marks.into_iter().flatten() {
                if let (Some(seq), Some(server)) = (number(Some(mark)), named(Some(&json!(origin))))
                {
                    *mark = self.place(server, seq);
                }
            }
        }
        if let Some(of) = number(content.get("key")) {
            let key = OriginKey::of(numbered(of).public_key());
            content.insert("key".to_owned(), json!(key));
        }
        if let Some(next) = number(content.get("seed")) {
            let OriginKey { key_id, public_key } = OriginKey::of(numbered(next).public_key());
            content.insert("key_id".to_owned(), json!(key_id));
            content.insert("public_key".to_owned(), json!(public_key));
        }
    }

    fn log(&self, server: usize) -> &[Event] {
        self.logs.get(&server).map_or(&[], Vec::as_slice)
    }

    /// A place of a log, also one that nothing has been written at yet.
    fn place(&self, server: usize, seq: u64) -> Value {
        let before = usize::try_from(seq).ok().and_then(|seq| seq.checked_sub(1));
        let hash = before.map(|index| {
            let event = self.log(server).get(index);
            event.map_or(Hash::of(b"not written yet"), Event::hash)
        });
        json!({"epoch": 1, "seq": seq, "hash": hash})
    }
}

/// The key that a server's log begins with.
pub(super) fn first_key(server: usize) -> KeyPair {
    numbered(u64::try_from(server).unwrap_or_default())
}

fn numbered(number: u64) -> KeyPair {
    key(u8::try_from(number % 8).unwrap_or_default())
}

fn number(value: Option<&Value>) -> Option<u64> {
    value.and_then(Value::as_u64)
}

fn named(origin: Option<&Value>) -> Option<usize> {
    let origin = origin.and_then(Value::as_str)?;
    SERVERS.iter().position(|server| *server == origin)
}
