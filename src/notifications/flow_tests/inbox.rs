//! The priority inbox, through the router.

use http::Method;
use serde_json::json;

use super::{Home, pairs};
use crate::app::test_server::Answer;

const PATH: &str = "/v1/inbox/priority";

async fn dismiss(home: &Home, id: &str) -> Answer {
    let path = format!("{PATH}/{id}");
    home.ask("bob", Method::DELETE, &path, json!({})).await
}

async fn in_dm(home: &Home, body: &str) {
    let path = format!("/v1/rooms/{}/send", home.dm);
    let body = json!({"content": {"body": body}});
    home.ask("alice", Method::POST, &path, body).await.ok();
}

#[tokio::test]
async fn what_asks_for_attention_is_listed_with_its_reason_newest_first() {
    let home = Home::build().await;
    let own = home.house.say("bob", "my opinion").await;
    home.house.say("alice", "nothing special").await;
    home.house.say("alice", "who knows?").await;
    home.send(json!({"body": "sure?", "reply_to_event_id": own}))
        .await;
    home.house.say("alice", "come #urgent").await;
    home.mention("hey #urgent?").await;
    in_dm(&home, "are you there?").await;
    in_dm(&home, "just saying").await;
    assert_eq!(
        home.inbox().await,
        pairs(&[
            ("question", "are you there?"),
            ("direct_mention", "hey #urgent?"),
            ("priority_tag", "come #urgent"),
            ("question", "sure?"),
        ])
    );
    let items = home.ask("bob", Method::GET, PATH, json!({})).await;
    let item = &items.body["data"][1];
    assert_eq!(item["room_id"], home.house.room);
    assert_eq!(item["room_name"], "House");
    assert_eq!(item["sender_id"], home.house.id_of("alice").await);
    assert_eq!(item["sender_name"], "alice");
    assert_eq!(item["created_at"], "2026-11-25T10:00:00.000Z");
    assert_eq!(items.body["data"][0]["room_name"], "alice");
    let of_alice = home.ask("alice", Method::GET, PATH, json!({})).await.ok();
    assert_eq!(of_alice, json!([]), "nobody is told of the own messages");
}

#[tokio::test]
async fn pages_tile() {
    let home = Home::build().await;
    for number in 0..5 {
        home.mention(&number.to_string()).await;
    }
    let page = async |query: &str| {
        let path = format!("{PATH}?limit=2{query}");
        home.ask("bob", Method::GET, &path, json!({})).await
    };
    let mut snippets = Vec::new();
    let mut from = String::new();
    loop {
        let answer = page(&from).await;
        let items = answer.ok();
        for item in items.as_array().unwrap() {
            snippets.push(item["snippet"].as_str().unwrap().to_owned());
        }
        let meta = &answer.body["meta"];
        if meta["has_more"] == false {
            break;
        }
        from = format!("&from={}", meta["next_cursor"].as_str().unwrap());
    }
    assert_eq!(snippets, ["4", "3", "2", "1", "0"]);
    assert_eq!(page("&from=x").await.code(), "SW_VALIDATION_ERROR");
}

#[tokio::test]
async fn an_item_goes_when_read_dismissed_redacted_or_old() {
    let home = Home::build().await;
    let read = home.mention("read").await;
    let dismissed = home.mention("dismissed").await;
    let redacted = home.mention("redacted").await;
    home.mention("stays").await;
    let marker = json!({ "event_id": read });
    home.house.put("bob", "read-marker", marker).await.ok();
    dismiss(&home, &dismissed).await.ok();
    let path = format!("events/{redacted}/redact");
    home.house.post("alice", &path, json!({})).await.ok();
    assert_eq!(home.inbox().await, pairs(&[("direct_mention", "stays")]));
    for gone in [&read, &dismissed, &redacted] {
        assert_eq!(dismiss(&home, gone).await.code(), "SW_NOT_FOUND");
    }
    assert_eq!(dismiss(&home, "x").await.code(), "SW_NOT_FOUND");
    let month = 30 * 24 * 3_600_000;
    home.house.server.clock.advance(month);
    assert_eq!(home.inbox().await.len(), 1);
    home.house.server.clock.advance(1);
    assert_eq!(home.inbox().await, []);
}

#[tokio::test]
async fn what_was_said_before_the_join_or_after_the_leave_is_no_item() {
    let home = Home::build().await;
    let dave = home.house.id_of("dave").await;
    let mention = json!({"body": "#urgent", "mentions": [dave]});
    home.send(mention.clone()).await;
    let of_dave = async || {
        let answer = home.ask("dave", Method::GET, PATH, json!({})).await;
        answer.ok().as_array().unwrap().len()
    };
    home.house.post("dave", "join", json!({})).await.ok();
    assert_eq!(of_dave().await, 0);
    home.send(mention).await;
    assert_eq!(of_dave().await, 1);
    home.house.post("dave", "leave", json!({})).await.ok();
    assert_eq!(of_dave().await, 0);
}

#[tokio::test]
async fn an_edit_changes_what_a_message_asks_for() {
    let home = Home::build().await;
    let id = home.house.say("alice", "#urgent").await;
    let content = json!({"content": {"body": "not so urgent"}});
    let path = format!("events/{id}/edit");
    home.house.post("alice", &path, content).await.ok();
    assert_eq!(home.inbox().await, []);
    let content = json!({"content": {"body": "#important"}});
    home.house.post("alice", &path, content).await.ok();
    assert_eq!(home.inbox().await, pairs(&[("priority_tag", "#important")]));
}
