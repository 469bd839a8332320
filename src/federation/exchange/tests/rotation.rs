//! After a server's key was replaced, the one before signs nothing more, whatever the time that it names.

use serde_json::{Value, json};

use super::{BOB, Home, Log, Peer};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::events::model::Standing;
use crate::events::store;

const CEM: &str = "@cem:c.example";

/// The key that follows on the first one of `b.example`.
fn next_key() -> KeyPair {
    KeyPair::from_seed(&[20; 32])
}

fn message(log: &Log, peer: &Peer, body: &str) -> Draft {
    log.draft(peer, BOB, EventType::ROOM_MESSAGE, json!({ "body": body }))
}

/// The event that lets the log go over to the next key.
fn key_event(log: &Log, peer: &Peer) -> Draft {
    let next = next_key();
    let named =
        json!({ "key_id": next.key_id().to_string(), "public_key": next.public_key().to_string() });
    let mut draft = log.draft(peer, BOB, EventType::LOG_KEY, named);
    draft.sender = None;
    draft
}

/// Appends to the log as its server does.
fn append(log: &mut Log, draft: Draft, key: &KeyPair) -> Value {
    let event = draft.sign(key).unwrap();
    let value = event.to_value();
    log.events.push(event);
    value
}

async fn statuses(home: &Home, peer: &Peer, events: &[Value]) -> Vec<String> {
    let results = peer.deliver(home, events).await;
    let word = |result: &Value| match result["error"]["code"].as_str() {
        Some(code) => format!("{code} {}", result["placed"]),
        None => result["status"].as_str().unwrap().to_owned(),
    };
    results.iter().map(word).collect()
}

const REFUSED: &str = "SW_FED_SIGNATURE_MISMATCH false";

/// Where the log of `b.example` ends, and how its events stand.
async fn held(home: &Home, room: RoomId) -> (i64, bool) {
    let (db, tenant) = (home.server.app.db(), home.tenant());
    let origin = "b.example".parse().unwrap();
    let log = store::log_page(&tenant, db, room, &origin, (1, 0), 100).await;
    let log = log.unwrap();
    let end = log.last().map_or(0, |placed| placed.event.seq);
    (
        end,
        log.iter().all(|placed| placed.standing == Standing::Valid),
    )
}

async fn is_sound(home: &Home) {
    let checked = crate::rooms::verify::tenant(&home.tenant(), home.server.app.db()).await;
    checked.unwrap();
}

#[tokio::test]
async fn the_old_key_appends_nothing_after_the_new_one_signed() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (room, mut log) = home.shared_with(&peer).await;
    let said = message(&log, &peer, "before");
    let said = append(&mut log, said, &peer.key);
    let key = key_event(&log, &peer);
    let key = append(&mut log, key, &peer.key);
    let after = message(&log, &peer, "after");
    let after = append(&mut log, after, &next_key());
    assert_eq!(
        statuses(&home, &peer, &[said, key, after]).await,
        ["accepted"; 3]
    );

    // Its place, its time and the event before it are right; only the key is the old one.
    let stolen = message(&log, &peer, "stolen").sign(&peer.key).unwrap();
    assert_eq!(
        statuses(&home, &peer, &[stolen.to_value()]).await,
        [REFUSED]
    );
    assert_eq!(held(&home, room).await, (3, true), "nothing stored");
    let genuine = message(&log, &peer, "genuine");
    let genuine = append(&mut log, genuine, &next_key());
    assert_eq!(statuses(&home, &peer, &[genuine]).await, ["accepted"]);
    is_sound(&home).await;
}

#[tokio::test]
async fn nor_in_a_room_where_nobody_has_written_since() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (room, mut log) = home.shared_with(&peer).await;
    let key = key_event(&log, &peer);
    let key = append(&mut log, key, &peer.key);
    assert_eq!(statuses(&home, &peer, &[key]).await, ["accepted"]);

    let stolen = message(&log, &peer, "stolen").sign(&peer.key).unwrap();
    assert_eq!(
        statuses(&home, &peer, &[stolen.to_value()]).await,
        [REFUSED]
    );
    // Another event for the very place of the key's event freezes nothing either.
    let mut earlier: Vec<Verified<Event>> = log.events.drain(..).collect();
    let beside = message(&log, &peer, "instead").sign(&peer.key).unwrap();
    assert_eq!(
        statuses(&home, &peer, &[beside.to_value()]).await,
        [REFUSED]
    );
    log.events.append(&mut earlier);
    assert_eq!(held(&home, room).await, (1, true));
    let genuine = message(&log, &peer, "genuine");
    let genuine = append(&mut log, genuine, &next_key());
    assert_eq!(statuses(&home, &peer, &[genuine]).await, ["accepted"]);
    assert_eq!(held(&home, room).await, (2, true));
    is_sound(&home).await;
}

#[tokio::test]
async fn what_the_old_key_signed_in_its_time_is_believed_whoever_brings_it_and_when() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let other = Peer::allowed(&home, "c.example", 3).await;
    let (room, mut log) = home.shared_with(&peer).await;
    home.invite(room, CEM).await;
    let others = Log::of(&home, room).await;
    other.join(&home, room, "cem", &others).await;
    let mut events = Vec::new();
    for body in ["one", "two"] {
        let draft = message(&log, &peer, body);
        events.push(append(&mut log, draft, &peer.key));
    }
    let key = key_event(&log, &peer);
    events.push(append(&mut log, key, &peer.key));
    let draft = message(&log, &peer, "three");
    events.push(append(&mut log, draft, &next_key()));

    assert_eq!(statuses(&home, &other, &events).await, ["accepted"; 4]);
    assert_eq!(held(&home, room).await, (4, true));
    is_sound(&home).await;
}

#[tokio::test]
async fn a_relay_cannot_hide_which_key_comes_next() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (room, mut log) = home.shared_with(&peer).await;
    let key = key_event(&log, &peer);
    let key = append(&mut log, key, &peer.key);
    let mut hidden = key.clone();
    hidden.as_object_mut().unwrap().remove("content");
    hidden.as_object_mut().unwrap().remove("salt");
    assert_eq!(statuses(&home, &peer, &[hidden]).await, [REFUSED]);
    assert_eq!(held(&home, room).await, (0, true));
    assert_eq!(statuses(&home, &peer, &[key]).await, ["accepted"]);
}

#[tokio::test]
async fn a_key_that_somebody_else_s_name_stands_under_is_not_the_next_one() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (_, mut log) = home.shared_with(&peer).await;
    let mut forged = key_event(&log, &peer);
    forged.sender = Some("@alice:a.example".parse().unwrap());
    let forged = append(&mut log, forged, &peer.key);
    let under_it = message(&log, &peer, "under it").sign(&next_key()).unwrap();
    let results = statuses(&home, &peer, &[forged, under_it.to_value()]).await;
    assert_eq!(results, ["SW_ROOM_FORBIDDEN true", REFUSED]);
    let goes_on = message(&log, &peer, "goes on");
    let goes_on = append(&mut log, goes_on, &peer.key);
    assert_eq!(statuses(&home, &peer, &[goes_on]).await, ["accepted"]);
    is_sound(&home).await;
}
