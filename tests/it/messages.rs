//! Messages: sent once, edited, redacted, reacted to, paged through; hostile input refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Person, on_both};

const UUID: &str = "8f0c2f0e-3c5b-4a53-9d0d-2f8f6c9e1a77";

fn event_path(room: &str, event: &Value, rest: &str) -> String {
    format!(
        "/v1/rooms/{room}/events/{}{rest}",
        event["id"].as_str().expect("an event id")
    )
}

#[tokio::test]
async fn what_one_says_the_others_read() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let content =
            json!({"msgtype": "swp.text", "body": "Grüße, 世界 👋", "x": {"free": [1, null, 2.5]}});
        let sent = alice.send(&room, &json!({"content": content})).await.data();
        assert_eq!(sent["event_type"], "swp.room.message");
        assert_eq!(sent["sender_id"], alice.id);
        assert_eq!(sent["content"], content);
        assert_eq!(sent["edited_at"], Value::Null);
        assert_eq!(sent["reactions"], json!([]));

        let read = bob.api.get(&event_path(&room, &sent, "")).await.data();
        assert_eq!(
            (&read["id"], &read["content"], &read["created_at"]),
            (&sent["id"], &content, &sent["created_at"])
        );
        assert_eq!(bob.bodies(&room).await, ["Grüße, 世界 👋"]);
    })
    .await;
}

#[tokio::test]
async fn a_repeated_event_uuid_sends_once() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let message = |body: &str| json!({"content": {"body": body}, "event_uuid": UUID});
        let (first_message, second_message) = (message("once"), message("twice"));
        let (first, second) = tokio::join!(
            alice.send(&room, &first_message),
            alice.send(&room, &second_message)
        );
        let (first, second) = (first.data(), second.data());
        assert_eq!(first["id"], second["id"]);
        assert_eq!(first["content"], second["content"]);
        assert_eq!(
            alice.send(&room, &message("thrice")).await.data()["id"],
            first["id"]
        );
        // The uuid is unique per sender and room.
        assert_ne!(
            bob.send(&room, &message("mine")).await.data()["id"],
            first["id"]
        );
        assert_eq!(alice.bodies(&room).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn an_edit_keeps_the_first_text_beside_the_last() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let sent = alice.says(&room, "frist").await;
        let edit = async |person: &Person, body: &str| {
            let content = json!({"content": {"msgtype": "swp.text", "body": body}});
            person
                .api
                .post(&event_path(&room, &sent, "/edit"), &content)
                .await
        };
        edit(&bob, "mine").await.refused(403, "SW_ROOM_FORBIDDEN");
        edit(&alice, "first").await.data();
        let edited = edit(&alice, "First!").await.data();
        assert_eq!(edited["id"], sent["id"]);
        assert_eq!(edited["content"]["body"], "First!");
        assert_eq!(edited["original_content"]["body"], "frist");
        assert!(edited["edited_at"].is_string());
        assert_eq!(
            bob.bodies(&room).await,
            ["First!"],
            "an edit is folded into its target"
        );

        let settings = format!("/v1/rooms/{room}/settings");
        alice
            .api
            .put(&settings, &json!({"edit_window_seconds": 0}))
            .await
            .data();
        edit(&alice, "too late")
            .await
            .refused(409, "SW_EVENT_TOO_OLD_TO_EDIT");
    })
    .await;
}

#[tokio::test]
async fn a_redaction_is_final() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let sent = bob.says(&room, "regret").await;
        let of_alice = alice.says(&room, "stays").await;
        bob.api
            .post(&event_path(&room, &of_alice, "/redact"), &json!({}))
            .await
            .refused(403, "SW_REDACT_FORBIDDEN");
        alice
            .api
            .post(
                &event_path(&room, &sent, "/reaction"),
                &json!({"emoji": "👍"}),
            )
            .await
            .data();
        let redacted = alice
            .api
            .post(
                &event_path(&room, &sent, "/redact"),
                &json!({"reason": "asked"}),
            )
            .await
            .data();
        assert_eq!(redacted["content"], json!({}));
        assert_eq!(redacted["reactions"], json!([]));
        assert_eq!(redacted["redacted_by"], alice.id);
        assert_eq!(redacted["redaction_reason"], "asked");
        assert_eq!(redacted["created_at"], sent["created_at"]);
        let again = alice
            .api
            .post(&event_path(&room, &sent, "/redact"), &json!({}))
            .await
            .data();
        assert_eq!(
            again["redacted_at"], redacted["redacted_at"],
            "redacting twice is harmless"
        );

        let edit = json!({"content": {"body": "back"}});
        bob.api
            .post(&event_path(&room, &sent, "/edit"), &edit)
            .await
            .refused(404, "SW_EVENT_NOT_FOUND");
        bob.api
            .post(
                &event_path(&room, &sent, "/reaction"),
                &json!({"emoji": "👍"}),
            )
            .await
            .refused(404, "SW_EVENT_NOT_FOUND");
        let all = serde_json::to_string(&bob.history(&room).await).unwrap();
        assert!(!all.contains("regret"));
    })
    .await;
}

