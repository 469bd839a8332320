//! What clients are shown of each type of event.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::*;
use crate::events::core::ids::EventId;
use crate::events::core::names::Fqid;
use crate::events::core::testing::{draft, key};
use crate::events::model::{Kind, Shown, Standing};

const HASH: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

fn target() -> EventId {
    "018f0000-0000-7000-8000-000000000001".parse().unwrap()
}

fn alice() -> Fqid {
    "@alice:a.example".parse().unwrap()
}

fn bob() -> Fqid {
    "@bob:b.example".parse().unwrap()
}

fn id(person: &Fqid) -> ParticipantId {
    ParticipantId::derive(person)
}

fn placed(event_type: EventType, sender: Option<Fqid>, content: Value) -> Placed {
    let mut draft = draft(content);
    draft.event_type = event_type;
    draft.sender = sender;
    let event = draft.sign(&key()).unwrap();
    Placed {
        position: 9,
        hash: event.hash(),
        event: Arc::new((*event).clone()),
        standing: Standing::Valid,
        shown: Shown::History,
        kind: Kind::Timeline,
        target: Some(target()),
    }
}

fn shown(placed: &Placed) -> Value {
    Value::Object(fields(placed, id(&bob()), &"a.example".parse().unwrap()))
}

fn said(placed: &Placed) -> Map<String, Value> {
    content(placed, id(&bob()), &"a.example".parse().unwrap())
}

fn body(event_type: EventType, sender: Option<Fqid>, raw: Value) -> String {
    let content = said(&placed(event_type, sender, raw));
    assert_eq!(content["msgtype"], "swp.system");
    content["body"].as_str().unwrap().to_owned()
}

#[test]
fn a_message_is_shown_as_its_client_wrote_it() {
    let raw = json!({"body": "hi", "anything": [1, {"x": null}]});
    let message = placed(EventType::ROOM_MESSAGE, Some(alice()), raw.clone());
    assert_eq!(shown(&message), raw);
    assert_eq!(Value::Object(said(&message)), raw);
    assert_eq!(sender_id(&message, id(&bob())), id(&alice()));
}

#[test]
fn what_another_server_puts_beside_the_fields_is_not_shown() {
    let raw = json!({
        "event_id": target(), "content": {"body": "new"}, "edited_at": "forged", "sender_id": "forged",
    });
    let edit = placed(EventType::ROOM_MESSAGE_EDIT, Some(alice()), raw);
    assert_eq!(
        shown(&edit),
        json!({"event_id": target(), "content": {"body": "new"}, "edited_at": "2026-05-28T20:26:40.123Z"})
    );
    let raw = json!({"event_id": target(), "emoji": "👍", "action": "add", "type": "forged"});
    let reaction = placed(EventType::ROOM_REACTION, Some(alice()), raw);
    assert_eq!(
        shown(&reaction),
        json!({"event_id": target(), "emoji": "👍", "action": "add"})
    );
    let raw = json!({"event_id": target(), "redacted_by": "forged"});
    let redaction = placed(EventType::ROOM_REDACTION, Some(alice()), raw);
    assert_eq!(
        shown(&redaction),
        json!({"event_id": target(), "redacted_by": id(&alice()), "reason": null})
    );
}

#[test]
fn an_erased_edit_still_names_its_message() {
    let raw = json!({"event_id": target(), "content": {"body": "secret"}});
    let mut edit = placed(EventType::ROOM_MESSAGE_EDIT, Some(alice()), raw);
    Arc::make_mut(&mut edit.event).content = None;
    assert_eq!(
        shown(&edit),
        json!({"event_id": target(), "content": {}, "edited_at": "2026-05-28T20:26:40.123Z"})
    );
}

#[test]
fn a_leave_of_the_own_server_looks_like_any_other() {
    let leave = placed(
        EventType::ROOM_LEAVE,
        Some(alice()),
        json!({"reason": "bye"}),
    );
    assert_eq!(event_type(&leave), "swp.room.member");
    let expected = json!({
        "participant_id": id(&alice()), "membership": "leave", "changed_by": id(&alice()), "reason": "bye",
        "power_level": 0,
    });
    assert_eq!(shown(&leave), expected);
    assert_eq!(said(&leave)["body"], "@alice left");
}

