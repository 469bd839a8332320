//! What becomes of delivered events: checks 6 to 8 of the federation design's table, code by code.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Asked, BOB, Home, Log, Peer, shared};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::sign::KeyPair;
use crate::events::model::Standing;
use crate::events::store;
use crate::federation::core::policy::PolicyChange;
use crate::federation::store::journal;
use crate::rooms::core::content::SettingsChange;
use crate::rooms::core::decide::Command;

/// The status, code and place that an event gets: `403 SW_NOT_MEMBER placed`, or `accepted`.
async fn outcome(home: &Home, peer: &Peer, event: Value) -> String {
    let result = peer.deliver(home, &[event]).await.remove(0);
    let status = result["status"].as_str().unwrap();
    if status != "rejected" {
        return status.to_owned();
    }
    let code = result["error"]["code"].as_str().unwrap();
    let placed = if result["placed"] == true {
        "placed"
    } else {
        "stalled"
    };
    format!("{code} {placed}")
}

fn message(body: &str) -> Value {
    json!({ "body": body })
}

#[tokio::test]
async fn state_from_a_member_server_that_is_not_the_host_is_forbidden_and_changes_nothing() {
    let (home, peer, room, mut log) = shared().await;
    let before = home
        .ask(Method::GET, &format!("/v1/rooms/{room}"), json!({}))
        .await;
    let ban = json!({
        "participant": "@alice:a.example", "membership": "ban", "power_level": 0, "seen": {}, "cutoff": {},
    });
    let name = json!({ "name": "Taken", "seen": {} });
    for (event_type, content) in [(EventType::ROOM_MEMBER, ban), (EventType::ROOM_NAME, name)] {
        let event = log.write(&peer, BOB, event_type, content);
        assert_eq!(
            outcome(&home, &peer, event).await,
            "SW_ROOM_FORBIDDEN placed"
        );
    }
    let after = home
        .ask(Method::GET, &format!("/v1/rooms/{room}"), json!({}))
        .await;
    assert_eq!(after["name"], before["name"]);
    let membership = home.membership(room, "@alice:a.example").await;
    assert_eq!(membership.as_deref(), Some("join"));

    // The log goes on: what follows is not held up.
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("hello"));
    assert_eq!(outcome(&home, &peer, event).await, "accepted");
}

#[tokio::test]
async fn what_names_another_state_than_the_hosts_waits_and_is_written_down() {
    let (home, peer, _, mut log) = shared().await;
    let (seq, hash) = log.state;
    log.state = (seq, Hash::of(b"another state"));
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("on what?"));
    assert_eq!(outcome(&home, &peer, event).await, "pending");
    log.state = (seq + 1, hash);
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("not yet"));
    assert_eq!(outcome(&home, &peer, event).await, "pending");

    let journal = journal::page(&home.tenant(), home.server.app.db(), None, 10)
        .await
        .unwrap();
    let [entry] = journal.as_slice() else {
        panic!("the one that contradicts, not the one that is early: {journal:?}");
    };
    assert_eq!(entry.origin.as_deref(), Some("b.example"));
    assert!(entry.message.contains("another hash"), "{entry:?}");
}

#[tokio::test]
async fn a_server_speaks_for_nobody_but_its_own_people() {
    let (home, peer, room, mut log) = shared().await;
    let said = home.say(room, "mine").await;
    for (event_type, content) in [
        (EventType::ROOM_MESSAGE, message("forged")),
        (
            EventType::ROOM_REDACTION,
            json!({ "event_id": said, "reason": null }),
        ),
        (EventType::ROOM_LEAVE, json!({})),
    ] {
        let event = log.write(&peer, "@alice:a.example", event_type, content);
        assert_eq!(
            outcome(&home, &peer, event).await,
            "SW_ROOM_FORBIDDEN placed"
        );
    }
    let path = format!("/v1/rooms/{room}/events/{said}");
    let event = home.ask(Method::GET, &path, json!({})).await;
    assert_eq!(event["content"]["body"], "mine");
}

