//! A server and a played peer that share a room, over the whole router: signed requests in, answers out.

mod asking;
mod cases;
mod dms;
mod early;
mod forks;
mod guests;
mod host;
mod hosting;
mod live;
mod media;
mod people;
mod reading;
mod room_apart;
mod rotation;
mod sending;
mod shares;
mod strangers;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::document;
use crate::app::test_server::{PASSWORD, START, Server};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::events::model::Kind;
use crate::events::store;
use crate::federation::core::descriptor::{self, FEDERATION_PATH, KeyEntry, Pinned, VALIDITY_MS};
use crate::federation::core::http_signature;
use crate::federation::core::policy::PolicyChange;
use crate::federation::model::Peer as PeerRow;
use crate::federation::store::peers;
use crate::rooms::core::content::LogPosition;
use crate::rooms::core::decide::{Command, Invitee};
use crate::rooms::timeline::Act;
use crate::tenants::Tenant;

/// Somebody of the played peer.
pub(super) const BOB: &str = "@bob:b.example";

/// A room of alice's that bob of `b.example` has joined, and the log of his server.
async fn shared() -> (Home, Peer, RoomId, Log) {
    let home = Home::start().await;
    let peer = Peer::allowed(&home, "b.example", 2).await;
    let (room, log) = home.shared_with(&peer).await;
    (home, peer, room, log)
}

/// The server under test, with the account `alice`.
pub(super) struct Home {
    pub(super) server: Server,
}

impl Home {
    pub(super) async fn start() -> Home {
        Home::with(&[]).await
    }

    pub(super) async fn with(settings: &[(&str, &str)]) -> Home {
        let named = [&[("SCAIWAVE_SERVER_NAME", "a.example")], settings].concat();
        let server = Server::start(&named).await;
        server.create("alice", &[]).await;
        Home { server }
    }

    pub(super) fn tenant(&self) -> Tenant {
        self.server.app.tenants().first().unwrap()
    }

    /// A request of alice's client, signed in now: a test may have let days pass.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Value) -> Value {
        let token = self
            .server
            .sign_in("alice", PASSWORD)
            .await
            .data("access_token");
        let answer = self.server.ask(method, path, Some(&token), body).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body["data"].clone()
    }

    /// A room of alice's.
    pub(super) async fn room(&self, body: Value) -> RoomId {
        let room = self.ask(Method::POST, "/v1/rooms", body).await;
        room["id"].as_str().unwrap().parse().unwrap()
    }

    pub(super) async fn say(&self, room: RoomId, body: &str) -> EventId {
        let path = format!("/v1/rooms/{room}/send");
        let event = self
            .ask(Method::POST, &path, json!({"content": {"body": body}}))
            .await;
        event["id"].as_str().unwrap().parse().unwrap()
    }

    /// Has alice do something about a person of another server that her client could only do after asking there.
    pub(super) async fn act(&self, room_id: RoomId, command: Command) {
        let act = Act {
            tenant: self.tenant(),
            room_id,
            actor: "@alice:a.example".parse().unwrap(),
            command,
            sending: None,
            asked: None,
            max_foreign: 50,
        };
        self.server.app.timeline().act(act).await.unwrap();
    }

    pub(super) async fn invite(&self, room: RoomId, person: &str) {
        let target = Invitee {
            person: person.parse().unwrap(),
            profile: None,
            holds_role: false,
        };
        let command = Command::Invite {
            target: Some(target),
            reason: None,
        };
        self.act(room, command).await;
    }

    /// A room of alice's that the peer's bob has joined, and the log of his server.
    pub(super) async fn shared_with(&self, peer: &Peer) -> (RoomId, Log) {
        let room = self.room(json!({ "name": "Shared" })).await;
        self.invite(room, BOB).await;
        let mut log = Log::of(self, room).await;
        peer.join(self, room, "bob", &log).await;
        log.hear(self).await;
        (room, log)
    }

    pub(super) async fn make_owner(&self, room: RoomId, person: &str) {
        let target = Some(person.parse().unwrap());
        self.act(room, Command::SetLevel { target, level: 100 })
            .await;
    }

    pub(super) async fn policy(&self, change: PolicyChange) {
        let policies = self.server.app.federation().policies();
        policies
            .change(&self.tenant(), change, START)
            .await
            .unwrap();
    }

    /// The membership that the server shows for a person.
    pub(super) async fn membership(&self, room: RoomId, person: &str) -> Option<String> {
        let path = format!("/v1/rooms/{room}/members?membership=all&limit=500");
        let members = self.ask(Method::GET, &path, json!({})).await;
        let members = members.as_array().unwrap();
        let found = members
            .iter()
            .find(|row| row["participant"]["fqid"] == person);
        found.map(|row| row["membership"].as_str().unwrap().to_owned())
    }
}

