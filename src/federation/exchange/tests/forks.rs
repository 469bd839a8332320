//! Two events for one place of a log: kept as evidence, told to the room's servers, shown to admins.

use http::StatusCode;
use serde_json::{Value, json};

use super::{Asked, BOB, Home, Log, Peer};
use crate::catalogue::Code;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::model::Kind;
use crate::events::store;
use crate::events::store::forks::{self, Fork};
use crate::federation::core::policy::PolicyChange;
use crate::federation::exchange::catch_up;
use crate::federation::exchange::pages::Keys;
use crate::federation::store::{journal, outbox};
use crate::operator::logs;
use crate::rooms::timeline::Part;

/// A room of alice's with people of two other servers in it, and the log of the first one's.
async fn shared() -> (Home, [Peer; 2], RoomId, Log) {
    let home = Home::start().await;
    let room = home.room(json!({ "name": "Shared" })).await;
    let mut peers = Vec::new();
    for (name, person, seed) in [("b.example", "bob", 2), ("c.example", "cem", 3)] {
        let peer = Peer::allowed(&home, name, seed).await;
        home.invite(room, &format!("@{person}:{name}")).await;
        let empty = Log::of(&home, room).await;
        peer.join(&home, room, person, &empty).await;
        peers.push(peer);
    }
    let log = Log::of(&home, room).await;
    (home, peers.try_into().ok().unwrap(), room, log)
}

/// Bob's next words, and others that he signs for the same place.
fn two_of_a_kind(log: &mut Log, peer: &Peer) -> [Value; 2] {
    let other = log.draft(
        peer,
        BOB,
        EventType::ROOM_MESSAGE,
        json!({ "body": "another" }),
    );
    let other = other.sign(&peer.key).unwrap().to_value();
    [
        log.write(peer, BOB, EventType::ROOM_MESSAGE, json!({ "body": "one" })),
        other,
    ]
}

async fn known(home: &Home) -> Vec<Fork> {
    forks::list(&home.tenant(), home.server.app.db())
        .await
        .unwrap()
}

/// The events of each request of evidence that waits for a server; the requests are taken away.
async fn evidence(home: &Home, server: &str) -> Vec<Vec<Value>> {
    let (tenant, db) = (home.tenant(), home.server.app.db());
    let name: ServerName = server.parse().unwrap();
    let mut told = Vec::new();
    while let Some(job) = outbox::next_job(&tenant, db, &name, i64::MAX)
        .await
        .unwrap()
    {
        if job.kind == "evidence" {
            assert_eq!(job.path, "/send");
            let body: Value = serde_json::from_str(&job.body).unwrap();
            told.push(body["events"].as_array().unwrap().clone());
        }
        let mut tx = db.begin().await.unwrap();
        outbox::remove_job(&tenant, &mut tx, job.id).await.unwrap();
        tx.commit(()).await.unwrap();
    }
    told
}

#[tokio::test]
async fn a_fork_is_kept_and_told_to_every_server_of_the_room_once() {
    let (home, [b, c], room, mut log) = shared().await;
    let [one, other] = two_of_a_kind(&mut log, &b);
    b.deliver(&home, std::slice::from_ref(&one)).await;
    assert_eq!(known(&home).await, []);
    for peer in [&c, &c, &b] {
        let results = peer.deliver(&home, std::slice::from_ref(&other)).await;
        assert_eq!(results[0]["placed"], false);
    }
    let found = known(&home).await;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].room_id, found[0].seq, found[0].is_frozen),
        (room, 1, true)
    );
    assert_eq!(found[0].origin, b.name);
    assert_eq!(found[0].peer, c.name);

    let envelope = |event: &Value| {
        let mut event = event.clone();
        let members = event.as_object_mut().unwrap();
        members.remove("content");
        members.remove("salt");
        event
    };
    for server in ["b.example", "c.example"] {
        let told = evidence(&home, server).await;
        assert_eq!(told, [[envelope(&one), envelope(&other)]], "{server}");
    }
    let journal = journal::page(&home.tenant(), home.server.app.db(), None, 10)
        .await
        .unwrap();
    assert_eq!(journal.len(), 3);
    assert!(journal[0].message.contains("fork"), "{journal:?}");
    assert_eq!(journal[0].origin.as_deref(), Some("b.example"));
}

#[tokio::test]
async fn evidence_freezes_a_log_though_its_events_were_not_here() {
    let (home, [b, c], _, mut log) = shared().await;
    let [one, other] = two_of_a_kind(&mut log, &b);
    let mut both = [one.clone(), other];
    for event in &mut both {
        let members = event.as_object_mut().unwrap();
        members.remove("content");
        members.remove("salt");
    }
    c.deliver(&home, &both).await;
    assert!(known(&home).await[0].is_frozen);
    let results = b.deliver(&home, &[one]).await;
    assert_eq!(results[0]["status"], "duplicate");
    let more = log.write(&b, BOB, EventType::ROOM_MESSAGE, json!({ "body": "two" }));
    let results = b.deliver(&home, &[more]).await;
    assert_eq!(results[0]["placed"], false);
}

