use serde_json::json;

use super::*;
use crate::events::core::names::ServerName;

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn draft(content: Value) -> Draft {
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

#[test]
fn what_was_signed_verifies_after_a_trip_through_json() {
    let signed = draft(json!({"msgtype": "swp.text", "body": "hello"}))
        .sign(&key())
        .unwrap();
    let read = Event::from_value(signed.to_value()).unwrap();
    assert_eq!(read, *signed);
    let verified = verify(read, key().public_key()).unwrap();
    assert_eq!(verified.hash(), signed.hash());
    assert_eq!(verified.content_status(), ContentStatus::Present);
}