/// Another server, played: what it signs is up to the test.
pub(super) struct Peer {
    pub(super) name: ServerName,
    pub(super) key: KeyPair,
}

impl Peer {
    /// A server that `home` allows and whose key it knows.
    pub(super) async fn allowed(home: &Home, name: &str, seed: u8) -> Peer {
        let peer = Peer {
            name: name.parse().unwrap(),
            key: KeyPair::from_seed(&[seed; 32]),
        };
        let (app, tenant) = (&home.server.app, home.tenant());
        let policy = app.federation().policies().get(&tenant).await.unwrap();
        let mut allowed: Vec<String> = policy
            .allowed_peers
            .iter()
            .map(ToString::to_string)
            .collect();
        allowed.push(name.to_owned());
        let change = PolicyChange {
            allowed_peers: Some(allowed),
            ..PolicyChange::default()
        };
        home.policy(change).await;
        let keys = vec![KeyEntry::first(&peer.key, START)];
        let document = descriptor::build(&peer.name, keys, &peer.key, None, START).unwrap();
        let document = document.to_string();
        let read = descriptor::read(document.as_bytes(), &peer.name, START).unwrap();
        let row = PeerRow {
            pinned: Some(Pinned::first(&read)),
            descriptor_until: START + VALIDITY_MS,
            ..PeerRow::unknown(peer.name.clone(), START)
        };
        let mut tx = app.db().begin().await.unwrap();
        peers::ensure(&tenant, &mut tx, &peer.name, START)
            .await
            .unwrap();
        peers::save_descriptor(&tenant, &mut tx, &row)
            .await
            .unwrap();
        tx.commit(()).await.unwrap();
        app.federation().peers().forget_all();
        peer
    }

    fn person(&self, local_id: &str) -> Fqid {
        format!("@{local_id}:{}", self.name).parse().unwrap()
    }

