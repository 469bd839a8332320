//! Sync: a cursor that never skips what commits late, and a poll that waits.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::support::{Person, Socket, on_both};

fn ids(events: &[Value]) -> Vec<Value> {
    events.iter().map(|event| event["id"].clone()).collect()
}

#[tokio::test]
async fn sync_hands_out_every_visible_event_once_and_in_order() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let sent = alice.says(&room, "hello").await;
        let (events, end) = bob.sync_from(0).await;
        let positions: Vec<_> = events
            .iter()
            .map(|event| event["stream_position"].as_i64().unwrap())
            .collect();
        assert!(positions.is_sorted_by(|a, b| a < b), "{positions:?}");
        assert!(positions.iter().all(|position| *position <= end));
        let message = events.last().unwrap();
        assert_eq!(
            (&message["id"], &message["content"]["body"]),
            (&sent["id"], &json!("hello"))
        );
        assert_eq!(
            (&message["room_id"], &message["event_type"]),
            (&json!(room), &json!("swp.room.message"))
        );
        assert!(message["origin_ts"].is_i64());

        let (events, _) = bob.sync_from(end).await;
        assert_eq!(events, Vec::<Value>::new());
        let (events, _) = carol.sync_from(0).await;
        assert!(
            events.iter().all(|event| event["room_id"] != json!(room)),
            "not a member: nothing of the room"
        );
    })
    .await;
}

#[tokio::test]
async fn a_poll_waits_for_the_next_event() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let end = bob.api.get("/v1/sync?since=latest").await.data()["next_cursor"]
            .as_i64()
            .unwrap();
        let poll = format!("/v1/sync?since={end}&timeout=30000");
        let began = Instant::now();
        let (page, sent) = tokio::join!(bob.api.get(&poll), alice.says(&room, "wake up"));
        assert_eq!(
            ids(page.data()["events"].as_array().unwrap()),
            [sent["id"].clone()]
        );
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "woken, not timed out"
        );

        let (_, end) = bob.sync_from(end).await;
        let empty = bob
            .api
            .get(&format!("/v1/sync?since={end}&timeout=200"))
            .await
            .data();
        assert_eq!(empty["events"], json!([]));
        for wrong in ["-1", "x", &(end + 1_000_000).to_string()] {
            bob.api
                .get(&format!("/v1/sync?since={wrong}&timeout=0"))
                .await
                .refused(422, "SW_VALIDATION_ERROR");
        }
    })
    .await;
}

#[tokio::test]
async fn invitations_arrive_without_the_room() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[]).await;
        alice.says(&room, "before bob").await;
        alice.invite(&room, &bob).await.data();
        let (events, end) = bob.sync_from(0).await;
        let of_room: Vec<_> = events
            .iter()
            .filter(|event| event["room_id"] == json!(room))
            .collect();
        assert_eq!(of_room.len(), 1, "{of_room:?}");
        assert_eq!(of_room[0]["event_type"], "swp.room.member");
        assert_eq!(of_room[0]["content"]["membership"], "invite");
        bob.join(&room).await.data();
        let (events, _) = bob.sync_from(end).await;
        assert!(
            events
                .iter()
                .all(|event| event["content"]["body"] != "before bob"),
            "joining replays nothing"
        );
        assert_eq!(bob.bodies(&room).await, ["before bob"], "history has it");
    })
    .await;
}

#[tokio::test]
async fn a_redacted_event_is_empty_in_sync_too() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let sent = alice.says(&room, "regret").await;
        let path = format!(
            "/v1/rooms/{room}/events/{}/redact",
            sent["id"].as_str().unwrap()
        );
        alice.api.post(&path, &json!({})).await.data();
        let (events, _) = bob.sync_from(0).await;
        let event = events
            .iter()
            .find(|event| event["id"] == sent["id"])
            .expect("the event keeps its place");
        assert_eq!(event["content"], json!({}));
        assert!(event["redacted_at"].is_string());
        let last = events.last().unwrap();
        assert_eq!(last["event_type"], "swp.room.redaction");
        assert_eq!(last["content"]["event_id"], sent["id"]);
    })
    .await;
}

