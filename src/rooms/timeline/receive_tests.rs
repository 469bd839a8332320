//! Events of other servers, through the writer into the store: forks, and content that is missing or cannot be.

use serde_json::{Value, json};

use crate::app::test_server::{START, Server};
use crate::catalogue::Code;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified, verify};
use crate::events::model::{Placed, Shown, Standing};
use crate::events::store;
use crate::events::store::contents::{self, Denied};
use crate::messages;
use crate::rooms::core::content::OriginKey;
use crate::rooms::core::test_rooms;
use crate::rooms::timeline::{Page, Part, Receipt};
use crate::rooms::verify as whole;

const NONCE: &str = "a room for tests";

/// A server with its key and its log.
pub(super) struct Origin {
    pub(super) name: ServerName,
    pub(super) person: Fqid,
    pub(super) key: KeyPair,
    pub(super) log: Vec<Verified<Event>>,
}

impl Origin {
    fn new(name: &str, person: &str, seed: u8) -> Origin {
        Origin {
            name: name.parse().unwrap(),
            person: format!("@{person}:{name}").parse().unwrap(),
            key: KeyPair::from_seed(&[seed; 32]),
            log: Vec::new(),
        }
    }

    pub(super) fn public(&self) -> OriginKey {
        OriginKey {
            key_id: self.key.key_id().to_string(),
            public_key: self.key.public_key().to_string(),
        }
    }

    /// Signs an event for place `seq` of the log.
    pub(super) fn sign(
        &self,
        seq: usize,
        event_type: EventType,
        content: Value,
        state: Option<&Verified<Event>>,
    ) -> Verified<Event> {
        let before = seq.checked_sub(2).map(|at| &self.log[at]);
        let draft = Draft {
            room_id: room_id(),
            origin: self.name.clone(),
            sender: Some(self.person.clone()),
            event_type,
            content,
            epoch: 1,
            seq: i64::try_from(seq).unwrap(),
            prev: before.map(Verified::hash),
            ts: START,
            state_seq: state.map_or(0, |event| event.seq),
            state_hash: state.map(Verified::hash),
            salt: [7; 16],
        };
        draft.sign(&self.key).unwrap()
    }
}

/// A room of Alice's server with Bob of another one in it, as a third server gets to know it.
pub(super) struct Scene {
    pub(super) server: Server,
    pub(super) host: Origin,
    pub(super) guest: Origin,
}

fn room_id() -> RoomId {
    RoomId::derive(&"a.example".parse().unwrap(), NONCE)
}

impl Scene {
    pub(super) async fn open() -> Scene {
        let mut scene = Scene {
            server: Server::start(&[]).await,
            host: Origin::new("a.example", "alice", 1),
            guest: Origin::new("b.example", "bob", 2),
        };
        let create = test_rooms::group(NONCE, 60, scene.host.public());
        let start = json!({"epoch": 1, "seq": 0, "hash": null});
        let alice = json!({"participant": "@alice:a.example", "membership": "join", "power_level": 100, "seen": {}});
        let bob = json!({
            "participant": "@bob:b.example", "membership": "join", "power_level": 0, "seen": {},
            "after": start, "key": scene.guest.public(),
        });
        scene.state(EventType::ROOM_CREATE, json!(create));
        scene.state(EventType::ROOM_MEMBER, alice);
        scene.state(EventType::ROOM_MEMBER, bob);
        let state = scene.host.log.clone();
        assert_eq!(scene.deliver("a.example", state).await, accepted(3));
        scene
    }

    pub(super) fn state(&mut self, event_type: EventType, content: Value) {
        let seq = self.host.log.len() + 1;
        let event = self
            .host
            .sign(seq, event_type, content, self.host.log.last());
        self.host.log.push(event);
    }

    /// What Bob would say at place `seq`.
    pub(super) fn composed(
        &self,
        seq: usize,
        event_type: EventType,
        content: Value,
    ) -> Verified<Event> {
        self.guest
            .sign(seq, event_type, content, self.host.log.last())
    }

    /// Appends to Bob's log.
    pub(super) fn append(&mut self, event_type: EventType, content: Value) -> Verified<Event> {
        let event = self.composed(self.guest.log.len() + 1, event_type, content);
        self.guest.log.push(event.clone());
        event
    }

    pub(super) fn say(&mut self, body: &str) -> Verified<Event> {
        self.append(EventType::ROOM_MESSAGE, text(body))
    }

