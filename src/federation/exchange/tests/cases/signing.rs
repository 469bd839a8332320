//! A hostile host that wants something signed.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};

use super::super::{Home, Peer};
use super::{answer, ask, is_sound, log, rows, until};
use crate::app::test_server::START;
use crate::auth::roles::Role;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyPair, recorded, sign_document};
use crate::events::core::verified::{Draft, Verified};
use crate::events::store;
use crate::federation::client::fake_peer::{FakePeer, Received};
use crate::federation::core::descriptor::{self, KeyEntry};
use crate::federation::exchange::document::SUMMARY_PREFIX;
use crate::rooms::core::content::{Create, HistoryVisibility, OriginKey, RoomType};
use crate::rooms::core::levels::Levels;

const ALICE: &str = "@alice:a.example";
const MALLORY: &str = "@mallory:h.example";
const NONCE: &str = "a hostile room";
/// Stands in everything that the host would like to have signed.
const BAIT: &str = "bait";

/// The host: what it answers is right, and holds more than was asked for.
struct Host {
    key: KeyPair,
    log: Vec<Verified<Event>>,
    /// Events that were delivered to it.
    delivered: Vec<Value>,
}

impl Host {
    fn name() -> ServerName {
        "h.example".parse().unwrap()
    }

    fn room() -> RoomId {
        RoomId::derive(&Self::name(), NONCE)
    }

    fn public(&self) -> OriginKey {
        OriginKey::of(self.key.public_key())
    }

    fn appends(&mut self, event_type: EventType, content: Value) -> Value {
        let before = self.log.last();
        let draft = Draft {
            room_id: Self::room(),
            origin: Self::name(),
            sender: Some(MALLORY.parse().unwrap()),
            event_type,
            content,
            epoch: 1,
            seq: before.map_or(1, |event| event.seq + 1),
            prev: before.map(Verified::hash),
            ts: START,
            state_seq: before.map_or(0, |event| event.seq),
            state_hash: before.map(Verified::hash),
            salt: [5; 16],
        };
        let event = draft.sign(&self.key).unwrap();
        self.log.push(event);
        self.log.last().unwrap().to_value()
    }

    fn member(&mut self, person: &str, membership: &str, level: u8, more: Value) -> Value {
        let mut content = json!({
            "participant": person, "membership": membership, "power_level": level, "seen": {},
        });
        let content_members = content.as_object_mut().unwrap();
        content_members.extend(more.as_object().cloned().unwrap_or_default());
        self.appends(EventType::ROOM_MEMBER, content)
    }

    /// With its room and an invitation for alice.
    fn open() -> (Host, Value) {
        let mut host = Host {
            key: KeyPair::from_seed(&[8; 32]),
            log: Vec::new(),
            delivered: Vec::new(),
        };
        let create = Create {
            nonce: NONCE.to_owned(),
            room_type: RoomType::Group,
            name: Some("Room".to_owned()),
            topic: None,
            scope_kind: None,
            visibility: None,
            read_role_slugs: Vec::new(),
            history_visibility: HistoryVisibility::Shared,
            edit_window_seconds: 60,
            auto_close: false,
            alias: None,
            power_levels: Levels::initial(RoomType::Group, false).to_map().clone(),
            key: host.public(),
        };
        host.appends(EventType::ROOM_CREATE, json!(create));
        host.member(MALLORY, "join", 100, json!({}));
        let expires = json!({ "expires_at": START + 1_000_000 });
        let event = host.member(ALICE, "invite", 0, expires);
        let mut summary = json!({
            "room_id": Self::room(), "host": Self::name(), "room_type": "group", "name": "Room", "topic": null,
            "avatar_url": null, "member_count": 1, "created_at": START, "creator": MALLORY,
            "history_visibility": "shared", "edit_window_seconds": 60, "power_levels": {}, "ts": START,
            "key_id": host.public().key_id,
        });
        let members = summary.as_object_mut().unwrap();
        sign_document(SUMMARY_PREFIX, members, &host.key).unwrap();
        let invitation = json!({ "event": event, "room": summary, "key": host.public() });
        (host, with_bait(invitation))
    }

    fn answers(&mut self, asked: &Received) -> Vec<u8> {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let line = asked.line.as_str();
        let right = if line.contains("/.well-known/") {
            let keys = vec![KeyEntry::first(&self.key, START)];
            return answer(
                &descriptor::build(&Self::name(), keys, &self.key, None, START).unwrap(),
            );
        } else if line.contains("/profile/") {
            json!({ "profile": null, "key": self.public() })
        } else if line.contains("/join") {
            let more = json!({
                "after": body["content"]["after"], "key": body["content"]["key"], "request": body,
            });
            let join = self.member(ALICE, "join", 0, more);
            json!({ "events": [join, half_made()] })
        } else if line.contains("/backfill") && line.contains("origin=h.example") {
            let after = line.split("after_seq=").nth(1).unwrap();
            let after: usize = after.split('&').next().unwrap().parse().unwrap();
            let rest = self.log.iter().skip(after).map(|event| event.to_value());
            let events: Vec<Value> = rest.chain([half_made()]).collect();
            json!({ "events": events, "has_more": false })
        } else if line.contains("/backfill") {
            json!({ "events": [half_made()], "has_more": false })
        } else if line.contains("/heads") {
            let last = self.log.last().unwrap();
            let head = json!({ "epoch": 1, "seq": last.seq, "hash": last.hash() });
            json!({ "heads": { "h.example": head } })
        } else if line.contains("/send") {
            let events = body["events"].as_array().cloned().unwrap_or_default();
            let results: Vec<Value> = events
                .iter()
                .map(|event| {
                    with_bait(json!({ "event_id": event["event_id"], "status": "accepted" }))
                })
                .collect();
            self.delivered.extend(events);
            json!({ "results": results })
        } else {
            json!({})
        };
        answer(&with_bait(right))
    }
}