#[tokio::test]
async fn what_the_room_does_not_allow_is_void_with_the_code_of_its_reason() {
    let (home, peer, room, mut log) = shared().await;
    let said = home.say(room, "alice's").await;
    let (edit, redaction, reaction) = (
        EventType::ROOM_MESSAGE_EDIT,
        EventType::ROOM_REDACTION,
        EventType::ROOM_REACTION,
    );
    let changed = json!({ "event_id": said, "content": { "body": "changed" } });
    for (sender, event_type, content, expected) in [
        (
            "@eve:b.example",
            EventType::ROOM_MESSAGE,
            message("hi"),
            "SW_NOT_MEMBER placed",
        ),
        (BOB, edit.clone(), changed, "SW_ROOM_FORBIDDEN placed"),
        (
            BOB,
            redaction.clone(),
            json!({ "event_id": said }),
            "SW_REDACT_FORBIDDEN placed",
        ),
        (
            BOB,
            edit.clone(),
            json!({ "event_id": said }),
            "SW_VALIDATION_ERROR placed",
        ),
        (
            BOB,
            reaction.clone(),
            json!({ "event_id": said, "emoji": "", "action": "add" }),
            "SW_VALIDATION_ERROR placed",
        ),
    ] {
        let event = log.write(&peer, sender, event_type, content);
        assert_eq!(outcome(&home, &peer, event).await, expected, "{sender}");
    }

    let own = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("own"));
    assert_eq!(outcome(&home, &peer, own.clone()).await, "accepted");
    let no_edits = SettingsChange {
        edit_window_seconds: Some(0),
        ..SettingsChange::default()
    };
    home.act(room, Command::ChangeSettings(no_edits)).await;
    log.hear(&home).await;
    let changed = json!({ "event_id": own["event_id"], "content": { "body": "late" } });
    let event = log.write(&peer, BOB, edit, changed);
    assert_eq!(
        outcome(&home, &peer, event).await,
        "SW_EVENT_TOO_OLD_TO_EDIT placed"
    );

    let raised = [(crate::rooms::core::levels::LevelKey::Send, 50)].into();
    home.act(room, Command::SetLevels(raised)).await;
    log.hear(&home).await;
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("too low"));
    assert_eq!(
        outcome(&home, &peer, event).await,
        "SW_ROOM_FORBIDDEN placed"
    );

    let kept_out = SettingsChange {
        denied_servers: Some(vec![peer.name.clone()]),
        ..SettingsChange::default()
    };
    home.act(room, Command::ChangeSettings(kept_out)).await;
    log.hear(&home).await;
    let event = log.write(
        &peer,
        BOB,
        reaction,
        json!({ "event_id": said, "emoji": "x", "action": "add" }),
    );
    assert_eq!(
        outcome(&home, &peer, event).await,
        "SW_ROOM_FORBIDDEN placed"
    );

    home.act(room, Command::Archive).await;
    log.hear(&home).await;
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("frozen"));
    assert_eq!(outcome(&home, &peer, event).await, "SW_ROOM_FROZEN placed");
    // What one said oneself can always be taken back.
    let event = log.write(
        &peer,
        BOB,
        redaction,
        json!({ "event_id": own["event_id"] }),
    );
    assert_eq!(outcome(&home, &peer, event).await, "accepted");
}

#[tokio::test]
async fn a_content_that_cannot_be_taken_voids_its_event_alone() {
    let (home, peer, _, mut log) = shared().await;
    let mut whole = Vec::new();
    for body in ["one", "two", "three"] {
        whole.push(log.write(&peer, BOB, EventType::ROOM_MESSAGE, message(body)));
    }
    whole[1]["content"]["n"] = json!(9_007_199_254_740_992_i64);
    let results = peer.deliver(&home, &whole).await;
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_str().unwrap())
        .collect();
    assert_eq!(statuses, ["accepted", "rejected", "accepted"]);
    assert_eq!(results[1]["error"]["code"], "SW_VALIDATION_ERROR");
    assert_eq!(results[1]["placed"], true);

    let mut large = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("large"));
    large["content"]["body"] = json!("x".repeat(80_000));
    assert_eq!(
        outcome(&home, &peer, large).await,
        "SW_CONTENT_TOO_LARGE placed"
    );
    let mut deep = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("deep"));
    deep["content"]["a"] = (0..64).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        outcome(&home, &peer, deep).await,
        "SW_VALIDATION_ERROR placed"
    );
    let event = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("after"));
    assert_eq!(outcome(&home, &peer, event).await, "accepted");
}

