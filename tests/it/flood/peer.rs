//! A server that does not play by the rules: it can be asked for its descriptor, and sends whatever the test makes up.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use http::{HeaderMap, Method, Uri, header};
use scaiwave::clock::Clock;
use scaiwave::events::core::event::Event;
use scaiwave::events::core::event_type::EventType;
use scaiwave::events::core::hash::Hash;
use scaiwave::events::core::ids::RoomId;
use scaiwave::events::core::names::{Fqid, ServerName};
use scaiwave::events::core::sign::{KeyPair, sign_document};
use scaiwave::events::core::verified::Draft;
use scaiwave::federation::core::descriptor::{self, FEDERATION_PATH, KeyEntry};
use scaiwave::federation::core::http_signature;
use scaiwave::federation::exchange::document;
use serde_json::{Value, json};

/// The server under attack.
const TARGET: &str = "a.example";
/// What a summary's signature begins with.
const SUMMARY_PREFIX: &str = "scaiwave-summary-v1\n";

/// One such server; clones are the same one.
#[derive(Clone)]
pub(super) struct Peer {
    pub(super) name: ServerName,
    key: KeyPair,
    target: String,
    http: reqwest::Client,
    /// The state event that its events claim.
    state: (i64, Option<Hash>),
}

/// Where all of them can be asked. To anything but who they are they answer what means nothing.
pub(super) async fn answer(peers: &[(ServerName, KeyPair)]) -> SocketAddr {
    let now = Clock::system().now_ms();
    let document = |(name, key): &(ServerName, KeyPair)| {
        let keys = vec![KeyEntry::first(key, now)];
        let document = descriptor::build(name, keys, key, None, now).unwrap();
        (name.to_string(), document)
    };
    let documents: Arc<BTreeMap<String, Value>> = Arc::new(peers.iter().map(document).collect());
    let answer = move |uri: Uri, headers: HeaderMap| {
        let host = headers[header::HOST].to_str().unwrap();
        let document = &documents[host];
        let body = if uri.path().starts_with("/.well-known/") {
            document.clone()
        } else if uri.path().contains("/profile/") {
            let key = json!({"key_id": document["key_id"], "public_key": document["public_key"]});
            json!({"profile": null, "key": key})
        } else {
            json!({"heads": {}, "events": [], "has_more": true, "results": []})
        };
        std::future::ready(body.to_string())
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = Router::new().fallback(answer);
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

impl Peer {
    pub(super) fn new((name, key): (ServerName, KeyPair), target: &str) -> Peer {
        Peer {
            name,
            key,
            target: target.to_owned(),
            // Whom the server turns away it also hangs up on: no connection is used twice.
            http: reqwest::Client::builder()
                .pool_max_idle_per_host(0)
                .build()
                .unwrap(),
            state: (0, None),
        }
    }

    pub(super) fn person(&self) -> Fqid {
        format!("@mallory:{}", self.name).parse().unwrap()
    }

    /// A request signed with this key; its status and what was answered.
    async fn ask_with(&self, key: &KeyPair, path: &str, body: Vec<u8>) -> (u16, Value) {
        let path = format!("{FEDERATION_PATH}{path}");
        let signed = http_signature::Request {
            method: "POST",
            authority: TARGET,
            path: &path,
            query: None,
            body: &body,
        };
        let now = Clock::system().now_ms();
        let mut request = self
            .http
            .request(Method::POST, format!("{}{path}", self.target))
            .header(header::HOST, TARGET)
            .header(header::CONTENT_TYPE, "application/json");
        for (name, value) in http_signature::sign(&signed, &self.name, key, now).unwrap() {
            request = request.header(name, value);
        }
        let answer = request.body(body).send().await.unwrap();
        let status = answer.status().as_u16();
        let body: Bytes = answer.bytes().await.unwrap();
        (status, serde_json::from_slice(&body).unwrap_or_default())
    }

    pub(super) async fn ask(&self, path: &str, body: &Value) -> (u16, Value) {
        self.ask_with(&self.key, path, body.to_string().into_bytes())
            .await
    }

    /// A request in its name with somebody else's key.
    pub(super) async fn ask_forged(&self, path: &str, body: &Value) -> u16 {
        let other = KeyPair::from_seed(&[99; 32]);
        let (status, _) = self
            .ask_with(&other, path, body.to_string().into_bytes())
            .await;
        status
    }

    /// Lets its person join a room of the target's, and takes notice of the state that this makes.
    pub(super) async fn join(&mut self, room: RoomId) {
        let key = json!({"key_id": self.key.key_id(), "public_key": self.key.public_key()});
        let start = json!({"epoch": 1, "seq": 0, "hash": null});
        let request = document::Request {
            request_id: uuid::Builder::from_random_bytes(rand::random()).into_uuid(),
            room_id: room,
            host: TARGET.parse().unwrap(),
            actor: self.person(),
            action: "join".to_owned(),
            content: json!({"profile": null, "key": key, "after": start}),
            ts: Clock::system().now_ms(),
            key_id: self.key.key_id().to_string(),
        };
        let document = request.sign(&self.key).unwrap();
        let (status, body) = self.ask(&format!("/rooms/{room}/join"), &document).await;
        assert_eq!(status, 200, "{body}");
        let joined = Event::from_value(body["events"][0].clone()).unwrap();
        self.state = (joined.seq, Some(joined.hash()));
    }

    /// An event at a place of its log of a room; nothing need lead there.
    pub(super) fn event(&self, room: RoomId, seq: i64, ts: i64, text: &str) -> Value {
        let draft = Draft {
            room_id: room,
            origin: self.name.clone(),
            sender: Some(self.person()),
            event_type: EventType::ROOM_MESSAGE,
            content: json!({"msgtype": "swp.text", "body": text}),
            epoch: 1,
            seq,
            prev: (seq > 1).then(|| Hash::of(b"the event before")),
            ts,
            state_seq: self.state.0,
            state_hash: self.state.1,
            salt: [3; 16],
        };
        draft.sign(&self.key).unwrap().to_value()
    }

    /// The invitation of somebody of the target's to a room that this server has just thought of.
    pub(super) fn invitation(&self, number: usize, person: &str) -> Value {
        let room = RoomId::derive(&self.name, &format!("room {number}"));
        let now = Clock::system().now_ms();
        let invite = Draft {
            room_id: room,
            origin: self.name.clone(),
            sender: Some(self.person()),
            event_type: EventType::ROOM_MEMBER,
            content: json!({
                "participant": person, "membership": "invite", "power_level": 0, "seen": {},
                "expires_at": now + 86_400_000,
            }),
            epoch: 1,
            seq: 3,
            prev: Some(Hash::of(b"the event before")),
            ts: now,
            state_seq: 2,
            state_hash: Some(Hash::of(b"the event before")),
            salt: [3; 16],
        };
        let mut summary = json!({
            "room_id": room, "host": self.name, "room_type": "group", "name": "Come in", "topic": null,
            "avatar_url": null, "member_count": 1, "created_at": now, "creator": self.person(),
            "history_visibility": "shared", "edit_window_seconds": 60, "power_levels": {}, "ts": now,
            "key_id": self.key.key_id(),
        });
        sign_document(SUMMARY_PREFIX, summary.as_object_mut().unwrap(), &self.key).unwrap();
        let key = json!({"key_id": self.key.key_id(), "public_key": self.key.public_key()});
        let event = invite.sign(&self.key).unwrap().to_value();
        json!({"event": event, "room": summary, "key": key})
    }
}
