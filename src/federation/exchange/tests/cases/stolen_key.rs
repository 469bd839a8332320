//! Who holds the key that a server has replaced.

use std::sync::{Arc, Mutex};

use http::StatusCode;
use serde_json::{Value, json};

use super::super::{BOB, Home, Log, Peer};
use super::{
    allow, answer, append, heads, is_sound, log, message, outcomes, page, position, rests, rows,
    tenant,
};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Draft;
use crate::events::model::Standing;
use crate::events::store::forks;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::core::descriptor::{self, KeyEntry};
use crate::federation::exchange::catch_up;

const DAY_MS: i64 = 24 * 3600 * 1000;
/// How long the old key and the new one are good beside each other.
const OVERLAP_MS: i64 = 30 * DAY_MS;
const REFUSED: &str = "SW_FED_SIGNATURE_MISMATCH stalled";

/// A server that can be reached: it shows these keys, and serves these events.
#[derive(Clone, Default)]
struct Reachable {
    descriptor: Arc<Mutex<Value>>,
    events: Arc<Mutex<Vec<Value>>>,
}

impl Reachable {
    async fn start(&self) -> FakePeer {
        let this = self.clone();
        FakePeer::answering(move |asked| {
            let events = this.events.lock().unwrap();
            answer(&if asked.line.contains("/.well-known/") {
                this.descriptor.lock().unwrap().clone()
            } else if asked.line.contains("/heads") {
                json!({ "heads": { "b.example": events.last().map(position) } })
            } else {
                page(&events, asked)
            })
        })
        .await
    }

    fn shows(&self, peer: &Peer, keys: Vec<KeyEntry>, now_ms: i64) {
        let document = descriptor::build(&peer.name, keys, &peer.key, None, now_ms).unwrap();
        *self.descriptor.lock().unwrap() = document;
    }
}

/// The keys of B after its rotation.
fn both(old: &Peer, new: &Peer, rotated_at: i64) -> Vec<KeyEntry> {
    let mut first = KeyEntry::first(&old.key, START);
    first.expires_at = Some(rotated_at + OVERLAP_MS);
    let public = new.key.public_key();
    vec![
        first,
        KeyEntry::following(&old.key, &old.name, public, rotated_at),
    ]
}

/// The event by which a log goes over to a key.
fn names_key(log: &Log, peer: &Peer, key: &KeyPair) -> Draft {
    let named =
        json!({ "key_id": key.key_id().to_string(), "public_key": key.public_key().to_string() });
    let mut draft = log.draft(peer, BOB, EventType::LOG_KEY, named);
    draft.sender = None;
    draft
}

/// What somebody with this key would put next into the log, at this time.
fn stolen(log: &Log, thief: &Peer, ts: i64) -> Value {
    let mut draft = message(log, thief, BOB, "in bob's name");
    draft.ts = ts;
    draft.sign(&thief.key).unwrap().to_value()
}

/// The end of B's log here; all of it counts, and nothing is frozen.
async fn end(home: &Home, room: RoomId) -> i64 {
    let held = log(&home.server, room, &"b.example".parse().unwrap()).await;
    assert!(held.iter().all(|placed| placed.standing == Standing::Valid));
    let frozen = forks::list(&tenant(&home.server), home.server.app.db()).await;
    assert_eq!(frozen.unwrap(), []);
    held.last().map_or(0, |placed| placed.event.seq)
}

