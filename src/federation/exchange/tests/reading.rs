//! Who may read a room: members what history allows, who is gone up to its leave, others nothing.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Asked, BOB, Home, Log, Peer};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::rooms::core::decide::Command;

struct Room {
    home: Home,
    peer: Peer,
    id: RoomId,
    log: Log,
}

impl Room {
    /// A room of alice's where something was said before bob of `b.example` joined it, and something after.
    async fn with_bob() -> Room {
        let home = Home::start().await;
        let peer = Peer::allowed(&home, "b.example", 2).await;
        let id = home.room(json!({ "name": "Shared" })).await;
        home.say(id, "before the join").await;
        home.invite(id, BOB).await;
        let log = Log::of(&home, id).await;
        let mut room = Room {
            home,
            peer,
            id,
            log,
        };
        room.peer.join(&room.home, room.id, "bob", &room.log).await;
        room.log.hear(&room.home).await;
        room.home.say(room.id, "during the stay").await;
        room
    }

    /// Bob leaves by himself.
    async fn leave(&mut self) {
        let left = self
            .log
            .write(&self.peer, BOB, EventType::ROOM_LEAVE, json!({}));
        let results = self.peer.deliver(&self.home, &[left]).await;
        assert_eq!(results[0]["status"], "accepted");
    }