#[test]
fn an_automatic_event_is_from_the_person_concerned_else_from_the_creator() {
    let leave =
        json!({"participant": alice(), "membership": "leave", "power_level": 0, "seen": {}});
    let leave = placed(EventType::ROOM_MEMBER, None, leave);
    assert_eq!(sender_id(&leave, id(&bob())), id(&alice()));
    assert_eq!(shown(&leave)["changed_by"], json!(id(&alice())));
    let archive = json!({"state": "archived", "seen": {}});
    let archive = placed(EventType::ROOM_STATE, None, archive);
    assert_eq!(sender_id(&archive, id(&bob())), id(&bob()));
    assert_eq!(
        shown(&archive),
        json!({"state": "archived", "changed_by": id(&bob())})
    );
}

#[test]
fn settings_show_what_changed_and_not_the_host_s_marks() {
    let raw = json!({
        "avatar_url": null, "auto_close": true, "seen": {}, "request": {"actor": "@x:y.example"},
        "cutoff": {"b.example": {"epoch": 1, "seq": 0, "hash": null}}, "later": HASH,
    });
    let settings = placed(EventType::ROOM_SETTINGS, Some(alice()), raw);
    assert_eq!(
        shown(&settings),
        json!({"avatar_url": null, "auto_close": true})
    );
    assert_eq!(said(&settings).get("msgtype"), None);
}

#[test]
fn membership_reads_like_a_sentence() {
    let member = |membership: &str, extra: Value| {
        let mut raw =
            json!({"participant": bob(), "membership": membership, "power_level": 20, "seen": {}});
        for (name, value) in extra.as_object().unwrap() {
            raw[name] = value.clone();
        }
        raw
    };
    let say = |sender: Option<Fqid>, raw| body(EventType::ROOM_MEMBER, sender, raw);
    let profile = json!({"profile": {}});
    let nothing = json!({});
    for (sender, membership, extra, expected) in [
        (Some(bob()), "join", &profile, "@bob:b.example joined"),
        (None, "join", &nothing, "@bob:b.example joined"),
        (
            Some(alice()),
            "join",
            &nothing,
            "@alice set the level of @bob:b.example to 20",
        ),
        (
            Some(bob()),
            "join",
            &nothing,
            "@bob:b.example has level 20 now",
        ),
        (Some(bob()), "leave", &nothing, "@bob:b.example left"),
        (
            Some(alice()),
            "leave",
            &nothing,
            "@alice removed @bob:b.example",
        ),
        (None, "leave", &nothing, "@bob:b.example is no longer here"),
        (
            Some(alice()),
            "ban",
            &nothing,
            "@alice banned @bob:b.example",
        ),
        (
            Some(alice()),
            "invite",
            &profile,
            "@alice invited @bob:b.example",
        ),
        (
            Some(bob()),
            "knock",
            &nothing,
            "@bob:b.example asks to join",
        ),
    ] {
        assert_eq!(say(sender, member(membership, extra.clone())), expected);
    }
}

#[test]
fn names_topics_and_states_read_like_sentences() {
    let say = |event_type, raw| body(event_type, Some(alice()), raw);
    assert_eq!(
        say(EventType::ROOM_NAME, json!({"name": "Ops"})),
        "@alice named the room Ops"
    );
    assert_eq!(
        say(EventType::ROOM_TOPIC, json!({"topic": null})),
        "@alice removed the topic"
    );
    assert_eq!(
        say(EventType::ROOM_STATE, json!({"state": "closed"})),
        "@alice closed the room"
    );
    assert_eq!(
        body(EventType::ROOM_STATE, None, json!({"state": "archived"})),
        "The room was archived"
    );
}

#[test]
fn workspaces_of_other_servers_are_not_shown() {
    let workspace = "018f0000-0000-8000-8000-000000000009";
    let content = json!({"workspace_id": workspace, "auto_close": true, "seen": {}});
    let event = placed(EventType::ROOM_SETTINGS, Some(alice()), content);
    let home = &event.event.origin;
    let here = fields(&event, id(&bob()), home);
    assert_eq!(here["workspace_id"], workspace);
    let elsewhere = fields(&event, id(&bob()), &"elsewhere.example".parse().unwrap());
    assert_eq!(Value::Object(elsewhere), json!({"auto_close": true}));
}
