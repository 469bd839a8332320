//! Paging through what was said, through the router.

use http::StatusCode;
use serde_json::{Value, json};

use super::House;

fn bodies(events: &Value) -> Vec<String> {
    let events = events.as_array().unwrap();
    let body = |event: &Value| event["content"]["body"].as_str().unwrap_or("-").to_owned();
    events.iter().map(body).collect()
}

/// All pages one after another.
async fn walk(house: &House, who: &str, direction: &str, limit: usize, rest: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("messages?direction={direction}&limit={limit}{from}{rest}");
        let page = house.get(who, &path).await;
        let rows = page.ok();
        let meta = &page.body["meta"];
        events.extend(rows.as_array().unwrap().iter().cloned());
        let Some(cursor) = meta["next_cursor"].as_str() else {
            assert_eq!(meta["has_more"], false);
            return events;
        };
        assert_eq!(meta["has_more"], true);
        assert_eq!(rows.as_array().unwrap().len(), limit);
        from = format!("&from={cursor}");
    }
}

#[tokio::test]
async fn pages_tile_in_both_directions() {
    let house = House::build().await;
    let mut said = Vec::new();
    for number in 0..30 {
        said.push(house.say("bob", &number.to_string()).await);
    }
    for id in &said[10..20] {
        house
            .post("bob", &format!("events/{id}/redact"), json!({}))
            .await
            .ok();
    }
    house
        .post(
            "bob",
            &format!("events/{}/edit", said[3]),
            json!({"content": {"body": "3b"}}),
        )
        .await
        .ok();
    let positions = |events: &[Value]| -> Vec<i64> {
        events
            .iter()
            .map(|event| event["stream_position"].as_i64().unwrap())
            .collect()
    };
    let forward = walk(&house, "carol", "forward", 7, "").await;
    let mut back = walk(&house, "carol", "back", 5, "").await;
    back.reverse();
    assert_eq!(back, forward);
    assert!(positions(&forward).is_sorted_by(|a, b| a < b));
    let messages = walk(&house, "carol", "forward", 7, "&types=swp.room.message").await;
    assert_eq!(messages.len(), 30);
    let bodies = bodies(&Value::Array(messages));
    assert_eq!(bodies[3], "3b");
    assert!(bodies[10..20].iter().all(|body| body == "-"));
    // 30 messages, the room's creation, three joins.
    assert_eq!(forward.len(), 34);
}

#[tokio::test]
async fn bad_pages_are_refused() {
    let house = House::build().await;
    house.say("bob", "x").await;
    for bad in [
        "limit=0",
        "limit=-1",
        "limit=x",
        "from=abc",
        "from=-1",
        "direction=up",
        "types=hello",
    ] {
        let answer = house.get("bob", &format!("messages?{bad}")).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{bad}");
    }
    house.get("bob", "messages?limit=201").await.ok();
    assert_eq!(house.get("dave", "messages").await.code(), "SW_NOT_MEMBER");
}

#[tokio::test]
async fn membership_reads_as_a_system_message() {
    let house = House::build().await;
    house
        .post("bob", "leave", json!({"reason": "bye"}))
        .await
        .ok();
    let events = house
        .get("carol", "messages?types=swp.room.member&limit=1")
        .await
        .ok();
    let content = &events[0]["content"];
    assert_eq!(content["msgtype"], "swp.system");
    assert_eq!(content["body"], "@bob left");
    assert_eq!(content["reason"], "bye");
    assert_eq!(content["participant_id"], house.id_of("bob").await.as_str());
    assert!(content.get("seen").is_none());
}

#[tokio::test]
async fn who_left_reads_up_to_the_leave_and_as_it_was_then() {
    let house = House::build().await;
    let first = house.say("alice", "before").await;
    let other = house.say("alice", "draft").await;
    let edit = async |body: &str| {
        let content = json!({"content": {"body": body}});
        house
            .post("alice", &format!("events/{other}/edit"), content)
            .await
            .ok();
    };
    edit("seen").await;
    house.post("bob", "leave", json!({})).await.ok();
    edit("not seen").await;
    let late = house.say("alice", "after").await;
    let reply = json!({"content": {"body": "re", "reply_to_event_id": first}});
    house.post("carol", "send", reply).await.ok();
    let seen = house
        .get("bob", "messages?types=swp.room.message&direction=forward")
        .await
        .ok();
    assert_eq!(bodies(&seen), ["before", "seen"]);
    assert_eq!(seen[0]["thread"], Value::Null);
    assert_eq!(seen[1]["original_content"]["body"], "draft");
    let hidden = house.get("bob", &format!("events/{late}")).await;
    assert_eq!(hidden.code(), "SW_EVENT_NOT_FOUND");
    // What is redacted is gone for everybody.
    house
        .post("alice", &format!("events/{first}/redact"), json!({}))
        .await
        .ok();
    assert_eq!(house.event("bob", &first).await["content"], json!({}));
}

#[tokio::test]
async fn a_room_may_hide_what_was_said_before_the_own_join() {
    let house = House::build().await;
    let settings = json!({"history_visibility": "joined"});
    house.put("alice", "settings", settings).await.ok();
    let early = house.say("alice", "early").await;
    house.post("dave", "join", json!({})).await.ok();
    house.say("alice", "late").await;
    let path = "messages?types=swp.room.message";
    assert_eq!(bodies(&house.get("dave", path).await.ok()), ["late"]);
    let react = json!({"emoji": "👍"});
    let answer = house
        .post("dave", &format!("events/{early}/reaction"), react)
        .await;
    assert_eq!(answer.code(), "SW_EVENT_NOT_FOUND");
}

#[tokio::test]
async fn a_ban_ends_reading_and_a_declined_invitation_begins_none() {
    let house = House::build().await;
    house.say("alice", "x").await;
    let (bob, dave) = (house.id_of("bob").await, house.id_of("dave").await);
    house
        .post("alice", "ban", json!({"participant_id": bob}))
        .await
        .ok();
    assert_eq!(house.get("bob", "messages").await.code(), "SW_NOT_MEMBER");
    house
        .post("alice", "unban", json!({"participant_id": bob}))
        .await
        .ok();
    assert_eq!(house.get("bob", "messages").await.code(), "SW_NOT_MEMBER");
    house
        .post("alice", "invite", json!({"participant_id": dave}))
        .await
        .ok();
    assert_eq!(house.get("dave", "messages").await.code(), "SW_NOT_MEMBER");
    house.post("dave", "leave", json!({})).await.ok();
    assert_eq!(house.get("dave", "messages").await.code(), "SW_NOT_MEMBER");
}

#[tokio::test]
async fn a_message_counts_its_replies_at_any_depth() {
    let house = House::build().await;
    let reply = async |to: &str| {
        house.server.clock.advance(1000);
        let content = json!({"content": {"body": "re", "reply_to_event_id": to}});
        house.post("bob", "send", content).await.data("id")
    };
    let root = house.say("alice", "root").await;
    let one = reply(&root).await;
    let two = reply(&one).await;
    let three = reply(&root).await;
    let thread = |event: Value| event["thread"].clone();
    assert_eq!(
        thread(house.event("carol", &root).await),
        json!({"reply_count": 3, "last_reply_at": "2026-11-25T10:00:03.000Z"})
    );
    assert_eq!(thread(house.event("carol", &one).await)["reply_count"], 1);
    assert_eq!(thread(house.event("carol", &two).await), Value::Null);
    house
        .post("bob", &format!("events/{three}/redact"), json!({}))
        .await
        .ok();
    assert_eq!(thread(house.event("carol", &root).await)["reply_count"], 2);
}
