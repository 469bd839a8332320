//! Snoozes, through the router; the test moves the clock and looks for what is due.

use http::Method;
use serde_json::{Value, json};

use super::{Home, pairs};
use crate::app::test_server::Answer;
use crate::notifications::snoozes::{fall_due, tell};

const LIST: &str = "/v1/me/snoozes";
/// An hour after the start.
const LATER: &str = "2026-11-25T11:00:00.000Z";
const HOUR_MS: i64 = 3_600_000;

async fn snooze(home: &Home, who: &str, id: &str, until: &str) -> Answer {
    let path = format!("/v1/messages/{id}/snooze");
    let body = json!({ "until": until });
    home.ask(who, Method::POST, &path, body).await
}

async fn list(home: &Home) -> Vec<Value> {
    let answer = home.ask("bob", Method::GET, LIST, json!({})).await;
    answer.ok().as_array().unwrap().clone()
}

/// Looks for what is due after `by_ms` more.
async fn pass(home: &Home, by_ms: i64) {
    let app = &home.house.server.app;
    home.house.server.clock.advance(by_ms);
    let tenant = app.tenants().first().unwrap();
    fall_due(app, &tenant).await.unwrap();
}

#[tokio::test]
async fn a_snoozed_message_is_told_again_once() {
    let home = Home::build().await;
    let id = home.house.say("alice", "think of it").await;
    let made = snooze(&home, "bob", &id, LATER).await.ok();
    assert_eq!(made["event_id"], id);
    assert_eq!(made["room_id"], home.house.room);
    assert_eq!(made["until"], LATER);
    let listed = list(&home).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["task_id"], made["task_id"]);
    assert_eq!(listed[0]["snippet"], "think of it");
    assert_eq!(listed[0]["created_at"], "2026-11-25T10:00:00.000Z");
    let state = home.house.get("bob", "state").await.ok();
    assert_eq!(state["snoozed_event_ids"], json!([id]));

    pass(&home, HOUR_MS - 1).await;
    assert_eq!(home.told().await, []);
    pass(&home, 1).await;
    pass(&home, HOUR_MS).await;
    assert_eq!(home.told().await, pairs(&[("snooze", "think of it")]));
    assert_eq!(list(&home).await, Vec::<Value>::new());
    let state = home.house.get("bob", "state").await.ok();
    assert_eq!(state["snoozed_event_ids"], json!([]));
}

#[tokio::test]
async fn what_is_due_waits_for_a_device_that_listens() {
    let home = Home::build().await;
    let id = home.house.say("alice", "x").await;
    snooze(&home, "bob", &id, LATER).await.ok();
    let app = home.house.server.app.clone();
    let tenant = app.tenants().first().unwrap();
    let bob = home.bob.parse().unwrap();
    let Home { house, device, .. } = home;
    drop(device);
    house.server.clock.advance(2 * HOUR_MS);
    fall_due(&app, &tenant).await.unwrap();
    let still = house.ask("bob", Method::GET, LIST, json!({})).await.ok();
    assert_eq!(
        still[0]["until"], LATER,
        "it can still be seen, and taken back"
    );
    let devices = [(); 2].map(|()| app.presence().live().listen(&tenant, bob));
    tell(&app, &tenant, bob).await.unwrap();
    tell(&app, &tenant, bob).await.unwrap();
    for device in devices {
        let frames: Vec<Value> = device
            .take()
            .iter()
            .map(|frame| serde_json::from_slice(frame).unwrap())
            .collect();
        let reasons: Vec<&Value> = frames
            .iter()
            .filter(|frame| frame["type"] == "swp.notification")
            .map(|frame| &frame["reason"])
            .collect();
        assert_eq!(reasons, ["snooze"]);
    }
}

