//! A played server that hosts a room: what its host does with it is up to the test.

use std::sync::{Arc, Mutex};

use http::Method;
use serde_json::{Value, json};

use super::cases::{answer, page, position};
use super::{Home, Peer};
use crate::app::test_server::START;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyPair, sign_document};
use crate::events::core::verified::{Draft, Verified};
use crate::federation::client::fake_peer::{FakePeer, Received};
use crate::federation::core::descriptor::{self, KeyEntry};
use crate::federation::exchange::document::SUMMARY_PREFIX;
use crate::rooms::core::content::OriginKey;
use crate::rooms::core::test_rooms;

pub(super) const ALICE: &str = "@alice:a.example";
/// The owner of its room.
pub(super) const MALLORY: &str = "@mallory:h.example";
const NONCE: &str = "a room of another server";

/// The host and its room, with an invitation for alice.
pub(super) struct Host {
    pub(super) key: KeyPair,
    pub(super) log: Vec<Verified<Event>>,
    /// Other servers' events that it holds, each log in its order.
    pub(super) held: Vec<Value>,
    /// Events that were delivered to it.
    pub(super) delivered: Vec<Value>,
}

impl Host {
    pub(super) fn name() -> ServerName {
        "h.example".parse().unwrap()
    }

    pub(super) fn room() -> RoomId {
        RoomId::derive(&Self::name(), NONCE)
    }

    /// The host as a peer that asks for something.
    pub(super) fn peer() -> Peer {
        Peer {
            name: Host::name(),
            key: KeyPair::from_seed(&[8; 32]),
        }
    }

    /// With its room.
    pub(super) fn open() -> Host {
        let mut host = Host {
            key: Host::peer().key,
            log: Vec::new(),
            held: Vec::new(),
            delivered: Vec::new(),
        };
        let create = test_rooms::group(NONCE, 60, host.public());
        host.appends(EventType::ROOM_CREATE, json!(create));
        host.member(MALLORY, "join", 100, json!({}));
        host
    }

    fn public(&self) -> OriginKey {
        OriginKey::of(self.key.public_key())
    }

    pub(super) fn appends(&mut self, event_type: EventType, content: Value) -> Value {
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

    pub(super) fn member(
        &mut self,
        person: &str,
        membership: &str,
        level: u8,
        more: Value,
    ) -> Value {
        let mut content = json!({
            "participant": person, "membership": membership, "power_level": level, "seen": {},
        });
        let content_members = content.as_object_mut().unwrap();
        content_members.extend(more.as_object().cloned().unwrap_or_default());
        self.appends(EventType::ROOM_MEMBER, content)
    }

    /// An invitation for alice, as her server is told of it.
    pub(super) fn invites(&mut self) -> Value {
        let expires = json!({ "expires_at": START + 1_000_000 });
        let event = self.member(ALICE, "invite", 0, expires);
        let mut summary = json!({
            "room_id": Self::room(), "host": Self::name(), "room_type": "group", "name": "Room", "topic": null,
            "avatar_url": null, "member_count": 1, "created_at": START, "creator": MALLORY,
            "history_visibility": "shared", "edit_window_seconds": 60, "power_levels": {}, "ts": START,
            "key_id": self.public().key_id,
        });
        let members = summary.as_object_mut().unwrap();
        sign_document(SUMMARY_PREFIX, members, &self.key).unwrap();
        json!({ "event": event, "room": summary, "key": self.public() })
    }

    /// What it answers, as the specification says.
    pub(super) fn answers(&mut self, asked: &Received) -> Value {
        let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
        let line = asked.line.as_str();
        if line.contains("/.well-known/") {
            let keys = vec![KeyEntry::first(&self.key, START)];
            descriptor::build(&Self::name(), keys, &self.key, None, START).unwrap()
        } else if line.contains("/profile/") {
            json!({ "profile": null, "key": self.public() })
        } else if line.contains("/join") {
            let more = json!({
                "after": body["content"]["after"], "key": body["content"]["key"], "request": body,
            });
            let join = self.member(ALICE, "join", 0, more);
            json!({ "events": [join] })
        } else if line.contains("/backfill") {
            let own = self.log.iter().map(|event| event.to_value());
            let all: Vec<Value> = own.chain(self.held.iter().cloned()).collect();
            page(&all, asked)
        } else if line.contains("/heads") {
            let last = self.log.last().unwrap();
            let head = json!({ "epoch": 1, "seq": last.seq, "hash": last.hash() });
            let mut heads = json!({ "h.example": head });
            for event in &self.held {
                heads[event["origin"].as_str().unwrap()] = position(event);
            }
            json!({ "heads": heads })
        } else if line.contains("/send") {
            let events = body["events"].as_array().cloned().unwrap_or_default();
            let results: Vec<Value> = events
                .iter()
                .map(|event| json!({ "event_id": event["event_id"], "status": "accepted" }))
                .collect();
            self.delivered.extend(events);
            json!({ "results": results })
        } else {
            json!({})
        }
    }
}

/// Such a host under its name, and the server under test, which may deal with it.
pub(super) async fn hosted(host: Host) -> (Home, Arc<Mutex<Host>>, FakePeer) {
    let host = Arc::new(Mutex::new(host));
    let answering = Arc::clone(&host);
    let fake =
        FakePeer::answering(move |asked| answer(&answering.lock().unwrap().answers(asked))).await;
    let url = format!("h.example=http://{}", fake.address);
    let home = Home::with(&[("SCAIWAVE_FEDERATION_PEER_URLS", &url)]).await;
    Peer::allowed(&home, "h.example", 8).await;
    (home, host, fake)
}

/// Has alice follow an invitation.
pub(super) async fn accept(home: &Home, invitation: &Value) {
    let body = invitation.to_string();
    let (status, answered) = Host::peer()
        .ask(home, "POST", "/invite", body.as_bytes())
        .await;
    assert_eq!(status, 200, "{answered}");
    let accept = format!("/v1/me/invitations/{}/accept", Host::room());
    home.ask(Method::POST, &accept, json!({})).await;
}
