//! Read markers and counts, through the router.

use serde_json::{Value, json};

use super::House;

async fn mark(house: &House, who: &str, id: &str) -> Value {
    house
        .put(who, "read-marker", json!({"event_id": id}))
        .await
        .ok()
}

#[tokio::test]
async fn markers_only_move_forward() {
    let house = House::build().await;
    let first = house.say("alice", "one").await;
    let bob = house.id_of("bob").await;
    let content = json!({"content": {"body": "@bob", "mentions": [bob]}});
    let second = house.post("alice", "send", content).await.data("id");
    assert_eq!(
        mark(&house, "bob", &first).await,
        json!({"last_read_event_id": first, "unread_count": 1, "mention_count": 1})
    );
    let read = json!({"last_read_event_id": second, "unread_count": 0, "mention_count": 0});
    assert_eq!(mark(&house, "bob", &second).await, read);
    assert_eq!(mark(&house, "bob", &first).await, read);
}

#[tokio::test]
async fn the_own_devices_hear_how_far_was_read_and_nobody_else_does() {
    let house = House::build().await;
    let first = house.say("alice", "one").await;
    house.say("alice", "two").await;
    let tenant = house.server.app.tenants().first().unwrap();
    let live = house.server.app.presence().live();
    let listen = async |who: &str| {
        let id = house.id_of(who).await.parse().unwrap();
        let listener = live.listen(&tenant, id);
        listener.set_rooms([house.room.parse().unwrap()].into());
        listener
    };
    let (own, others) = (listen("bob").await, listen("alice").await);
    mark(&house, "bob", &first).await;
    let frames = own.take();
    let frame: Value = serde_json::from_slice(frames.front().unwrap()).unwrap();
    assert_eq!(frame["type"], "swp.room.read_marker");
    assert_eq!(frame["room_id"], house.room);
    assert_eq!(frame["event_id"], first);
    assert_eq!(frame["unread_count"], 1);
    assert!(others.take().is_empty());
}

#[tokio::test]
async fn what_is_unread_is_what_others_said_and_did_not_take_back() {
    let house = House::build().await;
    let (bob, carol) = (house.id_of("bob").await, house.id_of("carol").await);
    let start = house.say("bob", "mine").await;
    let redacted = house.say("alice", "x").await;
    let edited = house.say("alice", "y").await;
    house.say("carol", "z").await;
    let mention = json!({"content": {"body": "@carol", "mentions": [carol, bob]}});
    let both = house.post("alice", "send", mention).await.data("id");
    house
        .post("alice", &format!("events/{redacted}/redact"), json!({}))
        .await
        .ok();
    let content = json!({"content": {"body": "@bob", "mentions": [bob]}});
    house
        .post("alice", &format!("events/{edited}/edit"), content)
        .await
        .ok();
    let counts = |unread: i64, mentions: i64| json!({"last_read_event_id": start, "unread_count": unread, "mention_count": mentions});
    assert_eq!(mark(&house, "bob", &start).await, counts(3, 2));
    house
        .post("alice", &format!("events/{both}/redact"), json!({}))
        .await
        .ok();
    assert_eq!(mark(&house, "bob", &start).await, counts(2, 1));
}

#[tokio::test]
async fn nobody_has_to_catch_up_with_what_was_said_before_the_own_join() {
    let house = House::build().await;
    let dave = house.id_of("dave").await;
    let mention = json!({"content": {"body": "@dave", "mentions": [dave]}});
    house.post("alice", "send", mention).await.ok();
    house.post("dave", "join", json!({})).await.ok();
    house.say("alice", "welcome").await;
    let room = house.get("dave", "state").await.ok();
    assert_eq!(
        (&room["unread_count"], &room["mention_count"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(room["last_read_event_id"], Value::Null);
}

#[tokio::test]
async fn markers_stand_on_events_that_the_person_sees() {
    let house = House::build().await;
    let id = house.say("alice", "x").await;
    let put = async |who: &str, event: &str| {
        house
            .put(who, "read-marker", json!({"event_id": event}))
            .await
    };
    assert_eq!(put("dave", &id).await.code(), "SW_NOT_MEMBER");
    let unknown = "018f0000-0000-7000-8000-000000000001";
    assert_eq!(put("bob", unknown).await.code(), "SW_EVENT_NOT_FOUND");
    assert_eq!(put("bob", "x").await.code(), "SW_VALIDATION_ERROR");
    // Reading goes on in an archived room.
    house.post("alice", "archive", json!({})).await.ok();
    put("bob", &id).await.ok();
}
