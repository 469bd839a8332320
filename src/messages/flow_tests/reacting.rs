//! Emoji on messages, through the router.

use serde_json::{Value, json};

use super::House;

async fn react(house: &House, who: &str, id: &str, emoji: &str) -> crate::app::test_server::Answer {
    house
        .post(
            who,
            &format!("events/{id}/reaction"),
            json!({"emoji": emoji}),
        )
        .await
}

#[tokio::test]
async fn reactions_are_counted_by_kind_in_the_order_of_their_appearance() {
    let house = House::build().await;
    let id = house.say("alice", "x").await;
    let (bob, carol) = (house.id_of("bob").await, house.id_of("carol").await);
    react(&house, "bob", &id, "🎉").await.ok();
    house.server.clock.advance(1000);
    react(&house, "carol", &id, "👍").await.ok();
    house.server.clock.advance(1000);
    react(&house, "carol", &id, "🎉").await.ok();
    let counted = react(&house, "bob", &id, "🎉").await.ok();
    let expected = json!([
        {"emoji": "🎉", "count": 2, "mine": true, "participant_ids": [bob, carol]},
        {"emoji": "👍", "count": 1, "mine": false, "participant_ids": [carol]},
    ]);
    assert_eq!(counted, expected);
    assert_eq!(house.event("bob", &id).await["reactions"], expected);
    let path = format!("events/{id}/reaction?emoji=%F0%9F%8E%89");
    let left = house.delete("bob", &path, json!({})).await.ok();
    assert_eq!(left[0]["emoji"], "👍");
    assert_eq!(left[1]["participant_ids"], json!([carol]));
    // Absent is fine.
    let path = format!("events/{id}/reaction");
    let body = json!({"emoji": "🎉"});
    assert_eq!(house.delete("bob", &path, body).await.ok(), left);
}

#[tokio::test]
async fn the_list_of_reactions_has_pages() {
    let house = House::build().await;
    let id = house.say("alice", "x").await;
    for (who, emoji) in [
        ("bob", "a"),
        ("carol", "a"),
        ("bob", "b"),
        ("carol", "c"),
        ("bob", "d"),
    ] {
        react(&house, who, &id, emoji).await.ok();
        house.server.clock.advance(1000);
    }
    let mut seen = Vec::new();
    let mut from = String::new();
    loop {
        let page = house
            .get("alice", &format!("events/{id}/reactions?limit=2{from}"))
            .await;
        seen.extend(
            page.ok()
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["emoji"].clone()),
        );
        match page.body["meta"]["next_cursor"].as_str() {
            Some(cursor) => from = format!("&from={cursor}"),
            None => break,
        }
    }
    assert_eq!(Value::Array(seen), json!(["a", "a", "b", "c", "d"]));
    let bad = house
        .get("alice", &format!("events/{id}/reactions?from=1"))
        .await;
    assert_eq!(bad.code(), "SW_VALIDATION_ERROR");
}

#[tokio::test]
async fn a_message_takes_50_kinds_of_emoji() {
    let house = House::build().await;
    let id = house.say("alice", "x").await;
    for kind in 0..50 {
        react(&house, "bob", &id, &kind.to_string()).await.ok();
    }
    assert_eq!(
        react(&house, "bob", &id, "one more").await.code(),
        "SW_VALIDATION_ERROR"
    );
    let counted = react(&house, "carol", &id, "49").await.ok();
    assert_eq!(counted.as_array().unwrap().len(), 50);
    for bad in [
        json!({}),
        json!({"emoji": ""}),
        json!({"emoji": "a\nb"}),
        json!({"emoji": "x".repeat(65)}),
    ] {
        let answer = house
            .post("bob", &format!("events/{id}/reaction"), bad)
            .await;
        assert_eq!(answer.code(), "SW_VALIDATION_ERROR");
    }
}

#[tokio::test]
async fn twenty_people_are_listed_and_the_own_reaction_is_known_beyond_them() {
    let house = House::build().await;
    let id = house.say("alice", "x").await;
    for number in 0..21 {
        let name = format!("person{number}");
        house.server.create(&name, &[]).await;
        house.post(&name, "join", json!({})).await.ok();
        react(&house, &name, &id, "a").await.ok();
        house.server.clock.advance(1000);
    }
    let counted = react(&house, "bob", &id, "a").await.ok();
    assert_eq!(counted[0]["count"], 22);
    assert_eq!(counted[0]["mine"], true);
    let listed = counted[0]["participant_ids"].as_array().unwrap();
    assert_eq!(listed.len(), 20);
    assert_eq!(listed[0], house.id_of("person0").await.as_str());
}