    async fn fetch(&self, path: &str) -> Value {
        let (status, body) = self
            .peer
            .get(&self.home, &format!("/rooms/{}/{path}", self.id))
            .await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    /// The host's log as the peer gets it.
    async fn log(&self) -> Vec<Value> {
        let page = self
            .fetch("backfill?origin=a.example&epoch=1&after_seq=0&limit=1000")
            .await;
        page["events"].as_array().unwrap().clone()
    }

    /// What the peer reads of what was said in it.
    async fn texts(&self) -> Vec<String> {
        let said = |event: &Value| event["content"]["body"].as_str().map(str::to_owned);
        self.log().await.iter().filter_map(said).collect()
    }

    async fn missing(&self, path: &str) {
        let (status, body) = self
            .peer
            .get(&self.home, &format!("/rooms/{}/{path}", self.id))
            .await;
        assert_eq!(
            (status, &body["error"]["code"]),
            (StatusCode::NOT_FOUND, &json!("SW_ROOM_NOT_FOUND"))
        );
    }
}

/// That the events follow each other without a gap, and verify.
fn chained(events: &[Value]) {
    for (index, event) in events.iter().enumerate() {
        let mut event = event.clone();
        // Why it has no content is no part of the event.
        for hint in ["redacted_by", "void", "withheld"] {
            event.as_object_mut().unwrap().remove(hint);
        }
        let event = crate::events::core::event::Event::from_value(event).unwrap();
        assert_eq!(event.seq, index as i64 + 1);
        assert_eq!(event.event_id, event.derived_id());
    }
}

#[tokio::test]
async fn a_member_server_reads_everything_where_history_is_shared() {
    let room = Room::with_bob().await;
    assert_eq!(room.texts().await, ["before the join", "during the stay"]);
    let log = room.log().await;
    chained(&log);
    let heads = room.fetch("heads").await;
    assert_eq!(
        heads["heads"]["a.example"]["seq"],
        log.last().unwrap()["seq"]
    );
    room.fetch("members").await;
}

#[tokio::test]
async fn where_history_begins_with_the_join_what_was_said_before_stands_there_without_content() {
    let room = Room::with_bob().await;
    let path = format!("/v1/rooms/{}/settings", room.id);
    room.home
        .ask(
            Method::PUT,
            &path,
            json!({ "history_visibility": "joined" }),
        )
        .await;
    assert_eq!(room.texts().await, ["during the stay"]);
    let log = room.log().await;
    chained(&log);
    let said = log
        .iter()
        .filter(|event| event["type"] == "swp.room.message");
    let salts: Vec<_> = said.map(|event| event.get("salt").is_some()).collect();
    assert_eq!(
        salts,
        [false, true],
        "no salt either: a short text could be guessed"
    );
    let before = log.iter().find(|event| event["type"] == "swp.room.message");
    assert_eq!(before.unwrap()["withheld"], true, "and it says why");
    let state = room.fetch("state").await;
    let state = state["state"].as_array().unwrap();
    assert!(
        state.iter().all(|event| event["content"].is_object()),
        "rights rest on all state"
    );
}

#[tokio::test]
async fn a_page_says_why_a_content_is_absent() {
    let mut room = Room::with_bob().await;
    let secret = room.home.say(room.id, "a secret").await;
    let path = format!("/v1/rooms/{}/events/{secret}/redact", room.id);
    room.home.ask(Method::POST, &path, json!({})).await;
    let malformed = json!({ "event_id": 5 });
    let void = room
        .log
        .write(&room.peer, BOB, EventType::ROOM_MESSAGE_EDIT, malformed);
    room.peer.deliver(&room.home, &[void]).await;

    let log = room.log().await;
    let redacted = log
        .iter()
        .find(|event| event["event_id"] == secret.to_string());
    let redaction = log
        .iter()
        .find(|event| event["type"] == "swp.room.redaction");
    assert_eq!(
        redacted.unwrap()["redacted_by"],
        redaction.unwrap()["event_id"]
    );
    let page = room
        .fetch("backfill?origin=b.example&epoch=1&after_seq=0&limit=9")
        .await;
    assert_eq!(page["events"][0]["void"], true);
    let whole = log.iter().filter(|event| event["content"].is_object());
    for event in whole {
        assert!(event.get("redacted_by").is_none() && event.get("void").is_none());
    }
}

#[tokio::test]
async fn after_its_last_member_left_a_server_reads_up_to_that_and_nothing_after() {
    let mut room = Room::with_bob().await;
    let own = room.log.write(
        &room.peer,
        BOB,
        EventType::ROOM_MESSAGE,
        json!({ "body": "own" }),
    );
    room.peer.deliver(&room.home, &[own]).await;
    room.leave().await;
    room.home.say(room.id, "after the leave").await;
    let path = format!("/v1/rooms/{}/name", room.id);
    room.home
        .ask(Method::PUT, &path, json!({ "name": "Renamed" }))
        .await;

    assert_eq!(room.texts().await, ["before the join", "during the stay"]);
    let log = room.log().await;
    chained(&log);
    let last = log.last().unwrap();
    assert_eq!(
        last["content"]["membership"], "leave",
        "the host's record of the leave"
    );
    let heads = room.fetch("heads").await;
    assert_eq!(heads["heads"]["a.example"]["seq"], last["seq"]);
    assert_eq!(heads["heads"]["b.example"]["seq"], 2);
    let state = room.fetch("state").await;
    assert_eq!(state["state"].as_array().unwrap().last(), Some(last));
    assert!(!state.to_string().contains("Renamed"));
    let own = room
        .fetch("backfill?origin=b.example&epoch=1&after_seq=0")
        .await;
    assert_eq!(
        own["events"].as_array().unwrap().len(),
        2,
        "its own log is its own"
    );
    room.missing("members").await;
}

#[tokio::test]
async fn a_kicked_server_reads_up_to_the_kick() {
    let room = Room::with_bob().await;
    let target = Some(BOB.parse().unwrap());
    room.home
        .act(
            room.id,
            Command::Kick {
                target,
                reason: None,
            },
        )
        .await;
    room.home.say(room.id, "after the kick").await;
    assert_eq!(room.texts().await, ["before the join", "during the stay"]);
    let log = room.log().await;
    assert_eq!(log.last().unwrap()["content"]["membership"], "leave");
    room.missing("members").await;
}

#[tokio::test]
async fn a_banned_server_reads_that_it_was_banned_and_nothing_else() {
    let room = Room::with_bob().await;
    let target = Some(BOB.parse().unwrap());
    room.home
        .act(
            room.id,
            Command::Ban {
                target,
                reason: None,
            },
        )
        .await;
    room.home.say(room.id, "after the ban").await;
    let log = room.log().await;
    assert_eq!(log.len(), 1);
    assert_eq!(log[0]["content"]["membership"], "ban");
    let heads = room.fetch("heads").await;
    assert_eq!(heads["heads"].as_object().unwrap().len(), 1);
    assert_eq!(heads["heads"]["a.example"]["seq"], log[0]["seq"]);
    let state = room.fetch("state").await;
    assert_eq!(state["state"], json!(log));
    assert_eq!(state["leaves"], json!({}));
    let seq = &log[0]["seq"];
    let rest = room
        .fetch(&format!(
            "backfill?origin=a.example&epoch=1&after_seq={seq}"
        ))
        .await;
    assert_eq!(rest, json!({ "events": [], "has_more": false }));
    room.missing("members").await;
}

#[tokio::test]
async fn a_ban_after_the_leave_ends_the_reading_of_what_was_before() {
    let mut room = Room::with_bob().await;
    room.leave().await;
    let target = Some(BOB.parse().unwrap());
    room.home
        .act(
            room.id,
            Command::Ban {
                target,
                reason: None,
            },
        )
        .await;
    let log = room.log().await;
    assert_eq!(
        (log.len(), &log[0]["content"]["membership"]),
        (1, &json!("ban"))
    );
}

#[tokio::test]
async fn who_comes_back_reads_on() {
    let mut room = Room::with_bob().await;
    room.leave().await;
    room.home.say(room.id, "in between").await;
    room.home.invite(room.id, BOB).await;
    room.peer.join(&room.home, room.id, "bob", &room.log).await;
    room.home.say(room.id, "back again").await;
    let texts = [
        "before the join",
        "during the stay",
        "in between",
        "back again",
    ];
    assert_eq!(room.texts().await, texts);
    room.fetch("members").await;
}

#[tokio::test]
async fn as_long_as_one_of_its_people_stays_a_server_reads_on() {
    let mut room = Room::with_bob().await;
    room.home.invite(room.id, "@bea:b.example").await;
    room.peer.join(&room.home, room.id, "bea", &room.log).await;
    room.log.hear(&room.home).await;
    room.leave().await;
    room.home.say(room.id, "bea is here").await;
    assert_eq!(room.texts().await.last().unwrap(), "bea is here");
}

#[tokio::test]
async fn an_invited_server_reads_nothing_before_its_person_joins() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let id = home.room(json!({ "name": "Shared" })).await;
    home.invite(id, BOB).await;
    let log = Log::of(&home, id).await;
    let room = Room {
        home,
        peer,
        id,
        log,
    };
    let paths = [
        "heads",
        "state",
        "members",
        "media/00000000-0000-4000-8000-000000000000",
        "backfill?origin=a.example&epoch=1&after_seq=0",
    ];
    for path in paths {
        room.missing(path).await;
    }
    // Nor does one that declined.
    let asked = Asked::new("bob", "decline", json!({}));
    let (status, _) = room.peer.request(&room.home, room.id, &asked).await;
    assert_eq!(status, StatusCode::OK);
    for path in paths {
        room.missing(path).await;
    }
}

