//! Pages of a history in which much is void or redacted, while it changes (case C-03).

use std::collections::BTreeSet;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use crate::support::{Person, execute, on_both};

const MESSAGES: usize = 1_000;
/// Neighbours that are never shown, and neighbours whose text was taken back.
const VOID: std::ops::Range<usize> = 440..500;
const REDACTED: std::ops::Range<usize> = 700..760;

/// All pages of one direction, with something written, edited and redacted between any two.
async fn walk(
    reader: &Person,
    writer: &Person,
    room: &str,
    direction: &str,
    limit: usize,
) -> Vec<Value> {
    let (mut rows, mut from) = (Vec::new(), String::new());
    for turn in 0.. {
        let path = format!("/v1/rooms/{room}/messages?direction={direction}&limit={limit}{from}");
        let page = reader.api.get(&path).await.ok();
        let events = page["data"].as_array().unwrap();
        assert!(events.len() <= limit);
        rows.extend(events.iter().cloned());
        if page["meta"]["has_more"] == false {
            break;
        }
        assert_eq!(events.len(), limit, "a page with more behind it is full");
        from = format!("&from={}", page["meta"]["next_cursor"].as_str().unwrap());
        // Forward, the end must be reached at some time.
        if turn < 20 {
            changes(writer, room, turn).await;
        }
    }
    rows
}

async fn changes(writer: &Person, room: &str, turn: usize) {
    let said = writer.says(room, &format!("turn {turn}")).await;
    let event = format!("/v1/rooms/{room}/events/{}", said["id"].as_str().unwrap());
    let edited = json!({"content": {"body": "edited"}});
    writer
        .api
        .post(&format!("{event}/edit"), &edited)
        .await
        .data();
    if turn.is_multiple_of(2) {
        writer
            .api
            .post(&format!("{event}/redact"), &json!({}))
            .await
            .data();
    }
}

#[tokio::test]
async fn pages_tile_over_what_is_void_while_others_write_edit_and_redact() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let said = stream::iter(0..MESSAGES).map(|number| {
            let (alice, room) = (&alice, &room);
            async move { alice.says(room, &format!("number {number}")).await }
        });
        said.buffer_unordered(16).count().await;
        let messages = alice.history(&room).await;
        let ids: Vec<String> = messages
            .iter()
            .filter(|event| event["event_type"] == "swp.room.message")
            .map(|event| event["id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(ids.len(), MESSAGES);
        for id in &ids[REDACTED] {
            let redact = format!("/v1/rooms/{room}/events/{id}/redact");
            alice.api.post(&redact, &json!({})).await.data();
        }
        server.stop().await;
        // As what another server could not sign for is kept: in its place, and never shown.
        let void: Vec<String> = ids[VOID].iter().map(|id| format!("'{id}'")).collect();
        let void = format!(
            "UPDATE events SET verdict = 'void', shown = 0, content = NULL WHERE event_id IN ({})",
            void.join(",")
        );
        execute(server.backend(), &server.database_url(), &void).await;
        server.launch();

        let shown = [&ids[..VOID.start], &ids[VOID.end..]].concat();
        for (direction, limit) in [("back", 50), ("forward", 7)] {
            let rows = walk(&bob, &alice, &room, direction, limit).await;
            let position = |row: &Value| row["stream_position"].as_i64().unwrap();
            let is_tiled = match direction {
                "back" => rows.is_sorted_by(|one, next| position(one) > position(next)),
                _ => rows.is_sorted_by(|one, next| position(one) < position(next)),
            };
            assert!(is_tiled, "{direction}: each position once");
            let found: BTreeSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
            assert!(
                shown.iter().all(|id| found.contains(id.as_str())),
                "{direction}"
            );
            assert!(ids[VOID].iter().all(|id| !found.contains(id.as_str())));
            let empty = rows
                .iter()
                .filter(|row| ids[REDACTED].iter().any(|id| row["id"] == *id));
            assert!(empty.clone().all(|row| row["content"] == json!({})));
            assert_eq!(empty.count(), REDACTED.len());
        }
        let path = |query: &str| format!("/v1/rooms/{room}/messages?{query}");
        let page = bob.api.get(&path("limit=201")).await.data();
        assert_eq!(page.as_array().unwrap().len(), 200);
        for wrong in ["limit=0", "limit=-1", "from=abc"] {
            let answer = bob.api.get(&path(wrong)).await;
            answer.refused(422, "SW_VALIDATION_ERROR");
        }
    })
    .await;
}