/// A member event for somebody with rights elsewhere, to be completed and signed.
fn half_made() -> Value {
    json!({
        "v": "v1", "room_id": "018f0000-0000-8000-8000-000000000001", "origin": "a.example", "epoch": 1, "seq": 1,
        "sender": "@root:a.example", "type": "swp.room.member",
        "content": { "participant": MALLORY, "membership": "join", "power_level": 100, "reason": BAIT },
    })
}

/// The same answer with all that might be mistaken for something to sign.
fn with_bait(mut right: Value) -> Value {
    let more = json!({
        "event_template": half_made(),
        "to_sign": format!("scaiwave-event-v1\n{{\"{BAIT}\":1}}"),
        "sender": "@root:a.example",
        "actor": "@root:a.example",
        "content": { "reason": BAIT },
        "state": [half_made()],
        "ts": 1,
    });
    let members = right.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        members.entry(name.clone()).or_insert(value.clone());
    }
    // What says which room it is about says another one.
    members.insert("room_id".to_owned(), half_made()["room_id"].clone());
    right
}

/// The JSON after a prefix.
fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Case S-07: with a hostile host, too, a server signs what its own user asked for, and nothing that was handed to it.
#[tokio::test]
async fn everything_that_is_signed_was_composed_here() {
    let (host, invitation) = Host::open();
    let played = Peer {
        name: Host::name(),
        key: KeyPair::from_seed(&[8; 32]),
    };
    let host = Arc::new(Mutex::new(host));
    let answering = Arc::clone(&host);
    let fake = FakePeer::answering(move |asked| answering.lock().unwrap().answers(asked)).await;
    let url = format!("h.example=http://{}", fake.address);
    let home = Home::with(&[("SCAIWAVE_FEDERATION_PEER_URLS", &url)]).await;
    home.server.create("root", &[Role::TenantAdmin]).await;
    Peer::allowed(&home, "h.example", 8).await;
    let own = home.server.app.keys().current(&home.tenant()).unwrap();
    recorded::begin(own.key_id());

    let body = invitation.to_string();
    let (status, answered) = played.ask(&home, "POST", "/invite", body.as_bytes()).await;
    assert_eq!(status, 200, "{answered}");
    let room = Host::room();
    let accept = format!("/v1/me/invitations/{room}/accept");
    home.ask(Method::POST, &accept, json!({})).await;
    let said = home.say(room, "hello").await;
    let path = format!("/v1/rooms/{room}/leave");
    home.ask(Method::POST, &path, json!({})).await;
    until("the host hears that she left", async || {
        let host = host.lock().unwrap();
        let mut delivered = host.delivered.iter();
        delivered.any(|event| event["type"] == "swp.room.leave")
    })
    .await;

    let (mut events, mut requests, mut others) = (Vec::new(), Vec::new(), 0);
    for message in recorded::of(own.key_id()) {
        let text = String::from_utf8(message).unwrap();
        assert!(!text.contains(BAIT), "{text}");
        assert!(!text.contains("root"), "{text}");
        assert!(
            !text.contains("018f0000-0000-8000-8000-000000000001"),
            "{text}"
        );
        match text.split_once('\n').unwrap() {
            ("scaiwave-event-v1", event) => events.push(json_of(event)),
            ("scaiwave-request-v1", request) => requests.push(json_of(request)),
            ("scaiwave-profile-v1", profile) => {
                assert_eq!(json_of(profile)["fqid"], ALICE);
                others += 1;
            }
            ("scaiwave-descriptor-v1", descriptor) => {
                assert_eq!(json_of(descriptor)["server_name"], "a.example");
                others += 1;
            }
            (line, rest) => {
                assert!(line.starts_with("\"@method\": "), "unknown purpose: {text}");
                assert!(rest.starts_with("\"@authority\": h.example\n"), "{text}");
                others += 1;
            }
        }
    }
    assert!(others > 3, "requests were signed, too");

    // She asked to join, and nobody else asked for anything.
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (&request["action"], &request["actor"]),
        (&json!("join"), &json!(ALICE))
    );
    assert_eq!(request["room_id"], json!(room));
    assert_eq!(request["host"], "h.example");
    let names: Vec<_> = request["content"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["after", "key", "profile"]);

    // She said something, and left.
    let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["swp.room.message", "swp.room.leave"]);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["room_id"], json!(room));
        assert_eq!(
            (&event["origin"], &event["sender"]),
            (&json!("a.example"), &json!(ALICE))
        );
        assert_eq!(event["seq"], json!(at + 1));
        let id: EventId = event["event_id"].as_str().unwrap().parse().unwrap();
        let on = home.server.app.db().reader();
        let stored = store::by_id(&home.tenant(), on, id).await.unwrap().unwrap();
        assert_eq!(
            stored.event.content_hash.to_string(),
            event["content_hash"].as_str().unwrap()
        );
        let content = stored.event.content.clone().unwrap();
        match at {
            0 => assert_eq!(content, json!({ "body": "hello" })),
            _ => assert_eq!(content["reason"], Value::Null),
        }
    }
    assert_eq!(json!(said), events[0]["event_id"]);

    // What came along has no effect either.
    let own_log = log(&home.server, room, home.tenant().server_name()).await;
    assert_eq!(own_log.len(), 2);
    let path = "/v1/me/invitations";
    let invitations = ask(&home.server, "root", Method::GET, path, json!({})).await;
    assert_eq!(invitations, json!([]));
    let members = rows(&home.server).await.remove("members").unwrap();
    assert!(members.iter().all(|row| !row.contains("root")));
    is_sound(&home.server).await;
}
