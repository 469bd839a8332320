//! What the tests of this module share: a key, a draft that signs, a short log, vectors made elsewhere.

use serde_json::{Value, json};

use super::event_type::EventType;
use super::hash::Hash;
use super::ids::RoomId;
use super::json::Limits;
use super::names::ServerName;
use super::sign::KeyPair;
use super::verified::{Draft, Verified};

/// Limits that only hostile input meets.
pub(crate) const LIMITS: Limits = Limits {
    max_bytes: 1 << 20,
    max_depth: 128,
};

/// The key of `a.example`.
pub(crate) fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

/// A message of `@alice:a.example` at position 2 of its log.
pub(crate) fn draft(content: Value) -> Draft {
    let origin: ServerName = "a.example".parse().unwrap();
    Draft {
        room_id: RoomId::derive(&origin, "nonce"),
        sender: Some("@alice:a.example".parse().unwrap()),
        origin,
        event_type: EventType::ROOM_MESSAGE,
        content,
        epoch: 1,
        seq: 2,
        prev: Some(Hash::of(b"prev")),
        ts: 1_780_000_000_123,
        state_seq: 1,
        state_hash: Some(Hash::of(b"state")),
        salt: [1; 16],
    }
}

/// A signed message that says `body`, after `previous`.
pub(crate) fn message_after(
    previous: Option<&Verified<super::event::Event>>,
    body: &str,
) -> Verified<super::event::Event> {
    let mut draft = draft(json!({"msgtype": "swp.text", "body": body}));
    draft.seq = previous.map_or(1, |event| event.seq + 1);
    draft.prev = previous.map(Verified::hash);
    draft.sign(&key()).unwrap()
}

/// The events made by `tests/vectors/make_event_vectors.js`.
pub(crate) fn event_vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/events.json")).unwrap()
}