#[tokio::test]
async fn reactions_count_each_person_once() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let sent = alice.says(&room, "Lunch?").await;
        let path = event_path(&room, &sent, "/reaction");
        for person in [&alice, &bob, &bob] {
            person.api.post(&path, &json!({"emoji": "🍕"})).await.data();
        }
        let reactions = bob.api.post(&path, &json!({"emoji": "🥗"})).await.data();
        let counts: BTreeSet<_> = reactions
            .as_array()
            .unwrap()
            .iter()
            .map(|reaction| {
                (
                    reaction["emoji"].to_string(),
                    reaction["count"].to_string(),
                    reaction["mine"].to_string(),
                )
            })
            .collect();
        let expected = [("\"🍕\"", "2", "true"), ("\"🥗\"", "1", "true")];
        assert_eq!(
            counts,
            expected
                .map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()))
                .into()
        );
        let left = bob
            .api
            .delete(&format!("{path}?emoji=%F0%9F%8D%95"))
            .await
            .data();
        assert_eq!(left.as_array().unwrap().len(), 2);
        assert_eq!(
            alice
                .api
                .get(&event_path(&room, &sent, "/reactions"))
                .await
                .data()
                .as_array()
                .unwrap()
                .len(),
            2
        );
        for wrong in ["", "line\nbreak", &"x".repeat(65)] {
            bob.api
                .post(&path, &json!({"emoji": wrong}))
                .await
                .refused(422, "SW_VALIDATION_ERROR");
        }
    })
    .await;
}

#[tokio::test]
async fn unread_messages_are_counted_from_the_marker() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let first = alice.says(&room, "one").await;
        alice.says(&room, "two").await;
        let mention = json!({"content": {"body": "@bob three", "mentions": [bob.id]}});
        let last = alice.send(&room, &mention).await.data();
        let marker = async |event: &Value| -> (i64, i64) {
            let path = format!("/v1/rooms/{room}/read-marker");
            let counts = bob
                .api
                .put(&path, &json!({"event_id": event["id"]}))
                .await
                .data();
            (
                counts["unread_count"].as_i64().unwrap(),
                counts["mention_count"].as_i64().unwrap(),
            )
        };
        assert_eq!(marker(&first).await, (2, 1));
        assert_eq!(marker(&last).await, (0, 0));
        assert_eq!(marker(&first).await, (0, 0), "a marker only moves forward");
    })
    .await;
}

#[tokio::test]
async fn pages_tile_in_both_directions() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let mut sent = Vec::new();
        for number in 0..60 {
            sent.push(alice.says(&room, &number.to_string()).await);
        }
        for event in &sent[20..40] {
            alice.api.post(&event_path(&room, event, "/redact"), &json!({})).await.data();
        }
        for (direction, limit) in [("back", 7), ("forward", 13)] {
            let mut seen = Vec::new();
            let mut from = String::new();
            loop {
                let path = format!("/v1/rooms/{room}/messages?direction={direction}&limit={limit}&types=swp.room.message{from}");
                let page = alice.api.get(&path).await.ok();
                let events = page["data"].as_array().unwrap();
                assert!(!events.is_empty() && events.len() <= limit);
                seen.extend(events.iter().map(|event| event["id"].clone()));
                if page["meta"]["has_more"] == false {
                    break;
                }
                from = format!("&from={}", page["meta"]["next_cursor"].as_str().unwrap());
                alice.says(&room, "meanwhile").await;
            }
            let expected: Vec<_> = sent.iter().map(|event| event["id"].clone()).collect();
            if direction == "back" {
                seen.reverse();
                let tail = seen.split_off(seen.len() - 60);
                assert_eq!(tail, expected);
            } else {
                seen.truncate(60);
                assert_eq!(seen, expected);
            }
        }
        let messages = format!("/v1/rooms/{room}/messages");
        for wrong in ["limit=0", "limit=-1", "limit=x", "from=abc", "direction=up"] {
            alice.api.get(&format!("{messages}?{wrong}")).await.refused(422, "SW_VALIDATION_ERROR");
        }
        let capped = alice.api.get(&format!("{messages}?limit=201")).await.ok();
        assert!(capped["data"].as_array().unwrap().len() <= 200);
    })
    .await;
}