#[tokio::test]
async fn what_does_not_verify_stalls_with_a_signature_mismatch() {
    let (home, peer, _, mut log) = shared().await;
    let sent = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("one"));
    assert_eq!(outcome(&home, &peer, sent.clone()).await, "accepted");
    assert_eq!(outcome(&home, &peer, sent.clone()).await, "duplicate");

    let draft = log.draft(&peer, BOB, EventType::ROOM_MESSAGE, message("two"));
    let good = draft.clone().sign(&peer.key).unwrap().to_value();
    let mut other_id = good.clone();
    other_id["event_id"] = sent["event_id"].clone();
    let mut other_time = good.clone();
    other_time["ts"] = json!(START + 77);
    let other_key = draft
        .clone()
        .sign(&KeyPair::from_seed(&[9; 32]))
        .unwrap()
        .to_value();
    let mut fork = draft.clone();
    (fork.seq, fork.prev) = (1, None);
    let fork = fork.sign(&peer.key).unwrap().to_value();
    let mut back = draft.clone();
    back.ts = START - 1000;
    let back = back.sign(&peer.key).unwrap().to_value();
    let mut branch = draft.clone();
    branch.prev = Some(crate::events::core::hash::Hash::of(b"another"));
    let branch = branch.sign(&peer.key).unwrap().to_value();
    for event in [other_id, other_time, other_key, back, branch] {
        assert_eq!(
            outcome(&home, &peer, event).await,
            "SW_FED_SIGNATURE_MISMATCH stalled"
        );
    }
    let mut gap = draft.clone();
    gap.seq = 4;
    let gap = gap.sign(&peer.key).unwrap().to_value();
    assert_eq!(outcome(&home, &peer, gap).await, "pending");
    let mut ahead = draft;
    ahead.ts = START + 61_000;
    let ahead = ahead.sign(&peer.key).unwrap().to_value();
    assert_eq!(outcome(&home, &peer, ahead).await, "pending");
    assert_eq!(outcome(&home, &peer, good.clone()).await, "accepted");
    // The fork comes last: nothing more is taken from it on.
    assert_eq!(
        outcome(&home, &peer, fork).await,
        "SW_FED_SIGNATURE_MISMATCH stalled"
    );
    assert_eq!(outcome(&home, &peer, good).await, "duplicate");
}

#[tokio::test]
async fn an_event_of_an_origin_that_the_lists_refuse_is_refused_whoever_delivers_it() {
    let (home, peer, room, _) = shared().await;
    let stranger = Peer::allowed(&home, "d.example", 4).await;
    home.invite(room, "@dan:d.example").await;
    let mut log = Log::of(&home, room).await;
    stranger.join(&home, room, "dan", &log).await;
    log.hear(&home).await;
    home.policy(PolicyChange {
        denied_peers: Some(vec!["d.example".to_owned()]),
        ..PolicyChange::default()
    })
    .await;
    let event = log.write(
        &stranger,
        "@dan:d.example",
        EventType::ROOM_MESSAGE,
        message("hi"),
    );
    assert_eq!(
        outcome(&home, &peer, event).await,
        "SW_FED_PEER_UNKNOWN stalled"
    );
}

