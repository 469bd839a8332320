use prometheus_client::metrics::histogram::Histogram;
use serde_json::{Value, json};

use super::{Keys, Unbelievable, verify_all};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Draft;
use crate::events::store::logs::{KeyPlace, LogKey};
use crate::federation::shares::Turn;

const HOST: (&str, u8) = ("h.example", 1);
const MEMBER: (&str, u8) = ("b.example", 2);

fn key(seed: u8) -> KeyPair {
    KeyPair::from_seed(&[seed; 32])
}

fn public(seed: u8) -> Value {
    let key = key(seed);
    json!({ "key_id": key.key_id().to_string(), "public_key": key.public_key().to_string() })
}

/// The keys of a room of `h.example`, which `b.example` is in.
fn keys() -> Keys {
    let known = [HOST, MEMBER].map(|(origin, seed)| LogKey {
        origin: origin.parse().unwrap(),
        key_id: key(seed).key_id(),
        public_key: key(seed).public_key().clone(),
        at: KeyPlace {
            epoch: 1,
            from_seq: 1,
            state_seq: 0,
        },
    });
    Keys {
        host: Some(HOST.0.parse().unwrap()),
        known: known.to_vec(),
        pinned: None,
        durations: Histogram::new([1.0]),
    }
}

fn event(origin: &str, seed: u8, seq: i64, of: EventType, content: Value) -> Event {
    let host: ServerName = HOST.0.parse().unwrap();
    let draft = Draft {
        room_id: RoomId::derive(&host, "keys"),
        origin: origin.parse().unwrap(),
        sender: Some(format!("@x:{origin}").parse().unwrap()),
        event_type: of,
        content,
        epoch: 1,
        seq,
        prev: (seq > 1).then(|| Hash::of(b"before")),
        ts: 1_780_000_000_000,
        state_seq: 1,
        state_hash: Some(Hash::of(b"state")),
        salt: [1; 16],
    };
    draft.sign(&key(seed)).unwrap().into_inner()
}

/// Which of the events are believed.
async fn believed(events: Vec<Event>) -> Vec<bool> {
    let (_, verified) = verify_all(&Turn::free(), keys(), events).await;
    let is_believed = |event: &Result<_, Unbelievable>| event.is_ok();
    verified.iter().map(is_believed).collect()
}

fn joins(participant: &str, seed: u8) -> Value {
    json!({ "participant": participant, "membership": "join", "power_level": 0, "key": public(seed), "seen": {} })
}

fn says() -> Value {
    json!({ "body": "hello" })
}

#[tokio::test]
async fn the_host_names_the_first_key_of_a_log_and_no_second_one() {
    let (member, message) = (EventType::ROOM_MEMBER, EventType::ROOM_MESSAGE);
    let events = vec![
        event(
            "h.example",
            1,
            5,
            member.clone(),
            joins("@cem:c.example", 3),
        ),
        event("c.example", 3, 1, message.clone(), says()),
        // The host would like to write these logs itself.
        event(
            "h.example",
            1,
            6,
            member.clone(),
            joins("@dora:c.example", 9),
        ),
        event("c.example", 9, 2, message.clone(), says()),
        event("h.example", 1, 7, member, joins("@bob:b.example", 9)),
        event("b.example", 9, 2, message, says()),
    ];
    assert_eq!(
        believed(events).await,
        [true, true, true, false, true, false]
    );
}

#[tokio::test]
async fn what_another_server_says_of_a_key_means_nothing() {
    let events = vec![
        event(
            "b.example",
            2,
            1,
            EventType::ROOM_MEMBER,
            joins("@olga:h.example", 9),
        ),
        event(
            "h.example",
            9,
            5,
            EventType::ROOM_NAME,
            json!({ "name": "Taken", "seen": {} }),
        ),
        event(
            "b.example",
            2,
            2,
            EventType::ROOM_MEMBER,
            joins("@cem:c.example", 9),
        ),
        event("c.example", 9, 1, EventType::ROOM_MESSAGE, says()),
        event(
            "b.example",
            2,
            3,
            EventType::ROOM_CREATE,
            json!({ "key": public(9) }),
        ),
        event("b.example", 9, 4, EventType::ROOM_MESSAGE, says()),
    ];
    assert_eq!(
        believed(events).await,
        [true, false, true, false, true, false]
    );
}

#[tokio::test]
async fn after_a_log_s_new_key_the_old_one_signs_nothing_more() {
    let message = EventType::ROOM_MESSAGE;
    let events = vec![
        event("b.example", 2, 44, EventType::LOG_KEY, public(7)),
        event("b.example", 7, 45, message.clone(), says()),
        event("b.example", 2, 46, message.clone(), says()),
        // What was written before the new key is believed whenever it comes.
        event("b.example", 2, 30, message.clone(), says()),
        event("b.example", 7, 30, message, says()),
    ];
    assert_eq!(believed(events).await, [true, true, false, true, false]);
}