    pub(super) async fn deliver(&self, by: &str, events: Vec<Verified<Event>>) -> Vec<Receipt> {
        self.deliver_part(by, events, Part::Beginning).await
    }

    pub(super) async fn deliver_part(
        &self,
        by: &str,
        events: Vec<Verified<Event>>,
        part: Part,
    ) -> Vec<Receipt> {
        let page = Page {
            tenant: self.server.app.tenants().first().unwrap(),
            deliverer: by.parse().unwrap(),
            events,
            part,
        };
        let receipts = self.server.app.timeline().receive(page).await;
        receipts.unwrap().into_inner()
    }

    /// Bob's server delivers one event.
    pub(super) async fn receive(&self, event: &Verified<Event>) -> Receipt {
        let receipts = self.deliver("b.example", vec![event.clone()]).await;
        receipts.into_iter().next().unwrap()
    }

    pub(super) async fn stored(&self, event: &Verified<Event>) -> Placed {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        let found = store::by_id(&tenant, app.db().reader(), event.event_id).await;
        found.unwrap().unwrap()
    }

    pub(super) async fn is_redacted(&self, message: EventId) -> bool {
        let tenant = self.server.app.tenants().first().unwrap();
        let mut tx = self.server.app.db().begin().await.unwrap();
        messages::project::is_redacted(&tenant, &mut tx, message)
            .await
            .unwrap()
    }

    /// What Bob's server would be asked for.
    pub(super) async fn wanted(&self) -> Vec<EventId> {
        self.wanted_of("b.example", START).await
    }

    async fn wanted_of(&self, server: &str, now: i64) -> Vec<EventId> {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        let server = server.parse().unwrap();
        let wanted = contents::wanted(&tenant, app.db(), room_id(), &server, now, 10);
        let wanted = wanted.await.unwrap();
        wanted.iter().map(|missing| missing.event_id).collect()
    }

    pub(super) async fn room_name(&self) -> String {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        let row = crate::rooms::store::rooms::get(&tenant, app.db().reader(), room_id()).await;
        row.unwrap().unwrap().name.unwrap()
    }

    /// Nothing in the store contradicts itself.
    pub(super) async fn is_sound(&self) {
        let tenant = self.server.app.tenants().first().unwrap();
        whole::tenant(&tenant, self.server.app.db()).await.unwrap();
    }
}

pub(super) fn text(body: &str) -> Value {
    json!({"msgtype": "swp.text", "body": body})
}

pub(super) fn accepted(count: usize) -> Vec<Receipt> {
    vec![Receipt::Accepted; count]
}

/// Whether the event was refused with this code, and whether it took its place all the same.
pub(super) fn refusal(receipt: &Receipt) -> Option<(u8, Code, bool)> {
    match receipt {
        Receipt::Rejected {
            check,
            code,
            placed,
            ..
        } => Some((*check, *code, *placed)),
        _ => None,
    }
}

/// The same event as it comes with this content, or without any.
pub(super) fn with_content(
    of: &Origin,
    event: &Verified<Event>,
    content: Option<Value>,
) -> Verified<Event> {
    let mut event = event.clone().into_inner();
    if content.is_none() {
        event.salt = None;
    }
    event.content = content;
    verify(event, of.key.public_key()).unwrap()
}

#[tokio::test]
async fn a_second_event_for_a_place_freezes_the_log_from_there_on() {
    let mut scene = Scene::open().await;
    let said = [scene.say("one"), scene.say("two"), scene.say("three")];
    let other = scene.composed(2, EventType::ROOM_MESSAGE, text("another two"));
    let later = scene.composed(4, EventType::ROOM_MESSAGE, text("four"));
    assert_eq!(scene.deliver("b.example", said.to_vec()).await, accepted(3));

    let mismatch = Some((7, Code::FedSignatureMismatch, false));
    assert_eq!(refusal(&scene.receive(&other).await), mismatch);
    assert_eq!(scene.stored(&said[0]).await.standing, Standing::Valid);
    for event in &said[1..] {
        let hidden = scene.stored(event).await;
        assert_eq!(
            (hidden.standing, hidden.shown),
            (Standing::Frozen, Shown::Never)
        );
    }
    assert_eq!(refusal(&scene.receive(&later).await), mismatch);
    assert_eq!(scene.receive(&said[2]).await, Receipt::Duplicate);
    scene.is_sound().await;

    // An earlier fork hides more.
    let first = scene.composed(1, EventType::ROOM_MESSAGE, text("another one"));
    assert_eq!(refusal(&scene.receive(&first).await), mismatch);
    assert_eq!(scene.stored(&said[0]).await.standing, Standing::Frozen);
    scene.is_sound().await;
}