#[tokio::test]
async fn to_a_server_that_has_nobody_in_it_a_room_is_one_that_does_not_exist() {
    let (home, _, room, _) = shared().await;
    let outsider = Peer::allowed(&home, "c.example", 3).await;
    let nowhere: RoomId = "018f0000-0000-8000-8000-000000000001".parse().unwrap();
    let mut log = Log::of(&home, room).await;
    let ban = json!({
        "participant": "@alice:a.example", "membership": "ban", "power_level": 0, "seen": {}, "cutoff": {},
    });
    for (event_type, content) in [
        (EventType::ROOM_MESSAGE, message("hi")),
        (EventType::ROOM_MEMBER, ban),
        (EventType::ROOM_NAME, json!({ "name": "Taken", "seen": {} })),
    ] {
        let event = log.write(&outsider, "@cem:c.example", event_type, content);
        assert_eq!(
            outcome(&home, &outsider, event).await,
            "SW_ROOM_NOT_FOUND stalled"
        );
    }
    for path in [
        "heads",
        "state",
        "members",
        "backfill?origin=a.example&epoch=1&after_seq=0",
    ] {
        let mut answers = Vec::new();
        for room in [room, nowhere] {
            let (status, mut body) = outsider.get(&home, &format!("/rooms/{room}/{path}")).await;
            body["error"]["request_id"] = json!(null);
            answers.push((status, body));
        }
        assert_eq!(answers[0], answers[1], "{path}");
        assert_eq!(answers[0].0, StatusCode::NOT_FOUND);
        assert_eq!(answers[0].1["error"]["code"], "SW_ROOM_NOT_FOUND");
    }
    let key = outsider.public();
    for action in ["join", "kick"] {
        let content = json!({
            "participant": "@alice:a.example", "profile": null, "key": key,
            "after": { "epoch": 1, "seq": 0, "hash": null },
        });
        let asked = Asked::new("cem", action, content);
        let (_, body) = outsider.request(&home, room, &asked).await;
        assert_eq!(body["error"]["code"], "SW_ROOM_NOT_FOUND", "{action}");
    }
}

#[tokio::test]
async fn what_clients_may_send_at_most_does_not_bind_peers() {
    let home = Home::with(&[("SCAIWAVE_MAX_BODY", "1024")]).await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (_, mut log) = home.shared_with(&peer).await;
    let events: Vec<Value> = (0..4)
        .map(|_| {
            log.write(
                &peer,
                BOB,
                EventType::ROOM_MESSAGE,
                message(&"x".repeat(800)),
            )
        })
        .collect();
    let results = peer.deliver(&home, &events).await;
    assert!(results.iter().all(|result| result["status"] == "accepted"));
}

#[tokio::test]
async fn what_stands_behind_a_claim_of_state_that_is_not_there_yet_counts_once_the_host_has_got_so_far()
 {
    let (home, peer, room, mut log) = shared().await;
    let (seq, hash) = log.state;
    log.state = (seq + 1, Hash::of(b"made up"));
    let made_up = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("one"));
    log.state = (seq, hash);
    let honest = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message("two"));
    for event in [&made_up, &honest] {
        assert_eq!(outcome(&home, &peer, event.clone()).await, "pending");
    }
    home.act(room, Command::SetName("Renamed".to_owned())).await;
    for (event, standing) in [(made_up, Standing::Wait), (honest, Standing::Valid)] {
        let id = event["event_id"].as_str().unwrap().parse().unwrap();
        let on = home.server.app.db().reader();
        let found = store::by_id(&home.tenant(), on, id).await.unwrap();
        assert_eq!(found.unwrap().standing, standing);
    }
}

#[tokio::test]
async fn a_room_is_missing_to_a_server_whose_people_never_were_in_it() {
    let (home, _, room, _) = shared().await;
    let stranger = Peer::allowed(&home, "d.example", 4).await;
    let dan = "@dan:d.example";
    let tries = async || {
        let log = Log::of(&home, room).await;
        let draft = log.draft(&stranger, dan, EventType::ROOM_MESSAGE, message("hello"));
        let event = draft.sign(&stranger.key).unwrap().to_value();
        outcome(&home, &stranger, event).await
    };
    let missing = "SW_ROOM_NOT_FOUND stalled";
    assert_eq!(tries().await, missing, "nobody of it was ever heard of");
    let target = || Some(dan.parse().unwrap());
    let reason = None;
    home.act(
        room,
        Command::Ban {
            target: target(),
            reason,
        },
    )
    .await;
    assert_eq!(tries().await, missing, "banned before anybody came");
    home.act(room, Command::Unban { target: target() }).await;
    home.invite(room, dan).await;
    assert_eq!(tries().await, missing, "invited");
    let declines = Asked::new("dan", "decline", json!({}));
    let (status, body) = stranger.request(&home, room, &declines).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(tries().await, missing, "declined");
    home.invite(room, dan).await;
    stranger
        .join(&home, room, "dan", &Log::of(&home, room).await)
        .await;
    assert_eq!(tries().await, "accepted");
}
