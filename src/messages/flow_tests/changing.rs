//! Editing and taking back, through the router.

use serde_json::{Value, json};

use super::House;

const DAY_MS: i64 = 24 * 3600 * 1000;

async fn edit(house: &House, who: &str, id: &str, body: &str) -> crate::app::test_server::Answer {
    let content = json!({"content": {"body": body}});
    house.post(who, &format!("events/{id}/edit"), content).await
}

#[tokio::test]
async fn an_edit_keeps_the_first_content() {
    let house = House::build().await;
    let id = house.say("bob", "one").await;
    house.server.clock.advance(5000);
    let edited = edit(&house, "bob", &id, "two").await.ok();
    assert_eq!(edited["content"], json!({"body": "two"}));
    assert_eq!(edited["original_content"], json!({"body": "one"}));
    assert_eq!(edited["edited_at"], "2026-11-25T10:00:05.000Z");
    edit(&house, "bob", &id, "three").await.ok();
    let read = house.event("carol", &id).await;
    assert_eq!(read["content"], json!({"body": "three"}));
    assert_eq!(read["original_content"], json!({"body": "one"}));
}

#[tokio::test]
async fn only_the_sender_edits_and_only_for_a_day() {
    let house = House::build().await;
    let id = house.say("bob", "one").await;
    assert_eq!(
        edit(&house, "alice", &id, "x").await.code(),
        "SW_ROOM_FORBIDDEN"
    );
    assert_eq!(edit(&house, "dave", &id, "x").await.code(), "SW_NOT_MEMBER");
    let unknown = "018f0000-0000-7000-8000-000000000001";
    assert_eq!(
        edit(&house, "bob", unknown, "x").await.code(),
        "SW_EVENT_NOT_FOUND"
    );
    assert_eq!(
        edit(&house, "bob", "x", "x").await.code(),
        "SW_EVENT_NOT_FOUND"
    );
    house.server.clock.advance(DAY_MS - 1);
    edit(&house, "bob", &id, "two").await.ok();
    house.server.clock.advance(1);
    assert_eq!(
        edit(&house, "bob", &id, "x").await.code(),
        "SW_EVENT_TOO_OLD_TO_EDIT"
    );
}

#[tokio::test]
async fn a_redaction_is_final_and_takes_everything_with_it() {
    let house = House::build().await;
    let bob = house.id_of("bob").await;
    let content = json!({"content": {"body": "@bob", "mentions": [bob]}});
    let id = house.post("carol", "send", content).await.data("id");
    edit(&house, "carol", &id, "two").await.ok();
    let react = json!({"emoji": "👍"});
    house
        .post("bob", &format!("events/{id}/reaction"), react.clone())
        .await
        .ok();
    let redact = format!("events/{id}/redact");
    assert_eq!(
        house.post("bob", &redact, json!({})).await.code(),
        "SW_REDACT_FORBIDDEN"
    );
    let redacted = house
        .post("alice", &redact, json!({"reason": "rude"}))
        .await
        .ok();
    assert_eq!(redacted["content"], json!({}));
    assert_eq!(redacted["original_content"], json!({}));
    assert_eq!(redacted["edited_at"], Value::Null);
    assert_eq!(redacted["redacted_at"], "2026-11-25T10:00:00.000Z");
    assert_eq!(redacted["redacted_by"], house.id_of("alice").await.as_str());
    assert_eq!(redacted["redaction_reason"], "rude");
    assert_eq!(redacted["reactions"], json!([]));
    assert_eq!(house.event("bob", &id).await, redacted);
    // Again it changes nothing, and nothing else can be done with it.
    let again = house
        .post("carol", &redact, json!({"reason": "mine"}))
        .await
        .ok();
    assert_eq!(again, redacted);
    assert_eq!(
        edit(&house, "carol", &id, "x").await.code(),
        "SW_EVENT_NOT_FOUND"
    );
    let answer = house
        .post("bob", &format!("events/{id}/reaction"), react)
        .await;
    assert_eq!(answer.code(), "SW_EVENT_NOT_FOUND");
    assert_eq!(
        stored(&house, "body").await,
        0,
        "text is still in the database"
    );
}

/// How many stored events and rows still hold `word` in their content.
async fn stored(house: &House, word: &str) -> i64 {
    let pattern = format!("%{word}%");
    let sql = "SELECT (SELECT COUNT(*) FROM events WHERE content LIKE $1)
             + (SELECT COUNT(*) FROM message_changes WHERE content LIKE $1)";
    sqlx::query_scalar(sql)
        .bind(pattern)
        .fetch_one(house.server.app.db().reader())
        .await
        .unwrap()
}

#[tokio::test]
async fn other_events_than_messages_cannot_be_redacted() {
    let house = House::build().await;
    let events = house
        .get("alice", "messages?types=swp.room.member")
        .await
        .ok();
    let id = events[0]["id"].as_str().unwrap();
    let answer = house
        .post("alice", &format!("events/{id}/redact"), json!({}))
        .await;
    assert_eq!(answer.code(), "SW_EVENT_NOT_FOUND");
    // Edits, redactions and reactions are part of their message.
    let message = house.say("bob", "x").await;
    edit(&house, "bob", &message, "y").await.ok();
    let events = house.get("bob", "messages?limit=1").await.ok();
    assert_eq!(events[0]["id"], message.as_str());
}