#[tokio::test]
async fn an_origin_that_the_policy_keeps_out_is_kept_out_whoever_brings_its_events() {
    let (home, [b, c], room, mut log) = shared().await;
    let deny = PolicyChange {
        denied_peers: Some(vec![b.name.to_string()]),
        ..PolicyChange::default()
    };
    home.policy(deny).await;
    let said = log.write(
        &b,
        BOB,
        EventType::ROOM_MESSAGE,
        json!({ "body": "through c" }),
    );
    let event = Event::from_value(said.clone()).unwrap();
    let (app, tenant) = (&home.server.app, home.tenant());
    let fetched = async || {
        let keys = Keys::load(app, &tenant, room, None).await.unwrap();
        let page = vec![event.clone()];
        let placed = catch_up::place(app, &tenant, &c.name, keys, page, Part::Log).await;
        placed.unwrap().1
    };
    assert!(!fetched().await, "asked for");
    let results = c.deliver(&home, std::slice::from_ref(&said)).await;
    assert_eq!(
        results[0]["error"]["code"], "SW_FED_PEER_UNKNOWN",
        "delivered"
    );

    home.policy(PolicyChange {
        denied_peers: Some(Vec::new()),
        ..PolicyChange::default()
    })
    .await;
    assert!(fetched().await);
}

#[tokio::test]
async fn what_is_refused_of_fetched_events_is_written_down() {
    let (home, [b, c], room, mut log) = shared().await;
    let [one, other] = two_of_a_kind(&mut log, &b);
    let (app, tenant) = (&home.server.app, home.tenant());
    for event in [&one, &other] {
        let event = Event::from_value(event.clone()).unwrap();
        let keys = Keys::load(app, &tenant, room, None).await.unwrap();
        let placed = catch_up::place(app, &tenant, &c.name, keys, vec![event], Part::Log);
        placed.await.unwrap();
    }
    let journal = journal::page(&tenant, app.db(), None, 10).await.unwrap();
    assert_eq!(journal.len(), 1, "{journal:?}");
    assert_eq!(journal[0].peer, c.name.to_string());
    assert_eq!(journal[0].origin.as_deref(), Some("b.example"));
}

#[tokio::test]
async fn who_signs_any_number_of_events_for_a_place_fills_no_disk() {
    let (home, [b, _], _, mut log) = shared().await;
    let [one, _] = two_of_a_kind(&mut log, &b);
    b.deliver(&home, std::slice::from_ref(&one)).await;
    let mut empty = Log::of(&home, log.room).await;
    empty.hear(&home).await;
    let others: Vec<Value> = (0..40)
        .map(|number| {
            let body = json!({ "body": format!("number {number}") });
            let draft = empty.draft(&b, BOB, EventType::ROOM_MESSAGE, body);
            draft.sign(&b.key).unwrap().to_value()
        })
        .collect();
    b.deliver(&home, &others).await;
    assert_eq!(evidence(&home, "c.example").await.len(), 16);
}

/// What bob's server asks for its log.
fn asks<'a>(log: &Log, b: &Peer, epoch: i64) -> Asked<'a> {
    let mut stands_by = json!(log.head());
    stands_by["epoch"] = json!(epoch);
    Asked::new(
        "bob",
        "log_restart",
        json!({ "stands_by": stands_by, "key": b.public() }),
    )
}

#[tokio::test]
async fn a_log_begins_anew_once_an_admin_of_the_host_has_agreed() {
    let (home, [b, _], room, mut log) = shared().await;
    let [one, other] = two_of_a_kind(&mut log, &b);
    b.deliver(&home, &[one, other]).await;
    let (status, _) = b.request(&home, room, &asks(&log, &b, 2)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let agree = || logs::AgreeToRestart {
        tenant: None,
        room_id: room,
        server_name: b.name.to_string(),
    };
    let refused = logs::agree(&home.server.app, agree()).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);

    let asked = asks(&log, &b, 1);
    for _ in 0..2 {
        let answer = b.request(&home, room, &asked).await;
        assert_eq!(answer, (StatusCode::OK, json!({ "events": [] })));
    }
    let db = home.server.app.db();
    let listed = logs::list(db, None).await.unwrap();
    assert_eq!(listed.asked.len(), 1);
    assert_eq!(listed.asked[0].origin, b.name);
    assert!(known(&home).await[0].is_frozen);

    logs::agree(&home.server.app, agree()).await.unwrap();
    let deciding = store::deciding(&home.tenant(), db.reader(), room)
        .await
        .unwrap();
    let admission = deciding
        .iter()
        .rfind(|placed| placed.kind == Kind::State)
        .unwrap();
    assert_eq!(admission.event.event_type, EventType::ROOM_LOG);
    assert_eq!(admission.event.sender, None);
    let content = admission.event.content.clone().unwrap();
    assert_eq!(content["epoch"], 2);
    assert_eq!(
        content["cutoff"],
        json!({ "b.example": log.head() }),
        "{content}"
    );
    assert_eq!(content["request"]["action"], "log_restart");
    assert!(logs::list(db, None).await.unwrap().asked.is_empty());
    assert!(!known(&home).await[0].is_frozen);
    let again = logs::agree(&home.server.app, agree()).await.unwrap_err();
    assert_eq!(again.code(), Code::NotFound);
}