#[tokio::test]
async fn content_that_has_no_canonical_form_is_refused() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let path = format!("/v1/rooms/{room}/send");
        let deep = format!("{}1{}", "[".repeat(70), "]".repeat(70));
        for content in [
            r#"{"body":"\uD83D"}"#,
            r#"{"body":"\uDE00\uD83D"}"#,
            r#"{"\uDC00":1}"#,
            r#"{"body":"a\u0000b"}"#,
            r#"{"body":"a","body":"b"}"#,
            r#"{"n":9007199254740992}"#,
            r#"{"n":1e400}"#,
            &format!(r#"{{"deep":{deep}}}"#),
            "7",
            "null",
            "[]",
        ] {
            let body = format!(r#"{{"content":{content}}}"#);
            alice
                .api
                .post_raw(&path, "application/json", body)
                .await
                .refused(422, "SW_VALIDATION_ERROR");
        }
        let mut raw = br#"{"content":{"body":"x"}}"#.to_vec();
        raw[20] = 0xff;
        alice
            .api
            .post_raw(&path, "application/json", raw)
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        alice
            .api
            .post_raw(&path, "application/json", "{")
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        alice
            .api
            .post_raw(&path, "text/plain", "{}")
            .await
            .refused(422, "SW_VALIDATION_ERROR");

        let names = r#"{"content":{"\uFB33":1,"\uD83D\uDE00":2}}"#;
        let sent = alice
            .api
            .post_raw(&path, "application/json", names)
            .await
            .data();
        assert_eq!(sent["content"], json!({"\u{fb33}": 1, "😀": 2}));
        assert_eq!(
            alice.bodies(&room).await.len(),
            1,
            "nothing that was refused is there"
        );
    })
    .await;
}

#[tokio::test]
async fn large_and_reserved_content_is_refused() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let message = |length: usize| json!({"content": {"body": "x".repeat(length)}});
        alice.send(&room, &message(65_000)).await.data();
        alice
            .send(&room, &message(65_536))
            .await
            .refused(413, "SW_CONTENT_TOO_LARGE");
        alice
            .send(&room, &message(1_100_000))
            .await
            .refused(413, "SW_CONTENT_TOO_LARGE");
        for content in [
            json!({"msgtype": "swp.system", "body": "x"}),
            json!({"body": "x", "_imported_sender": {}}),
        ] {
            let refused = alice
                .send(&room, &json!({"content": content}))
                .await
                .refused(422, "SW_VALIDATION_ERROR");
            assert_eq!(refused["details"]["fields"][0]["reason"], "reserved");
        }
        let malformed = json!({"content": {"body": "x"}, "event_uuid": "not a uuid"});
        alice
            .send(&room, &malformed)
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        let not_text = json!({"content": {"body": 7}});
        alice
            .send(&room, &not_text)
            .await
            .refused(422, "SW_VALIDATION_ERROR");
    })
    .await;
}

#[tokio::test]
async fn many_who_write_at_once_share_commits() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let commits = async || {
            let metrics = server.stranger().get("/metrics").await.text;
            let line = metrics
                .lines()
                .find_map(|line| line.strip_prefix("scaiwave_store_commit_seconds_count "))
                .expect("commits are counted");
            line.trim().parse::<f64>().expect("a number")
        };
        let before = commits().await;
        let sends = (0..200).map(async |number| alice.says(&room, &number.to_string()).await);
        futures::future::join_all(sends).await;
        let needed = commits().await - before;
        assert!(needed < 200.0, "{needed} commits for 200 messages");
    })
    .await;
}