/// Follows the cursor in small pages until `count` messages of the room have come.
async fn read_along(
    person: &Person,
    room: &str,
    since: i64,
    count: usize,
    timeout: u32,
) -> Vec<Value> {
    let mut since = since;
    let mut seen = Vec::new();
    let began = Instant::now();
    while seen.len() < count {
        assert!(
            began.elapsed() < Duration::from_secs(120),
            "{} of {count} after two minutes",
            seen.len()
        );
        let page = person
            .api
            .get(&format!("/v1/sync?since={since}&limit=7&timeout={timeout}"))
            .await
            .data();
        let events = page["events"].as_array().unwrap();
        since = page["next_cursor"].as_i64().unwrap();
        assert!(
            events
                .iter()
                .all(|event| event["stream_position"].as_i64().unwrap() <= since)
        );
        seen.extend(
            events
                .iter()
                .filter(|event| event["room_id"] == json!(room))
                .cloned(),
        );
    }
    seen
}

/// Case C-01: many writers at once, readers that know only their cursor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cursor_steps_over_an_event_that_commits_late() {
    const SENDERS: usize = 32;
    const EACH: usize = 20;
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let (_, start) = bob.sync_from(0).await;
        let writing = async {
            let senders = (0..SENDERS).map(async |sender| {
                let person = if sender % 2 == 0 { &alice } else { &bob };
                for number in 0..EACH {
                    person.says(&room, &format!("{sender}/{number}")).await;
                }
            });
            futures::future::join_all(senders).await;
        };
        let reading = futures::future::join_all((0..4).map(|reader| {
            let person = if reader % 2 == 0 { &alice } else { &bob };
            read_along(
                person,
                &room,
                start,
                SENDERS * EACH,
                if reader < 2 { 0 } else { 1000 },
            )
        }));
        let (_, readers) = tokio::join!(writing, reading);
        let first = ids(&readers[0]);
        assert_eq!(
            first
                .iter()
                .map(Value::to_string)
                .collect::<BTreeSet<_>>()
                .len(),
            SENDERS * EACH,
            "each once"
        );
        for seen in &readers {
            assert!(
                seen.is_sorted_by(
                    |a, b| a["stream_position"].as_i64() < b["stream_position"].as_i64()
                )
            );
            assert_eq!(ids(seen), first, "all readers see the same order");
        }
    })
    .await;
}

/// Case C-01, for a client that loses its connection all the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reconnects_a_thousand_times_sees_each_event_once() {
    const RECONNECTS: usize = 1_000;
    const SENDERS: usize = 2;
    on_both(async |server| {
        let seed: u64 = rand::random();
        eprintln!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let (_, start) = bob.sync_from(0).await;
        let is_over = AtomicBool::new(false);
        let senders = (0..SENDERS).map(async |sender| {
            let mut number = 0;
            while !is_over.load(Ordering::SeqCst) {
                alice.says(&room, &format!("{sender}/{number}")).await;
                number += 1;
            }
        });
        let reading = async {
            let (mut cursor, mut seen) = (start, Vec::new());
            for _ in 0..RECONNECTS {
                if rng.random_bool(0.2) {
                    let path = format!("/v1/sync?since={cursor}&limit=7&timeout=0");
                    let page = bob.api.get(&path).await.data();
                    seen.extend(page["events"].as_array().unwrap().iter().cloned());
                    cursor = page["next_cursor"].as_i64().unwrap();
                    continue;
                }
                let mut socket = Socket::open(&bob.api, Some(cursor)).await;
                // Not even the first frame, or a few of them.
                let mut left = rng.random_range(0..6);
                while left > 0 {
                    let frame = socket.next().await;
                    if let Some(position) = frame["stream_position"].as_i64() {
                        assert!(position > cursor, "{position} after {cursor}");
                        cursor = position;
                        seen.push(frame);
                        left -= 1;
                    }
                }
            }
            is_over.store(true, Ordering::SeqCst);
            (cursor, seen)
        };
        let (_, (cursor, mut seen)) = tokio::join!(futures::future::join_all(senders), reading);
        let (rest, _) = bob.sync_from(cursor).await;
        seen.extend(rest);
        let (all, _) = bob.sync_from(start).await;
        let positions = |events: &[Value]| -> Vec<Option<i64>> {
            let position = |event: &Value| event["stream_position"].as_i64();
            events.iter().map(position).collect()
        };
        assert_eq!(positions(&seen), positions(&all));
    })
    .await;
}
