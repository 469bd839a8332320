//! Rooms that another server hosts: what a guest owes to its host, and to itself.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::cases::{DEADLINE, is_sound, log, position, texts, until};
use super::hosting::{ALICE, Host, MALLORY, accept, hosted};
use super::{Home, Log, Peer};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Draft;
use crate::events::model::{Placed, Standing};
use crate::events::store;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::exchange::{document, errands};
use crate::rooms::core::content::{LogPosition, OriginKey};

const CEM: &str = "@cem:c.example";

/// What the host holds of alice's stay before her server lost its memory: her join, what she said, and that she was put
/// out.
fn earlier_stay(host: &mut Host, home: &Home, key: &KeyPair) {
    let public =
        json!({ "key_id": key.key_id().to_string(), "public_key": key.public_key().to_string() });
    let request = document::Request {
        request_id: Uuid::from_u128(1),
        room_id: Host::room(),
        host: Host::name(),
        actor: ALICE.parse().unwrap(),
        action: "join".to_owned(),
        content: json!({ "profile": null, "key": public, "after": LogPosition::START }),
        ts: START,
        key_id: key.key_id().to_string(),
    };
    let more = json!({
        "after": LogPosition::START, "key": public, "request": request.sign(key).unwrap(),
    });
    host.member(ALICE, "join", 0, more);
    let joined = host.log.last().unwrap();
    let said = Draft {
        room_id: Host::room(),
        origin: home.tenant().server_name().clone(),
        sender: Some(ALICE.parse().unwrap()),
        event_type: EventType::ROOM_MESSAGE,
        content: json!({ "body": "before" }),
        epoch: 1,
        seq: 1,
        prev: None,
        ts: START,
        state_seq: joined.seq,
        state_hash: Some(joined.hash()),
        salt: [6; 16],
    };
    let said = said.sign(key).unwrap().to_value();
    let reached = json!({ "a.example": position(&said) });
    host.held.push(said);
    let put_out = json!({ "seen": reached, "cutoff": reached });
    host.member(ALICE, "leave", 0, put_out);
}

#[tokio::test]
async fn who_joins_anew_without_memory_goes_on_with_the_log_that_the_host_holds() {
    let (home, host, _fake) = hosted(Host::open()).await;
    let key = home.server.app.keys().current(&home.tenant()).unwrap();
    let invitation = {
        let mut host = host.lock().unwrap();
        earlier_stay(&mut host, &home, &key);
        host.invites()
    };
    accept(&home, &invitation).await;
    home.say(Host::room(), "after").await;

    let own = log(&home.server, Host::room(), home.tenant().server_name()).await;
    let said: Vec<_> = own
        .iter()
        .map(|placed| placed.event.content.clone().unwrap()["body"].clone())
        .collect();
    assert_eq!(said, ["before", "after"]);
    until("the host gets what is new", async || {
        let host = host.lock().unwrap();
        host.delivered.iter().any(|event| event["seq"] == 2)
    })
    .await;
}

#[tokio::test]
async fn a_host_without_people_in_its_room_hears_of_a_fork_too() {
    let (home, host, _fake) = hosted(Host::open()).await;
    let cem = Peer::allowed(&home, "c.example", 3).await;
    let invitation = {
        let mut host = host.lock().unwrap();
        let more = json!({ "after": LogPosition::START, "key": cem.public() });
        host.member(CEM, "join", 100, more);
        host.invites()
    };
    accept(&home, &invitation).await;
    let leaves = host
        .lock()
        .unwrap()
        .member(MALLORY, "leave", 100, json!({}));
    Host::peer().deliver(&home, &[leaves]).await;
    assert_eq!(
        home.membership(Host::room(), MALLORY).await.as_deref(),
        Some("leave")
    );

    let log = Log::of(&home, Host::room()).await;
    let both = ["one", "another"].map(|body| {
        let draft = log.draft(&cem, CEM, EventType::ROOM_MESSAGE, json!({ "body": body }));
        draft.sign(&cem.key).unwrap().to_value()
    });
    cem.deliver(&home, &both).await;
    until("the host gets both", async || {
        let host = host.lock().unwrap();
        let has = |event: &Value| {
            host.delivered
                .iter()
                .any(|delivered| delivered["event_id"] == event["event_id"])
        };
        both.iter().all(has)
    })
    .await;
}