#[tokio::test]
async fn a_profile_is_found_however_its_name_is_written_and_whatever_stands_in_the_query() {
    let room = Room::with_bob().await;
    for path in [
        "/profile/alice",
        "/profile/%40alice?x=a%2Fb",
        "/profile/@alice?",
    ] {
        let (status, body) = room.peer.get(&room.home, path).await;
        assert_eq!(status, StatusCode::OK, "{path}: {body}");
        assert_eq!(body["profile"]["fqid"], "@alice:a.example");
    }
    let (status, body) = room.peer.get(&room.home, "/profile/%40nobody.here").await;
    assert_eq!(
        (status, &body["error"]["code"]),
        (StatusCode::NOT_FOUND, &json!("SW_NOT_FOUND"))
    );
}

#[tokio::test]
async fn nothing_comes_after_the_last_place_that_can_be_named() {
    let room = Room::with_bob().await;
    for origin in ["a.example", "b.example"] {
        let last = i64::MAX;
        let page = room
            .fetch(&format!(
                "backfill?origin={origin}&epoch={last}&after_seq={last}"
            ))
            .await;
        assert_eq!(page, json!({ "events": [], "has_more": false }));
    }
    let state = room.fetch(&format!("state?after_seq={}", i64::MAX)).await;
    assert_eq!(state["state"], json!([]));
}

#[tokio::test]
async fn a_server_that_shares_nothing_learns_of_nobody_but_that_they_are_there() {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (status, body) = peer.get(&home, "/profile/alice").await;
    assert_eq!((status, &body["profile"]), (StatusCode::OK, &Value::Null));
    let (status, _) = peer.get(&home, "/profile/nobody.here").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let room = home.room(json!({ "name": "Shared" })).await;
    home.invite(room, BOB).await;
    let (_, body) = peer.get(&home, "/profile/alice").await;
    assert_eq!(body["profile"]["fqid"], "@alice:a.example");
}

#[tokio::test]
async fn the_state_goes_on_after_a_place() {
    let room = Room::with_bob().await;
    let whole = room.fetch("state").await;
    let all = whole["state"].as_array().unwrap();
    assert_eq!(
        (&whole["leaves"], &whole["has_more"]),
        (&json!({}), &Value::Null)
    );
    let seq = &all[0]["seq"];
    let rest = room.fetch(&format!("state?after_seq={seq}")).await;
    assert_eq!(rest["state"].as_array().unwrap()[..], all[1..]);
    assert_eq!(rest["heads"], whole["heads"]);
}
