//! What people are told about: preferences, notifications, the priority inbox, snoozes; on both databases.

use std::time::Duration;

use scaiwave::clock::{Clock, iso};
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Socket, eventually, on_both};

const PREFERENCES: &str = "/v1/me/preferences";
const INBOX: &str = "/v1/inbox/priority";
const SNOOZES: &str = "/v1/me/snoozes";

fn in_ms(ms: i64) -> String {
    iso(Clock::system().now_ms() + ms)
}

async fn mention(sender: &Person, room: &str, person: &Person, body: &str) -> Value {
    let content = json!({"body": body, "mentions": [person.id]});
    sender
        .send(room, &json!({ "content": content }))
        .await
        .data()
}

async fn snooze(person: &Person, event: &Value, until: &str) -> Value {
    let path = format!("/v1/messages/{}/snooze", event["id"].as_str().unwrap());
    person
        .api
        .post(&path, &json!({ "until": until }))
        .await
        .data()
}

async fn rows(person: &Person, path: &str) -> Vec<Value> {
    person
        .api
        .get(path)
        .await
        .data()
        .as_array()
        .unwrap()
        .clone()
}

async fn mention_count(person: &Person, room: &str) -> i64 {
    person.room(room).await["mention_count"].as_i64().unwrap()
}

#[tokio::test]
async fn preferences_are_the_person_s_own_and_survive_a_restart() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let change = json!({"timezone": "Europe/Amsterdam", "default_mode": "none", "push": false});
        let set = alice.api.put(PREFERENCES, &change).await.data();
        let both = [json!({"locale": "nl"}), json!({"time_format": "12h"})];
        let (one, other) = tokio::join!(
            alice.api.put(PREFERENCES, &both[0]),
            alice.api.put(PREFERENCES, &both[1])
        );
        one.data();
        other.data();
        server.restart();
        let kept = alice.api.get(PREFERENCES).await.data();
        assert_eq!(kept["timezone"], set["timezone"]);
        assert_eq!(
            (&kept["locale"], &kept["time_format"]),
            (&json!("nl"), &json!("12h")),
            "neither of two changes at once is lost"
        );
        assert_eq!(bob.api.get(PREFERENCES).await.data()["push"], true);
    })
    .await;
}

#[tokio::test]
async fn keywords_count_in_mentions_and_inbox_also_after_a_restart() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let wants = |words: Value| json!({ "keyword_alerts": words });
        alice.says(&room, "Tulips, too early").await;
        bob.api
            .put(PREFERENCES, &wants(json!(["tulips", "new york"])))
            .await
            .data();
        alice.says(&room, "TULIPS!").await;
        alice.says(&room, "from New\n York").await;
        alice.says(&room, "no tulipsy thing").await;
        assert_eq!(mention_count(&bob, &room).await, 2);
        server.restart();
        let last = alice.says(&room, "more tulips").await;
        assert_eq!(mention_count(&bob, &room).await, 3);
        assert_eq!(mention_count(&alice, &room).await, 0);
        bob.api.put(PREFERENCES, &wants(json!([]))).await.data();
        alice.says(&room, "tulips, too late").await;
        let inbox = rows(&bob, INBOX).await;
        let snippets: Vec<&Value> = inbox.iter().map(|item| &item["snippet"]).collect();
        assert_eq!(snippets, ["more tulips", "from New York", "TULIPS!"]);
        assert!(inbox.iter().all(|item| item["reason"] == "keyword_alert"));
        let path = format!(
            "/v1/rooms/{room}/events/{}/edit",
            last["id"].as_str().unwrap()
        );
        let edit = json!({"content": {"body": "more roses"}});
        alice.api.post(&path, &edit).await.data();
        assert_eq!(mention_count(&bob, &room).await, 2);
    })
    .await;
}