    /// A signed request, and what it is answered in JSON.
    pub(super) async fn ask(
        &self,
        home: &Home,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> (StatusCode, Value) {
        let request = self.signed(home, method, path, body);
        home.server.send(request).await
    }

    /// A signed request.
    pub(super) fn signed(
        &self,
        home: &Home,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Request<Body> {
        let path = format!("{FEDERATION_PATH}{path}");
        let (plain, query) = match path.split_once('?') {
            Some((plain, query)) => (plain, Some(query)),
            None => (path.as_str(), None),
        };
        let signed = http_signature::Request {
            method,
            authority: "a.example",
            path: plain,
            query,
            body,
        };
        let now = home.server.clock.now_ms();
        let mut request = Request::builder()
            .method(method)
            .uri(&path)
            .header("host", "a.example")
            .header("content-type", "application/json");
        for (name, value) in http_signature::sign(&signed, &self.name, &self.key, now).unwrap() {
            request = request.header(name, value);
        }
        request.body(Body::from(body.to_vec())).unwrap()
    }

    pub(super) async fn get(&self, home: &Home, path: &str) -> (StatusCode, Value) {
        self.ask(home, "GET", path, b"").await
    }

    /// Delivers events; the results, one for each.
    pub(super) async fn deliver(&self, home: &Home, events: &[Value]) -> Vec<Value> {
        let body = json!({ "events": events }).to_string();
        let (status, body) = self.ask(home, "POST", "/send", body.as_bytes()).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["results"].as_array().unwrap().clone()
    }

    /// A request document of one of its people.
    pub(super) fn document(&self, home: &Home, room: RoomId, asked: &Asked<'_>) -> Value {
        document::Request {
            request_id: asked.id,
            room_id: room,
            host: "a.example".parse().unwrap(),
            actor: self.person(asked.actor),
            action: asked.action.to_owned(),
            content: asked.content.clone(),
            ts: home.server.clock.now_ms() + asked.later_ms,
            key_id: self.key.key_id().to_string(),
        }
        .sign(&self.key)
        .unwrap()
    }

    /// Has one of its people ask the host for something.
    pub(super) async fn request(
        &self,
        home: &Home,
        room: RoomId,
        asked: &Asked<'_>,
    ) -> (StatusCode, Value) {
        let path = match asked.action {
            "join" => format!("/rooms/{room}/join"),
            _ => format!("/rooms/{room}/request"),
        };
        let document = self.document(home, room, asked).to_string();
        self.ask(home, "POST", &path, document.as_bytes()).await
    }

    /// Has one of its people join; its own log has this head.
    pub(super) async fn join(&self, home: &Home, room: RoomId, person: &str, log: &Log) {
        let content = json!({ "profile": null, "key": self.public(), "after": log.head() });
        let asked = Asked::new(person, "join", content);
        let (status, body) = self.request(home, room, &asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    }

    pub(super) fn public(&self) -> Value {
        json!({ "key_id": self.key.key_id().to_string(), "public_key": self.key.public_key().to_string() })
    }
}

/// What a peer's person asks of the host.
pub(super) struct Asked<'a> {
    pub(super) id: Uuid,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) content: Value,
    /// How far its time is ahead of the host's clock.
    pub(super) later_ms: i64,
}

impl<'a> Asked<'a> {
    pub(super) fn new(actor: &'a str, action: &'a str, content: Value) -> Asked<'a> {
        Asked {
            id: uuid::Builder::from_random_bytes(rand::random()).into_uuid(),
            actor,
            action,
            content,
            later_ms: 0,
        }
    }
}

/// A peer's log of one room, as it writes it.
pub(super) struct Log {
    room: RoomId,
    events: Vec<Verified<Event>>,
    /// The host state that its events name.
    pub(super) state: (i64, Hash),
}

impl Log {
    /// An empty log that rests on the state that the host holds now.
    pub(super) async fn of(home: &Home, room: RoomId) -> Log {
        let mut log = Log {
            room,
            events: Vec::new(),
            state: (0, Hash::of(b"none")),
        };
        log.hear(home).await;
        log
    }

    /// Takes notice of the host's state.
    pub(super) async fn hear(&mut self, home: &Home) {
        let db = home.server.app.db();
        let deciding = store::deciding(&home.tenant(), db.reader(), self.room)
            .await
            .unwrap();
        let state = deciding
            .iter()
            .rfind(|placed| placed.kind == Kind::State)
            .unwrap();
        self.state = (state.event.seq, state.hash);
    }

    pub(super) fn head(&self) -> LogPosition {
        match self.events.last() {
            None => LogPosition::START,
            Some(event) => LogPosition {
                epoch: 1,
                seq: event.seq,
                hash: Some(event.hash()),
            },
        }
    }

    /// A draft of the next event.
    pub(super) fn draft(&self, peer: &Peer, sender: &str, of: EventType, content: Value) -> Draft {
        let before = self.events.last();
        Draft {
            room_id: self.room,
            origin: peer.name.clone(),
            sender: Some(sender.parse().unwrap()),
            event_type: of,
            content,
            epoch: 1,
            seq: before.map_or(1, |before| before.seq + 1),
            prev: before.map(Verified::hash),
            ts: START + before.map_or(0, |before| before.seq),
            state_seq: self.state.0,
            state_hash: Some(self.state.1),
            salt: [1; 16],
        }
    }

    /// Writes the next event.
    pub(super) fn write(
        &mut self,
        peer: &Peer,
        sender: &str,
        of: EventType,
        content: Value,
    ) -> Value {
        let event = self
            .draft(peer, sender, of, content)
            .sign(&peer.key)
            .unwrap();
        let value = event.to_value();
        self.events.push(event);
        value
    }
}