#[tokio::test]
async fn a_server_that_was_away_is_compared_with_as_soon_as_it_is_back() {
    let (home, host, mut fake) = hosted(Host::open()).await;
    let invitation = host.lock().unwrap().invites();
    accept(&home, &invitation).await;
    let app = &home.server.app;
    until("what came with joining is over", async || {
        errands::is_idle(app)
    })
    .await;
    fake.new_requests();

    app.federation()
        .returned()
        .add(&home.tenant(), &Host::name());
    let compares = async {
        loop {
            let asked = fake.received.recv().await.unwrap();
            if asked.line.contains("/heads") {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, compares).await.unwrap();
}

#[tokio::test]
async fn a_removed_server_gets_what_it_said_in_time_though_that_came_after_its_removal() {
    let (home, host, _fake) = hosted(Host::open()).await;
    let cem = Peer::allowed(&home, "c.example", 3).await;
    let invitation = {
        let mut host = host.lock().unwrap();
        let more = json!({ "after": LogPosition::START, "key": cem.public() });
        host.member(CEM, "join", 0, more);
        host.invites()
    };
    accept(&home, &invitation).await;
    let mut log_of_c = Log::of(&home, Host::room()).await;
    let says =
        |body: &str| log_of_c.write(&cem, CEM, EventType::ROOM_MESSAGE, json!({ "body": body }));
    let said = ["before", "in time", "too late"].map(says);
    cem.deliver(&home, &said[..1]).await;
    let in_time = json!({ "c.example": position(&said[1]) });
    let put_out = json!({ "seen": in_time, "cutoff": in_time });
    let kick = host.lock().unwrap().member(CEM, "leave", 0, put_out);
    Host::peer().deliver(&home, &[kick]).await;
    cem.deliver(&home, &said[1..]).await;
    home.say(Host::room(), "among others").await;

    let room = format!("/rooms/{}", Host::room());
    let (_, read) = cem.get(&home, &format!("{room}/heads")).await;
    assert_eq!(read["heads"]["c.example"], position(&said[1]));
    let own = format!("{room}/backfill?origin=c.example&epoch=1&after_seq=0");
    let (_, read) = cem.get(&home, &own).await;
    assert_eq!(read["events"], json!(said[..2]), "{read}");
    let of_alice = format!("{room}/backfill?origin=a.example&epoch=1&after_seq=0");
    let (_, read) = cem.get(&home, &of_alice).await;
    assert_eq!(read["events"], json!([]));
}

/// A room of the host's in which alice said something and edited it, and her server's log.
async fn edited() -> (Home, Arc<Mutex<Host>>, FakePeer, Vec<Placed>) {
    let (home, host, fake) = hosted(Host::open()).await;
    let invitation = host.lock().unwrap().invites();
    accept(&home, &invitation).await;
    let said = home.say(Host::room(), "one").await;
    let edit = format!("/v1/rooms/{}/events/{said}/edit", Host::room());
    let content = json!({ "content": { "body": "one, corrected" } });
    home.ask(Method::POST, &edit, content).await;
    let own = log(&home.server, Host::room(), home.tenant().server_name()).await;
    (home, host, fake, own)
}

/// Has the host admit a second epoch of alice's server's log, after this end of the first one; both epochs.
async fn admit(home: &Home, host: &Mutex<Host>, end: LogPosition) -> Vec<Placed> {
    let key = home.server.app.keys().current(&home.tenant()).unwrap();
    let content = json!({
        "origin": "a.example", "epoch": 2, "key": OriginKey::of(key.public_key()), "seen": {},
        "cutoff": { "a.example": end },
    });
    let admission = host.lock().unwrap().appends(EventType::ROOM_LOG, content);
    let results = Host::peer().deliver(home, &[admission]).await;
    assert_eq!(results[0]["status"], "accepted");
    is_sound(&home.server).await;
    let (db, tenant) = (home.server.app.db(), home.tenant());
    let mut both = log(&home.server, Host::room(), tenant.server_name()).await;
    let second = store::log_page(&tenant, db, Host::room(), tenant.server_name(), (2, 0), 100);
    both.extend(second.await.unwrap());
    both
}

fn kinds(log: &[Placed]) -> Vec<(&str, Standing)> {
    log.iter()
        .map(|placed| (placed.event.event_type.as_str(), placed.standing))
        .collect()
}

#[tokio::test]
async fn what_was_said_beyond_the_end_of_an_epoch_is_said_again_with_its_edits() {
    let (home, host, _fake, _) = edited().await;
    let own = admit(&home, &host, LogPosition::START).await;
    let expected = [
        "swp.log.restart",
        "swp.room.message",
        "swp.room.message.edit",
    ];
    assert_eq!(kinds(&own), expected.map(|kind| (kind, Standing::Valid)));
    let read = texts(&home.server, "alice", Host::room()).await;
    assert_eq!(read, ["one, corrected"]);
}

#[tokio::test]
async fn what_was_void_for_a_message_that_goes_with_its_branch_counts_again() {
    let (home, host, _fake, own) = edited().await;
    let cem = Peer::allowed(&home, "c.example", 3).await;
    let more = json!({ "after": LogPosition::START, "key": cem.public() });
    let joins = host.lock().unwrap().member(CEM, "join", 0, more);
    Host::peer().deliver(&home, &[joins]).await;
    let mut log_of_c = Log::of(&home, Host::room()).await;
    let content = json!({ "event_id": own[0].event.event_id, "reason": null });
    let redaction = log_of_c.write(&cem, CEM, EventType::ROOM_REDACTION, content);
    cem.deliver(&home, &[redaction]).await;
    let held = log(&home.server, Host::room(), &cem.name).await;
    assert_eq!(held[0].standing, Standing::Void, "it is not cem's message");

    // Servers that never had the branch know of no message that it would be about.
    admit(&home, &host, LogPosition::START).await;
    let held = log(&home.server, Host::room(), &cem.name).await;
    assert_eq!(held[0].standing, Standing::Valid);
    let read = texts(&home.server, "alice", Host::room()).await;
    assert_eq!(read, ["one, corrected"]);
}

#[tokio::test]
async fn an_edit_that_comes_too_late_to_be_said_again_is_not() {
    let (home, host, _fake, own) = edited().await;
    home.server.clock.advance(60_001);
    let end = LogPosition {
        epoch: 1,
        seq: 1,
        hash: Some(own[0].hash),
    };
    let own = admit(&home, &host, end).await;
    let expected = ["swp.room.message", "swp.log.restart"];
    assert_eq!(kinds(&own), expected.map(|kind| (kind, Standing::Valid)));
    let read = texts(&home.server, "alice", Host::room()).await;
    assert_eq!(read, ["one"]);
}