#[tokio::test]
async fn the_inbox_holds_what_asks_for_attention_until_it_is_read_or_put_away() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let dm = alice
            .api
            .post("/v1/rooms/dm", &json!({"participant_id": bob.id}))
            .await
            .data();
        let own = bob.says(&room, "my opinion").await;
        let reply = json!({"content": {"body": "sure?", "reply_to_event_id": own["id"]}});
        alice.send(&room, &reply).await.data();
        alice.says(&room, "anybody?").await;
        alice.says(&room, "come #Urgent").await;
        let named = mention(&alice, &room, &bob, "you #urgent").await;
        alice.says(dm["id"].as_str().unwrap(), "there?").await;
        let reasons = async || {
            let items = rows(&bob, INBOX).await;
            let reasons = items
                .iter()
                .map(|item| item["reason"].as_str().unwrap().to_owned());
            reasons.collect::<Vec<_>>()
        };
        assert_eq!(
            reasons().await,
            ["question", "direct_mention", "priority_tag", "question"]
        );
        let mut pages = Vec::new();
        let mut path = format!("{INBOX}?limit=3");
        loop {
            let page = bob.api.get(&path).await.ok();
            pages.extend(page["data"].as_array().unwrap().clone());
            match page["meta"]["next_cursor"].as_str() {
                Some(cursor) => path = format!("{INBOX}?limit=3&from={cursor}"),
                None => break,
            }
        }
        assert_eq!(pages, rows(&bob, INBOX).await);
        let put_away = format!("{INBOX}/{}", named["id"].as_str().unwrap());
        bob.api.delete(&put_away).await.data();
        bob.api.delete(&put_away).await.refused(404, "SW_NOT_FOUND");
        assert_eq!(reasons().await, ["question", "priority_tag", "question"]);
        let marker = json!({"event_id": named["id"]});
        let path = format!("/v1/rooms/{room}/read-marker");
        bob.api.put(&path, &marker).await.data();
        assert_eq!(reasons().await, ["question"], "of the DM");
    })
    .await;
}

#[tokio::test]
async fn open_devices_are_told_by_mode_mute_and_membership() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let dm = alice
            .api
            .post("/v1/rooms/dm", &json!({"participant_id": bob.id}))
            .await
            .data();
        let dm = dm["id"].as_str().unwrap();
        let second = Person::sign_in(&server.stranger(), "bob", PASSWORD).await;
        let mut devices = [
            Socket::open(&bob.api, None).await,
            Socket::open(&second.api, None).await,
        ];
        let set = async |what: &str, body: Value| {
            let path = format!("/v1/rooms/{room}/{what}");
            bob.api.put(&path, &body).await.data();
        };
        // What the devices were told, up to a message in the DM.
        let mut told = async || {
            alice.says(dm, "the end").await;
            let mut of_devices = Vec::new();
            for device in &mut devices {
                let mut told = Vec::new();
                loop {
                    let frame = device.next_of("swp.notification").await;
                    assert_eq!(frame["sender_name"], "Alice");
                    if frame["room_id"] == dm {
                        break;
                    }
                    told.push((frame["reason"].clone(), frame["snippet"].clone()));
                }
                of_devices.push(told);
            }
            assert_eq!(of_devices[0], of_devices[1]);
            of_devices.remove(0)
        };
        alice.says(&room, "unheard").await;
        mention(&alice, &room, &bob, "by name").await;
        assert_eq!(told().await, [(json!("direct_mention"), json!("by name"))]);
        set("notification-mode", json!({"mode": "all"})).await;
        alice.says(&room, "all").await;
        assert_eq!(told().await, [(json!("message"), json!("all"))]);
        set("mute", json!({"until": "forever"})).await;
        mention(&alice, &room, &bob, "muted").await;
        assert_eq!(told().await, []);
        set("mute", json!({"until": null})).await;
        let leave = format!("/v1/rooms/{room}/leave");
        bob.api.post(&leave, &json!({})).await.data();
        mention(&alice, &room, &bob, "gone").await;
        assert_eq!(told().await, []);
    })
    .await;
}

#[tokio::test]
async fn a_snooze_survives_a_restart_and_is_told_once() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let (first, second) = (
            alice.says(&room, "first").await,
            alice.says(&room, "second").await,
        );
        let at = Clock::system().now_ms() + 1_500;
        snooze(&bob, &first, &iso(at)).await;
        let later = snooze(&bob, &second, &in_ms(3_600_000)).await;
        server.restart();
        eventually("the time comes", Duration::from_secs(20), async || {
            Clock::system().now_ms() > at + 300
        })
        .await;
        assert_eq!(rows(&bob, SNOOZES).await.len(), 2, "nobody has heard of it");
        let mut socket = Socket::open(&bob.api, None).await;
        let told = socket.next_of("swp.notification").await;
        assert_eq!(
            (&told["reason"], &told["event_id"]),
            (&json!("snooze"), &first["id"])
        );
        let rest = rows(&bob, SNOOZES).await;
        assert_eq!(rest.len(), 1);
        assert_eq!(rest[0]["task_id"], later["task_id"]);
        let mut other = Socket::open(&bob.api, None).await;
        snooze(&bob, &second, &in_ms(500)).await;
        let told = other.next_of("swp.notification").await;
        assert_eq!(
            told["event_id"], second["id"],
            "the first is not told again"
        );
        assert_eq!(rows(&bob, SNOOZES).await, Vec::<Value>::new());
    })
    .await;
}