#[tokio::test]
async fn what_frozen_events_did_to_others_is_undone() {
    let mut scene = Scene::open().await;
    let message = scene.say("one");
    let redaction = json!({"event_id": message.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, redaction);
    scene
        .deliver("b.example", vec![message.clone(), redaction])
        .await;
    assert!(scene.is_redacted(message.event_id).await);
    let other = scene.composed(2, EventType::ROOM_MESSAGE, text("no, I meant it"));
    scene.receive(&other).await;
    assert!(!scene.is_redacted(message.event_id).await);
}

#[tokio::test]
async fn content_that_was_missing_is_shown_when_it_comes() {
    let mut scene = Scene::open().await;
    for forged in [None, Some(text("forged"))] {
        let message = scene.say("the right text");
        let bare = with_content(&scene.guest, &message, forged);
        assert_eq!(scene.receive(&bare).await, Receipt::Accepted);
        let before = scene.stored(&message).await;
        assert_eq!(
            (before.event.content.clone(), before.shown),
            (None, Shown::Never)
        );

        assert_eq!(scene.receive(&message).await, Receipt::Duplicate);
        let after = scene.stored(&message).await;
        assert_eq!(after.event.content, Some(text("the right text")));
        assert_eq!(after.shown, Shown::History);
        assert!(after.position > before.position);
    }
    scene.is_sound().await;
}

#[tokio::test]
async fn content_that_is_malformed_voids_its_event_when_it_comes() {
    let mut scene = Scene::open().await;
    let edit = scene.append(EventType::ROOM_MESSAGE_EDIT, json!({"event_id": 5}));
    let bare = with_content(&scene.guest, &edit, None);
    assert_eq!(scene.receive(&bare).await, Receipt::Accepted);
    assert_eq!(scene.receive(&edit).await, Receipt::Duplicate);
    assert_eq!(scene.stored(&edit).await.standing, Standing::Void);
    scene.is_sound().await;
}

#[tokio::test]
async fn redacted_content_does_not_come_back() {
    let mut scene = Scene::open().await;
    let message = scene.say("said too much");
    let redaction = json!({"event_id": message.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, redaction);
    scene
        .deliver("b.example", vec![message.clone(), redaction])
        .await;
    assert_eq!(scene.receive(&message).await, Receipt::Duplicate);
    assert_eq!(scene.stored(&message).await.event.content, None);
}

#[tokio::test]
async fn content_that_cannot_be_hashed_voids_from_its_origin_and_is_missing_from_a_relay() {
    let mut scene = Scene::open().await;
    let [first, second] = ["one", "two"].map(|body| scene.say(body));
    let huge = |event| with_content(&scene.guest, event, Some(text(&"x".repeat(80_000))));
    let refused = Some((8, Code::ContentTooLarge, true));
    assert_eq!(refusal(&scene.receive(&huge(&first)).await), refused);
    assert_eq!(scene.stored(&first).await.standing, Standing::Void);

    let relayed = scene.deliver("a.example", vec![huge(&second)]).await;
    assert_eq!(relayed, accepted(1));
    assert_eq!(scene.stored(&second).await.standing, Standing::Valid);
    assert_eq!(scene.receive(&huge(&second)).await, Receipt::Duplicate);
    assert_eq!(scene.stored(&second).await.standing, Standing::Void);
    scene.is_sound().await;
}

#[tokio::test]
async fn a_state_event_without_content_holds_up_the_state_until_its_content_comes() {
    let mut scene = Scene::open().await;
    let name = json!({"name": "Renamed", "seen": {}});
    let topic = json!({"topic": "Behind it", "seen": {}});
    scene.state(EventType::ROOM_NAME, name);
    scene.state(EventType::ROOM_TOPIC, topic);
    let (renamed, titled) = (scene.host.log[3].clone(), scene.host.log[4].clone());
    let said = scene.say("by the new state");
    let bare = with_content(&scene.host, &renamed, None);
    let receipts = scene
        .deliver("c.example", vec![bare, titled.clone(), said.clone()])
        .await;
    assert_eq!(receipts, vec![Receipt::Pending; 3]);
    assert_eq!(scene.room_name().await, "Room");

    let again = scene.deliver("a.example", vec![renamed.clone()]).await;
    assert_eq!(again, vec![Receipt::Duplicate]);
    assert_eq!(scene.room_name().await, "Renamed");
    for event in [&renamed, &titled, &said] {
        let placed = scene.stored(event).await;
        assert_eq!(
            (placed.standing, placed.shown),
            (Standing::Valid, Shown::History)
        );
    }
    assert!(scene.wanted().await.is_empty());
    scene.is_sound().await;

    // The state that a restart folds goes on from there.
    scene.state(EventType::ROOM_NAME, json!({"name": "Later", "seen": {}}));
    let later = scene.host.log[5].clone();
    assert_eq!(scene.deliver("a.example", vec![later]).await, accepted(1));
    assert_eq!(scene.room_name().await, "Later");
    let tenant = scene.server.app.tenants().first().unwrap();
    let db = scene.server.app.db();
    crate::rooms::rebuild::tenant(&tenant, db, START)
        .await
        .unwrap();
    assert_eq!(scene.room_name().await, "Later");
    scene.is_sound().await;
}

#[tokio::test]
async fn a_state_content_that_its_host_cannot_hash_counts_for_nothing_and_the_next_ones_count() {
    let mut scene = Scene::open().await;
    scene.state(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    scene.state(EventType::ROOM_TOPIC, json!({"topic": "New", "seen": {}}));
    let (renamed, titled) = (scene.host.log[3].clone(), scene.host.log[4].clone());
    let bare = with_content(&scene.host, &renamed, None);
    scene.deliver("c.example", vec![bare, titled.clone()]).await;
    let huge = json!({"name": "x".repeat(2_000_000), "seen": {}});
    let huge = with_content(&scene.host, &renamed, Some(huge));
    scene.deliver("a.example", vec![huge]).await;
    assert_eq!(scene.stored(&renamed).await.standing, Standing::Void);
    assert_eq!(scene.stored(&titled).await.standing, Standing::Valid);
    assert_eq!(scene.room_name().await, "Room");
    scene.is_sound().await;
}

#[tokio::test]
async fn a_key_without_content_is_not_taken_and_holds_up_its_log() {
    let mut scene = Scene::open().await;
    let next = KeyPair::from_seed(&[9; 32]);
    let content =
        json!({"key_id": next.key_id().to_string(), "public_key": next.public_key().to_string()});
    let change = scene.append(EventType::LOG_KEY, content);
    let bare = with_content(&scene.guest, &change, None);
    let mismatch = Some((7, Code::FedSignatureMismatch, false));
    assert_eq!(refusal(&scene.receive(&bare).await), mismatch);
    assert_eq!(scene.receive(&change).await, Receipt::Accepted);
}

#[tokio::test]
async fn what_is_redacted_for_good_is_not_asked_for() {
    let mut scene = Scene::open().await;
    let message = scene.say("said too much");
    let bare = with_content(&scene.guest, &message, None);
    assert_eq!(scene.receive(&bare).await, Receipt::Accepted);
    assert_eq!(scene.wanted().await, [message.event_id]);
    let redaction = json!({"event_id": message.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, redaction);
    assert_eq!(scene.receive(&redaction).await, Receipt::Accepted);
    assert!(scene.wanted().await.is_empty());
    assert_eq!(scene.receive(&message).await, Receipt::Duplicate);
    assert_eq!(scene.stored(&message).await.event.content, None);

    // The same the other way round.
    let message = scene.say("and again");
    let redaction = json!({"event_id": message.event_id, "reason": null});
    let redaction = scene.append(EventType::ROOM_REDACTION, redaction);
    let bare = with_content(&scene.guest, &message, None);
    scene.deliver("b.example", vec![bare, redaction]).await;
    assert!(scene.wanted().await.is_empty());
    scene.is_sound().await;
}

#[tokio::test]
async fn a_server_that_has_not_the_content_rests_before_it_is_asked_again() {
    let mut scene = Scene::open().await;
    let message = scene.say("late");
    let bare = with_content(&scene.guest, &message, None);
    scene.receive(&bare).await;
    let tenant = scene.server.app.tenants().first().unwrap();
    let mut tx = scene.server.app.db().begin().await.unwrap();
    let asked = [(message.event_id, Denied::Unexplained)];
    contents::denied(&tenant, &mut tx, &scene.guest.name, &asked, START)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    assert!(scene.wanted_of("b.example", START).await.is_empty());
    assert_eq!(
        scene.wanted_of("a.example", START).await,
        [message.event_id]
    );
    let later = START + 60_000;
    assert_eq!(
        scene.wanted_of("b.example", later).await,
        [message.event_id]
    );
}
