//! Pages of a history in which much is not shown, while it changes.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::super::{BOB, Home, Log, Peer};
use super::batches::unhashable;
use super::{append, is_sound, message, outcomes};
use crate::app::test_server::PASSWORD;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;

/// As alice's client reads and writes, signed in once.
struct Client<'a> {
    home: &'a Home,
    room: RoomId,
    token: String,
}

impl Client<'_> {
    async fn page(&self, query: &str) -> (StatusCode, Value) {
        let path = format!("/v1/rooms/{}/messages?{query}", self.room);
        let answer = self
            .home
            .server
            .ask(Method::GET, &path, Some(&self.token), json!({}));
        let answer = answer.await;
        (answer.status, answer.body)
    }

    async fn post(&self, rest: &str, body: Value) -> Value {
        let path = format!("/v1/rooms/{}{rest}", self.room);
        let answer = self
            .home
            .server
            .ask(Method::POST, &path, Some(&self.token), body);
        let answer = answer.await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["data"].clone()
    }

    /// All pages of one direction, with something written, edited and redacted between any two.
    async fn walk(&self, direction: &str, limit: usize) -> Vec<(i64, Value)> {
        let (mut rows, mut from) = (Vec::new(), String::new());
        for turn in 0.. {
            let query = format!("direction={direction}&limit={limit}{from}");
            let (status, page) = self.page(&query).await;
            assert_eq!(status, StatusCode::OK, "{page}");
            let events = page["data"].as_array().unwrap();
            assert!(events.len() <= limit);
            rows.extend(events.iter().map(|event| {
                let position = event["stream_position"].as_i64().unwrap();
                (position, event["id"].clone())
            }));
            if page["meta"]["has_more"] == false {
                break;
            }
            from = format!("&from={}", page["meta"]["next_cursor"].as_str().unwrap());
            // Forward, the end must be reached at some time.
            if turn < 20 {
                self.changes(turn).await;
            }
        }
        rows
    }

    async fn changes(&self, turn: usize) {
        let content = |body: &str| json!({ "content": { "body": body } });
        let said = self.post("/send", content(&format!("turn {turn}"))).await;
        let event = format!("/events/{}", said["id"].as_str().unwrap());
        self.post(&format!("{event}/edit"), content("edited")).await;
        if turn.is_multiple_of(2) {
            self.post(&format!("{event}/redact"), json!({})).await;
        }
    }
}

/// Bob's messages: 440, then 60 that are never shown, then 500, of which 60 are redacted afterwards. Those that stay.
async fn talk(home: &Home, peer: &Peer, log: &mut Log) -> Vec<Value> {
    let mut shown = Vec::new();
    let mut events = Vec::new();
    for number in 0..1_000 {
        if (440..500).contains(&number) {
            events.push(unhashable(log, peer));
            continue;
        }
        let draft = message(log, peer, BOB, &format!("number {number}"));
        let event = append(log, draft, &peer.key);
        shown.push(event["event_id"].clone());
        events.push(event);
    }
    for event in &shown[700..760] {
        let content = json!({ "event_id": event, "reason": null });
        let draft = log.draft(peer, BOB, EventType::ROOM_REDACTION, content);
        events.push(append(log, draft, &peer.key));
    }
    let outcomes = outcomes(home, peer, &events).await;
    let refused = outcomes.iter().filter(|outcome| *outcome != "accepted");
    assert_eq!(refused.count(), 60);
    shown
}

/// Case C-03: each position once, to the true end, whatever is void on the way.
#[tokio::test]
async fn pages_tile_over_voids_while_others_write_edit_and_redact() {
    let home = Home::with(&[
        ("SCAIWAVE_RATE_READS", "0"),
        ("SCAIWAVE_RATE_PEER_EVENTS", "0"),
    ])
    .await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (room, mut log) = home.shared_with(&peer).await;
    let shown = talk(&home, &peer, &mut log).await;
    let token = home.server.sign_in("alice", PASSWORD).await;
    let client = Client {
        home: &home,
        room,
        token: token.data("access_token"),
    };

    for (direction, limit) in [("back", 50), ("forward", 7)] {
        let rows = client.walk(direction, limit).await;
        let positions: Vec<i64> = rows.iter().map(|(position, _)| *position).collect();
        let is_tiled = match direction {
            "back" => positions.is_sorted_by(|one, next| one > next),
            _ => positions.is_sorted_by(|one, next| one < next),
        };
        assert!(is_tiled, "{direction}: {positions:?}");
        let ids: BTreeSet<String> = rows.iter().map(|(_, id)| id.to_string()).collect();
        let missing = shown.iter().filter(|id| !ids.contains(&id.to_string()));
        assert_eq!(missing.count(), 0, "{direction}");
    }

    let (status, page) = client.page("limit=201").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(page["data"].as_array().unwrap().len(), 200);
    for wrong in ["limit=0", "limit=-1", "from=abc"] {
        let (status, body) = client.page(wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(body["error"]["code"], "SW_VALIDATION_ERROR", "{wrong}");
    }
    is_sound(&home.server).await;
}
