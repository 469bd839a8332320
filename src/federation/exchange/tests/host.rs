//! What a host does by itself with what peers deliver: when it must not yet, and what it must not forget.

use http::Method;
use serde_json::{Value, json};

use super::people::profile_of;
use super::{Asked, BOB, Home, Log, Peer, shared};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::model::Kind;
use crate::events::store;
use crate::participants;
use crate::rooms::core::decide::Command;

/// The host's last state event.
async fn last_state(home: &Home, room: RoomId) -> (EventType, Value) {
    let db = home.server.app.db().reader();
    let deciding = store::deciding(&home.tenant(), db, room).await.unwrap();
    let mut states = deciding.iter().filter(|placed| placed.kind == Kind::State);
    let last = states.next_back().unwrap();
    (
        last.event.event_type.clone(),
        last.event.content.clone().unwrap(),
    )
}

#[tokio::test]
async fn right_after_a_start_a_leave_is_recorded_only_once_somebody_has_answered() {
    let (home, peer, room, mut log) = shared().await;
    let wait = home.server.app.federation().host_wait();
    wait.begin(&home.tenant(), [room], START + 10_000);
    let leave = log.write(&peer, BOB, EventType::ROOM_LEAVE, json!({ "reason": null }));
    // The peer cannot be asked: nothing is known of what it holds of the host's log.
    let results = peer.deliver(&home, std::slice::from_ref(&leave)).await;
    assert_eq!(results[0]["error"]["code"], "SW_SERVICE_UNAVAILABLE");
    assert_eq!(results[0]["placed"], false);
    assert_eq!(home.membership(room, BOB).await.as_deref(), Some("join"));

    wait.heard(&home.tenant(), room);
    let results = peer.deliver(&home, &[leave]).await;
    assert_eq!(results[0]["status"], "accepted");
    let (of, content) = last_state(&home, room).await;
    assert_eq!(of, EventType::ROOM_MEMBER);
    assert_eq!(content["membership"], "leave");
}

#[tokio::test]
async fn a_redaction_that_comes_before_its_message_is_acknowledged_so_that_the_message_is_erased() {
    let home = Home::start().await;
    let room = home.room(json!({ "name": "Shared" })).await;
    let mut logs = Vec::new();
    for (name, person, seed) in [("b.example", "bob", 2), ("c.example", "cem", 3)] {
        let peer = Peer::allowed(&home, name, seed).await;
        home.invite(room, &format!("@{person}:{name}")).await;
        let log = Log::of(&home, room).await;
        peer.join(&home, room, person, &log).await;
        logs.push((peer, log));
    }
    home.make_owner(room, BOB).await;
    let [(b, mut of_b), (c, mut of_c)] = logs.try_into().ok().unwrap();
    of_b.hear(&home).await;
    of_c.hear(&home).await;
    let body = json!({ "body": "to be taken back" });
    let message = of_c.write(&c, "@cem:c.example", EventType::ROOM_MESSAGE, body);
    let id = &message["event_id"];
    let redaction = json!({ "event_id": id, "reason": null });
    let redaction = of_b.write(&b, BOB, EventType::ROOM_REDACTION, redaction);

    let results = b.deliver(&home, &[redaction]).await;
    assert_eq!(results[0]["status"], "accepted");
    let (of, content) = last_state(&home, room).await;
    assert_eq!(of, EventType::ROOM_SEEN);
    assert_eq!(content["seen"]["b.example"], json!(of_b.head()));
    c.deliver(&home, std::slice::from_ref(&message)).await;
    let id = id.as_str().unwrap().parse().unwrap();
    let db = home.server.app.db().reader();
    let stored = store::by_id(&home.tenant(), db, id).await.unwrap();
    assert_eq!(stored.unwrap().event.content, None);
}

#[tokio::test]
async fn a_person_follows_the_last_owner_before_an_ai_that_came_first() {
    let (home, peer, room, log) = shared().await;
    home.act(room, kick(BOB)).await;
    let (bot, cem) = ("@bot:b.example", "@cem:b.example");
    for (kind, person) in [
        (participants::Kind::Model, bot),
        (participants::Kind::Human, cem),
    ] {
        home.invite(room, person).await;
        let profile = profile_of(kind, &peer, person, person, START);
        let content = json!({ "profile": profile, "key": peer.public(), "after": log.head() });
        let local = person.trim_start_matches('@').split(':').next().unwrap();
        let asked = Asked::new(local, "join", content);
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status, 200, "{body}");
        home.server.clock.advance(1_000);
    }

    let path = format!("/v1/rooms/{room}/leave");
    home.ask(Method::POST, &path, json!({})).await;
    let (of, content) = last_state(&home, room).await;
    assert_eq!(of, EventType::ROOM_MEMBER);
    assert_eq!(content["participant"], cem);
    assert_eq!(content["power_level"], 100);
}

fn kick(person: &str) -> Command {
    Command::Kick {
        target: Some(person.parse().unwrap()),
        reason: None,
    }
}
