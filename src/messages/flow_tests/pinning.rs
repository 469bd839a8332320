//! Messages that are kept at hand, and threads, through the router.

use serde_json::{Value, json};

use super::House;

impl House {
    async fn pin(&self, who: &str, id: &str) -> crate::app::test_server::Answer {
        self.put(who, &format!("pins/{id}"), json!({})).await
    }

    async fn unpin(&self, who: &str, id: &str) -> crate::app::test_server::Answer {
        self.delete(who, &format!("pins/{id}"), json!({})).await
    }

    /// The ids on all pages of a list of events.
    async fn ids_of(&self, who: &str, path: &str) -> Vec<Value> {
        let mut ids = Vec::new();
        let mut from = String::new();
        loop {
            let page = self.get(who, &format!("{path}?limit=2{from}")).await;
            let rows = page.ok();
            ids.extend(
                rows.as_array()
                    .unwrap()
                    .iter()
                    .map(|event| event["id"].clone()),
            );
            match page.body["meta"]["next_cursor"].as_str() {
                Some(cursor) => from = format!("&from={cursor}"),
                None => return ids,
            }
        }
    }
}

/// A house in which everybody may pin.
async fn open_house() -> House {
    let house = House::build().await;
    house
        .put("alice", "power-levels", json!({"pin": 0}))
        .await
        .ok();
    house
}

#[tokio::test]
async fn pinned_messages_are_listed_the_newest_pin_first() {
    let house = open_house().await;
    let mut said = Vec::new();
    for body in ["one", "two", "three"] {
        said.push(house.say("bob", body).await);
    }
    for id in [&said[1], &said[2], &said[0]] {
        house.pin("carol", id).await.ok();
    }
    let newest_first = [&said[0], &said[2], &said[1]].map(|id| json!(id));
    assert_eq!(house.ids_of("bob", "pins").await, newest_first);
    let snapshot = house.get("bob", "state").await.ok();
    assert_eq!(snapshot["pinned_event_ids"], json!(newest_first));
    assert_eq!(house.event("bob", &said[0]).await["pinned"], true);

    // Once more changes nothing.
    house.pin("bob", &said[1]).await.ok();
    assert_eq!(house.ids_of("bob", "pins").await, newest_first);
    house.unpin("bob", &said[2]).await.ok();
    house.unpin("bob", &said[2]).await.ok();
    assert_eq!(
        house.ids_of("bob", "pins").await,
        [json!(said[0]), json!(said[1])]
    );
    assert_eq!(house.event("bob", &said[2]).await["pinned"], false);

    let history = house.get("bob", "messages?types=swp.room.pin").await.ok();
    let changes = history.as_array().unwrap();
    assert_eq!(changes.len(), 4, "what changed nothing is no event");
    assert_eq!(changes[0]["content"]["action"], "remove");
    assert_eq!(changes[0]["content"]["event_id"], json!(said[2]));
}

#[tokio::test]
async fn a_redacted_message_is_pinned_no_more_and_cannot_be() {
    let house = open_house().await;
    let id = house.say("bob", "x").await;
    house.pin("bob", &id).await.ok();
    house
        .post("bob", &format!("events/{id}/redact"), json!({}))
        .await
        .ok();
    assert_eq!(house.event("bob", &id).await["pinned"], false);
    assert!(house.ids_of("bob", "pins").await.is_empty());
    assert_eq!(house.pin("bob", &id).await.code(), "SW_EVENT_NOT_FOUND");
    assert_eq!(
        house.pin("bob", "nothing").await.code(),
        "SW_EVENT_NOT_FOUND"
    );
}

#[tokio::test]
async fn pinning_needs_the_level_and_an_open_room_that_has_no_hundred_pins() {
    let house = House::build().await;
    let first = house.say("bob", "x").await;
    assert_eq!(house.pin("bob", &first).await.code(), "SW_ROOM_FORBIDDEN");
    assert_eq!(house.pin("dave", &first).await.code(), "SW_NOT_MEMBER");
    for number in 0..100 {
        let id = house.say("alice", &format!("{number}")).await;
        house.pin("alice", &id).await.ok();
    }
    let full = house.pin("alice", &first).await;
    assert_eq!(full.code(), "SW_VALIDATION_ERROR");
    let newest = house.get("alice", "pins?limit=1").await.ok();
    let newest = newest[0]["id"].as_str().unwrap();
    house
        .post("alice", &format!("events/{newest}/redact"), json!({}))
        .await
        .ok();
    house.pin("alice", &first).await.ok();
    house.post("alice", "archive", json!({})).await.ok();
    assert_eq!(house.unpin("alice", &first).await.code(), "SW_ROOM_FROZEN");
}

#[tokio::test]
async fn a_thread_has_replies_of_any_depth_the_oldest_first() {
    let house = House::build().await;
    let root = house.say("alice", "root").await;
    let mut replies = Vec::new();
    let mut parent = root.clone();
    for (who, body) in [("bob", "a"), ("carol", "b"), ("alice", "c")] {
        let content = json!({"content": {"body": body, "reply_to_event_id": parent}});
        parent = house.post(who, "send", content).await.data("id");
        replies.push(json!(parent));
    }
    house.say("bob", "besides").await;
    let path = format!("events/{root}/thread");
    assert_eq!(house.ids_of("bob", &path).await, replies);
    let last = format!("events/{}/thread", replies[2].as_str().unwrap());
    assert!(house.ids_of("bob", &last).await.is_empty());
    let second = replies[1].as_str().unwrap();
    house
        .post("carol", &format!("events/{second}/redact"), json!({}))
        .await
        .ok();
    let left = house.ids_of("bob", &path).await;
    assert_eq!(
        left,
        [replies[0].clone()],
        "what answers a redacted one hangs on nothing"
    );
}
