//! Modes, mutes, quiet hours and edits, through the router.

use http::Method;
use serde_json::{Value, json};

use super::{Home, pairs};

async fn set_mode(home: &Home, mode: &str) {
    let body = json!({ "mode": mode });
    home.house.put("bob", "notification-mode", body).await.ok();
}

#[tokio::test]
async fn a_room_starts_on_mentions_and_a_dm_on_all() {
    let home = Home::build().await;
    home.house.say("alice", "plain").await;
    home.mention("look").await;
    home.house.say("bob", "my own").await;
    let path = format!("/v1/rooms/{}/send", home.dm);
    let body = json!({"content": {"body": "just us"}});
    home.ask("alice", Method::POST, &path, body).await.ok();
    assert_eq!(
        home.told().await,
        pairs(&[("direct_mention", "look"), ("message", "just us")])
    );
}

#[tokio::test]
async fn the_frame_says_what_is_needed_to_show_it() {
    let home = Home::build().await;
    let long = format!("first\n {}", "x".repeat(300));
    let id = home.mention(&long).await;
    let frames = home.frames().await;
    let is_notice = |frame: &&Value| frame["type"] == "swp.notification";
    let frame = frames.iter().find(is_notice).unwrap();
    assert_eq!(frame["event_id"], id);
    assert_eq!(frame["room_id"], home.house.room);
    assert_eq!(frame["reason"], "direct_mention");
    assert_eq!(frame["sender_id"], home.house.id_of("alice").await);
    assert_eq!(frame["sender_name"], "alice");
    assert_eq!(frame["silent"], false);
    let snippet = frame["snippet"].as_str().unwrap();
    assert!(snippet.starts_with("first x") && snippet.chars().count() == 200);
    assert!(frame["id"].is_string() && frame["ts"].is_string());
}

#[tokio::test]
async fn a_mode_decides_what_is_told_and_inherit_goes_by_the_own_default() {
    let home = Home::build().await;
    set_mode(&home, "all").await;
    home.house.say("alice", "one").await;
    home.house.say("alice", "two #urgent").await;
    assert_eq!(
        home.told().await,
        pairs(&[("message", "one"), ("priority_tag", "two #urgent")])
    );
    set_mode(&home, "none").await;
    home.house.say("alice", "three").await;
    home.mention("four").await;
    assert_eq!(home.told().await, []);
    set_mode(&home, "inherit").await;
    home.house.say("alice", "five").await;
    assert_eq!(home.told().await, pairs(&[("message", "five")]));
    home.prefer(json!({"default_mode": "mentions"})).await;
    home.house.say("alice", "six").await;
    home.mention("seven").await;
    assert_eq!(home.told().await, pairs(&[("direct_mention", "seven")]));
}

#[tokio::test]
async fn a_mute_silences_everything_and_ends_by_itself() {
    let home = Home::build().await;
    home.prefer(json!({"keyword_alerts": ["deploy"]})).await;
    set_mode(&home, "all").await;
    let mute = json!({"until": "2026-11-25T11:00:00Z"});
    home.house.put("bob", "mute", mute).await.ok();
    home.house.say("alice", "plain").await;
    home.mention("named").await;
    home.house.say("alice", "deploy").await;
    assert_eq!(home.told().await, []);
    // The inbox holds what came in muted rooms, too.
    let inbox = home.inbox().await;
    assert!(inbox.contains(&("direct_mention".to_owned(), "named".to_owned())));
    home.house.server.clock.advance(3_600_000);
    home.house.say("alice", "an hour later").await;
    assert_eq!(home.told().await, pairs(&[("message", "an hour later")]));
}

#[tokio::test]
async fn in_quiet_hours_frames_come_without_a_sound() {
    let home = Home::build().await;
    // It is 10:00 UTC: 11:00 in Amsterdam.
    home.prefer(json!({
        "timezone": "Europe/Amsterdam",
        "quiet_hours": {"enabled": true, "start": "10:30", "end": "11:30"},
    }))
    .await;
    home.mention("quiet").await;
    let frames = home.frames().await;
    let notice = frames.iter().find(|frame| frame["snippet"] == "quiet");
    assert_eq!(notice.unwrap()["silent"], true);
    home.house.server.clock.advance(30 * 60_000);
    home.mention("loud").await;
    let frames = home.frames().await;
    let notice = frames.iter().find(|frame| frame["snippet"] == "loud");
    assert_eq!(notice.unwrap()["silent"], false);
}

#[tokio::test]
async fn push_turns_notifications_on_and_off() {
    let home = Home::build().await;
    home.prefer(json!({"push": false})).await;
    home.mention("unheard").await;
    home.settle().await;
    home.prefer(json!({"push": true})).await;
    home.mention("heard").await;
    assert_eq!(home.told().await, pairs(&[("direct_mention", "heard")]));
}

#[tokio::test]
async fn an_edit_tells_only_those_whom_it_names_for_the_first_time() {
    let home = Home::build().await;
    let carol = home.house.id_of("carol").await;
    set_mode(&home, "all").await;
    let content = json!({"body": "for carol", "mentions": [carol]});
    let id = home.send(content).await;
    let edit = async |body: &str, mentions: Value| {
        let content = json!({"content": {"body": body, "mentions": mentions}});
        let path = format!("events/{id}/edit");
        home.house.post("alice", &path, content).await.ok();
    };
    edit("for carol!", json!([carol])).await;
    edit("for both", json!([carol, home.bob])).await;
    edit("for both!", json!([carol, home.bob])).await;
    assert_eq!(
        home.told().await,
        pairs(&[("message", "for carol"), ("direct_mention", "for both")])
    );
}

#[tokio::test]
async fn an_invitation_is_told_and_who_is_not_in_a_room_hears_nothing_of_it() {
    let home = Home::build().await;
    let room = json!({"name": "Garden"});
    let room = home.ask("alice", Method::POST, "/v1/rooms", room).await;
    let room = room.data("id");
    let path = format!("/v1/rooms/{room}/invite");
    let whom = json!({"participant_id": home.bob});
    home.ask("alice", Method::POST, &path, whom).await.ok();
    let path = format!("/v1/rooms/{room}/send");
    let content = json!({"content": {"body": "@bob", "mentions": [home.bob]}});
    home.ask("alice", Method::POST, &path, content).await.ok();
    assert_eq!(home.told().await, pairs(&[("invite", "Garden")]));
}
