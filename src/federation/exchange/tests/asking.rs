//! What a peer's people ask of a room's host happens once, however often and however late it is asked again.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Asked, BOB, Home, Log, Peer, shared};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn events(home: &Home, peer: &Peer, room: RoomId, asked: &Asked<'_>) -> Value {
    let (status, body) = peer.request(home, room, asked).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body["events"].clone()
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_answer_even_after_days() {
    let (home, peer, room, _) = shared().await;
    let topic = |text: &str| Asked::new("bob", "topic", json!({ "topic": text }));
    let first = topic("first");
    let answer = events(&home, &peer, room, &first).await;
    assert_eq!(answer.as_array().unwrap().len(), 1);
    events(&home, &peer, room, &topic("second")).await;
    assert_eq!(events(&home, &peer, room, &first).await, answer);

    home.server.clock.advance(5 * DAY_MS);
    events(&home, &peer, room, &topic("third")).await;
    assert_eq!(events(&home, &peer, room, &first).await, answer);
    let room = home
        .ask(Method::GET, &format!("/v1/rooms/{room}"), json!({}))
        .await;
    assert_eq!(room["topic"], "third");
}

#[tokio::test]
async fn a_repeated_request_gets_all_events_of_the_first_time() {
    let (home, peer, room, _) = shared().await;
    let asked = |action, content| Asked::new("bob", action, content);
    home.make_owner(room, BOB).await;
    events(&home, &peer, room, &asked("archive", json!({}))).await;
    let mut log = Log::of(&home, room).await;
    log.hear(&home).await;
    let left = log.write(&peer, BOB, EventType::ROOM_LEAVE, json!({}));
    peer.deliver(&home, &[left]).await;
    let content = json!({ "profile": null, "key": peer.public(), "after": log.head() });
    let rejoin = asked("rejoin", content);
    let answer = events(&home, &peer, room, &rejoin).await;
    assert_eq!(answer.as_array().unwrap().len(), 2, "reopened and joined");
    assert_eq!(events(&home, &peer, room, &rejoin).await, answer);
}

#[tokio::test]
async fn a_request_that_changed_nothing_changes_nothing_later() {
    let (home, peer, room, _) = shared().await;
    let rename = Asked::new("bob", "topic", json!({ "topic": null }));
    assert_eq!(events(&home, &peer, room, &rename).await, json!([]));
    events(
        &home,
        &peer,
        room,
        &Asked::new("bob", "topic", json!({ "topic": "set" })),
    )
    .await;
    assert_eq!(events(&home, &peer, room, &rename).await, json!([]));
    let room = home
        .ask(Method::GET, &format!("/v1/rooms/{room}"), json!({}))
        .await;
    assert_eq!(room["topic"], "set");
}

#[tokio::test]
async fn what_waited_in_a_peer_s_queue_for_days_is_carried_out() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let room = home.room(json!({ "name": "Shared" })).await;
    home.invite(room, BOB).await;
    let declined = peer.document(&home, room, &Asked::new("bob", "decline", json!({})));
    home.server.clock.advance(3 * DAY_MS);
    let path = format!("/rooms/{room}/request");
    let (status, body) = peer
        .ask(&home, "POST", &path, declined.to_string().as_bytes())
        .await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(home.membership(room, BOB).await.as_deref(), Some("leave"));
}

#[tokio::test]
async fn a_document_from_the_future_is_refused() {
    let (home, peer, room, _) = shared().await;
    let mut ahead = Asked::new("bob", "topic", json!({ "topic": "ahead" }));
    ahead.later_ms = 130_000;
    let (status, body) = peer.request(&home, room, &ahead).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}

#[tokio::test]
async fn a_request_id_belongs_to_one_room() {
    let (home, peer, room, _) = shared().await;
    let asked = Asked::new("bob", "topic", json!({ "topic": "here" }));
    events(&home, &peer, room, &asked).await;
    let other = home.room(json!({ "name": "Other" })).await;
    home.invite(other, BOB).await;
    let (status, body) = peer.request(&home, other, &asked).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
}

#[tokio::test]
async fn a_host_takes_nothing_from_peers_that_its_own_clients_may_not_ask() {
    let (home, peer, room, _) = shared().await;
    home.make_owner(room, BOB).await;
    let many: Vec<String> = (0..1001)
        .map(|number| format!("s{number}.example"))
        .collect();
    let slugs: Vec<String> = (0..51).map(|number| format!("slug-{number}")).collect();
    for (action, content) in [
        ("name", json!({ "name": "x".repeat(201) })),
        ("name", json!({ "name": "two\nlines" })),
        ("name", json!({ "name": " " })),
        ("topic", json!({ "topic": "x".repeat(2001) })),
        ("topic", json!({})),
        (
            "kick",
            json!({ "participant": "@root:a.example", "reason": "x".repeat(501) }),
        ),
        ("settings", json!({ "edit_window_seconds": 2_592_001 })),
        (
            "settings",
            json!({ "avatar_url": "http://a.example/x.png" }),
        ),
        ("settings", json!({ "read_role_slugs": slugs })),
        ("settings", json!({ "denied_servers": many })),
    ] {
        let asked = Asked::new("bob", action, content);
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{action}: {body}");
        assert_eq!(body["error"]["code"], "SW_VALIDATION_ERROR", "{action}");
    }
    let topic = Asked::new("bob", "topic", json!({ "topic": null }));
    events(&home, &peer, room, &topic).await;
}

#[tokio::test]
async fn a_document_that_is_too_deep_for_an_event_is_refused() {
    let (home, peer, room, _) = shared().await;
    for (levels, expected) in [(63, 200), (64, 422)] {
        // The document and its content are two levels.
        let deep = (2..levels).fold(json!(1), |inner, _| json!({ "a": inner }));
        let content = json!({ "topic": format!("{levels} levels"), "more": deep });
        let asked = Asked::new("bob", "topic", content);
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status.as_u16(), expected, "{levels}: {body}");
        if expected == 422 {
            assert_eq!(body["error"]["code"], "SW_VALIDATION_ERROR");
        }
    }
}

#[tokio::test]
async fn a_profile_that_is_no_document_goes_into_no_event() {
    let (home, peer, room, log) = shared().await;
    home.make_owner(room, BOB).await;
    let after = json!({ "profile": "bob", "key": peer.public(), "after": log.head() });
    let invitation = json!({ "participant": "@bea:b.example", "profile": ["bea"] });
    for asked in [
        Asked::new("bob", "join", after),
        Asked::new("bob", "invite", invitation),
    ] {
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
        let field = &body["error"]["details"]["fields"][0]["path"];
        assert_eq!(field, "body.content.profile");
    }
}