#[tokio::test]
async fn snoozing_again_replaces_and_a_snooze_can_be_taken_back() {
    let home = Home::build().await;
    let id = home.house.say("alice", "x").await;
    let first = snooze(&home, "bob", &id, LATER).await.data("task_id");
    let until = "2026-11-26T08:00:00.000Z";
    let second = snooze(&home, "bob", &id, until).await.data("task_id");
    let listed = list(&home).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0]["until"], until);
    let take_back = async |who: &str, task: &str| {
        let path = format!("{LIST}/{task}");
        home.ask(who, Method::DELETE, &path, json!({})).await
    };
    assert_eq!(take_back("bob", &first).await.code(), "SW_NOT_FOUND");
    assert_eq!(take_back("carol", &second).await.code(), "SW_NOT_FOUND");
    assert_eq!(take_back("bob", "x").await.code(), "SW_NOT_FOUND");
    take_back("bob", &second).await.ok();
    assert_eq!(list(&home).await, Vec::<Value>::new());
    pass(&home, 48 * HOUR_MS).await;
    assert_eq!(home.told().await, []);
}

#[tokio::test]
async fn a_redaction_takes_snoozes_away_and_a_mute_does_not() {
    let home = Home::build().await;
    let gone = home.house.say("alice", "gone").await;
    let kept = home.house.say("alice", "kept").await;
    for id in [&gone, &kept] {
        snooze(&home, "bob", id, LATER).await.ok();
    }
    let path = format!("events/{gone}/redact");
    home.house.post("alice", &path, json!({})).await.ok();
    assert_eq!(list(&home).await.len(), 1);
    let mute = json!({"until": "forever"});
    home.house.put("bob", "mute", mute).await.ok();
    pass(&home, HOUR_MS).await;
    assert_eq!(home.told().await, pairs(&[("snooze", "kept")]));
}

#[tokio::test]
async fn refusals_come_with_their_codes() {
    let home = Home::build().await;
    let id = home.house.say("alice", "x").await;
    for until in [
        "soon",
        "2026-11-25T10:00:00Z",
        "2026-11-25T09:00:00Z",
        "2027-11-25T10:00:00.001Z",
    ] {
        let answer = snooze(&home, "bob", &id, until).await;
        let field = &answer.body["error"]["details"]["fields"][0];
        assert_eq!(field["path"], "body.until", "{until}");
    }
    snooze(&home, "bob", &id, "2027-11-25T11:00:00+01:00")
        .await
        .ok();
    let unknown = "018f0000-0000-7000-8000-000000000001";
    for (who, id) in [("bob", unknown), ("bob", "x"), ("dave", &id)] {
        let answer = snooze(&home, who, id, LATER).await;
        assert_eq!(answer.code(), "SW_EVENT_NOT_FOUND", "{who}");
    }
    home.house.post("bob", "leave", json!({})).await.ok();
    assert_eq!(
        list(&home).await,
        Vec::<Value>::new(),
        "not in the room any more"
    );
}

#[tokio::test]
async fn a_person_has_two_hundred_snoozes_and_pages_tile() {
    let home = Home::build().await;
    let mut ids = Vec::new();
    for number in 0..201 {
        ids.push(home.house.say("alice", &number.to_string()).await);
    }
    let (last, first) = ids.split_last().unwrap();
    for id in first {
        snooze(&home, "bob", id, LATER).await.ok();
    }
    let answer = snooze(&home, "bob", last, LATER).await;
    assert_eq!(answer.code(), "SW_VALIDATION_ERROR");
    snooze(&home, "bob", &first[0], "2026-11-25T12:00:00Z")
        .await
        .ok();
    let mut seen = Vec::new();
    let mut from = String::new();
    loop {
        let path = format!("{LIST}?limit=70{from}");
        let answer = home.ask("bob", Method::GET, &path, json!({})).await;
        for row in answer.ok().as_array().unwrap() {
            seen.push(row["event_id"].as_str().unwrap().to_owned());
        }
        let meta = &answer.body["meta"];
        if meta["has_more"] == false {
            break;
        }
        from = format!("&from={}", meta["next_cursor"].as_str().unwrap());
    }
    assert_eq!(seen.last(), Some(&first[0]), "the next to come first");
    seen.sort();
    let mut all = first.to_vec();
    all.sort();
    assert_eq!(seen, all);
}