/// Case F-06: it appends to no log, and signs no request once the overlap has passed; what it signed in its time is
/// believed, whoever brings it and whenever.
#[tokio::test]
async fn a_replaced_key_is_worthless_and_what_it_signed_in_its_time_is_not() {
    let (at_b, at_c) = (Reachable::default(), Reachable::default());
    let (mut asked_of_b, mut asked_of_c) = (at_b.start().await, at_c.start().await);
    let urls = format!(
        "b.example=http://{},c.example=http://{}",
        asked_of_b.address, asked_of_c.address
    );
    let home = Home::with(&[("SCAIWAVE_FEDERATION_PEER_URLS", &urls)]).await;
    rests(&home.server);
    let (app, us) = (&home.server.app, tenant(&home.server));
    let thief = Peer::allowed(&home, "b.example", 2).await;
    let c = Peer::allowed(&home, "c.example", 3).await;
    allow(&home.server, &["b.example", "c.example"]).await;
    let b = Peer {
        name: thief.name.clone(),
        key: KeyPair::from_seed(&[20; 32]),
    };
    let (busy, mut in_busy) = home.shared_with(&thief).await;
    let (quiet, mut in_quiet) = home.shared_with(&thief).await;
    for room in [busy, quiet] {
        home.invite(room, "@cem:c.example").await;
        let empty = Log::of(&home, room).await;
        c.join(&home, room, "cem", &empty).await;
    }
    let mut first = Vec::new();
    for seq in 1..=29 {
        let draft = message(&in_busy, &thief, BOB, &format!("said as {seq}"));
        first.push(append(&mut in_busy, draft, &thief.key));
    }
    assert_eq!(outcomes(&home, &thief, &first).await, ["accepted"; 29]);

    // B rotates, which puts an event into the log of every room, also where nobody has written.
    home.server.clock.advance(DAY_MS);
    let rotated_at = START + DAY_MS;
    at_b.shows(&b, both(&thief, &b, rotated_at), rotated_at);
    let into_quiet = names_key(&in_quiet, &b, &b.key);
    let into_quiet = append(&mut in_quiet, into_quiet, &thief.key);
    assert_eq!(outcomes(&home, &b, &[into_quiet]).await, ["accepted"]);
    let thirty = names_key(&in_busy, &b, &b.key);
    let thirty = append(&mut in_busy, thirty, &thief.key);
    let next = message(&in_busy, &b, BOB, "said as 31");
    let next = append(&mut in_busy, next, &b.key);

    // (d) A lacks the genuine event 30 under the old key, and gets it from C with 31 under the new one.
    *at_c.events.lock().unwrap() = vec![thirty, next];
    catch_up::room(app, &us, &c.name, busy).await.unwrap();
    assert_eq!(end(&home, busy).await, 31);
    let mut more = Vec::new();
    for seq in 32..=45 {
        let draft = message(&in_busy, &b, BOB, &format!("said as {seq}"));
        more.push(append(&mut in_busy, draft, &b.key));
    }
    assert_eq!(outcomes(&home, &b, &more).await, ["accepted"; 14]);

    // (b), (c) While its requests are still taken: the thief delivers by itself.
    let within = home.server.clock.now_ms();
    let (in_busy_now, in_quiet_now) = (
        stolen(&in_busy, &thief, within),
        stolen(&in_quiet, &thief, within),
    );
    thief.get(&home, &format!("/rooms/{busy}/heads")).await;
    let before = rows(&home.server).await;
    for event in [&in_busy_now, &in_quiet_now] {
        assert_eq!(
            outcomes(&home, &thief, std::slice::from_ref(event)).await,
            [REFUSED]
        );
    }
    assert_eq!(rows(&home.server).await, before, "nothing stored");

    home.server.clock.advance(OVERLAP_MS);
    let now = home.server.clock.now_ms();
    at_b.shows(&b, both(&thief, &b, rotated_at), now);
    at_c.shows(&c, vec![KeyEntry::first(&c.key, START)], now);
    for peer in [&b, &c] {
        let (status, body) = peer.get(&home, &format!("/rooms/{busy}/heads")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let before = (rows(&home.server).await, heads(&home.server, busy).await);
    for asked in [&mut asked_of_b, &mut asked_of_c] {
        asked.new_requests();
    }

    // (a) A request of the old key's holder, made this moment.
    let (status, body) = thief.get(&home, &format!("/rooms/{busy}/heads")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert_eq!(body["error"]["code"], "SW_FED_SIGNATURE_MISMATCH");
    // (b), (c) Whoever else delivers it: the time is within the old key's, the event before it is right.
    for event in [in_busy_now, in_quiet_now] {
        assert_eq!(outcomes(&home, &c, &[event]).await, [REFUSED]);
    }
    let after = (rows(&home.server).await, heads(&home.server, busy).await);
    assert_eq!(after, before, "nothing stored");
    let asked = (asked_of_b.new_requests(), asked_of_c.new_requests());
    assert_eq!(asked, (0, 0), "and nobody asked");

    // Nothing is frozen: both logs go on.
    for (room, log, last) in [(busy, &mut in_busy, 46), (quiet, &mut in_quiet, 2)] {
        let draft = message(log, &b, BOB, "genuine");
        let genuine = append(log, draft, &b.key);
        assert_eq!(outcomes(&home, &b, &[genuine]).await, ["accepted"]);
        assert_eq!(end(&home, room).await, last);
    }
    is_sound(&home.server).await;
}
