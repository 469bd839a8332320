//! The rows are the same whatever the order of arrival, and the same when they are made anew.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use sqlx::Row;

use super::{apply, erase_settled, refold};
use crate::app::test_server::Server;
use crate::db::Tx;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Draft;
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::events::store;
use crate::messages::store::clear_projections;
use crate::rooms::core::content::{HistoryVisibility, Lifecycle, RoomType, target};
use crate::rooms::store::rooms::{self, RoomRow};
use crate::tenants::Tenant;

const START: i64 = 1_780_000_000_000;
const HOST: &str = "c.example";

/// The logs of one room, whose host is `c.example`.
struct Logs {
    room_id: RoomId,
    logs: Vec<Vec<Placed>>,
}

impl Logs {
    fn new(nonce: usize) -> Logs {
        let host: ServerName = HOST.parse().unwrap();
        Logs {
            room_id: RoomId::derive(&host, &nonce.to_string()),
            logs: Vec::new(),
        }
    }

    /// Writes the next event of the sender's server, `at` ms after the start.
    fn write(&mut self, sender: &str, event_type: EventType, at: i64, content: Value) -> EventId {
        let sender: Fqid = sender.parse().unwrap();
        let origin = sender.server_name().clone();
        let index = self
            .logs
            .iter()
            .position(|log| log[0].event.origin == origin)
            .unwrap_or_else(|| {
                self.logs.push(Vec::new());
                self.logs.len() - 1
            });
        let before = self.logs[index].last();
        let event = Draft {
            room_id: self.room_id,
            origin,
            sender: Some(sender),
            event_type: event_type.clone(),
            content: content.clone(),
            epoch: 1,
            seq: before.map_or(1, |before| before.event.seq + 1),
            prev: before.map(|before| before.hash),
            ts: START + at,
            state_seq: 1,
            state_hash: Some(Hash::of(b"state")),
            salt: [1; 16],
        }
        .sign(&KeyPair::from_seed(&[7; 32]))
        .unwrap();
        let id = event.event_id;
        self.logs[index].push(Placed {
            position: 0,
            hash: event.hash(),
            event: Arc::new((*event).clone()),
            standing: Standing::Valid,
            shown: Shown::History,
            kind: Kind::Timeline,
            target: target(&event_type, &content).unwrap(),
        });
        id
    }

    /// All events in one of the orders in which they can arrive: each log in its own order.
    fn shuffled(&self, random: &mut StdRng) -> Vec<Placed> {
        let mut logs: Vec<_> = self.logs.iter().map(|log| log.iter()).collect();
        let mut arrived = Vec::new();
        while !logs.is_empty() {
            let index = random.random_range(0..logs.len());
            match logs[index].next() {
                Some(placed) => arrived.push(placed.clone()),
                None => drop(logs.swap_remove(index)),
            }
        }
        arrived
    }
}

/// A message of Bob's and everything that can happen to it; the message's id, and the redaction's.
fn eventful(nonce: usize, redacted_by: Option<&str>) -> (Logs, EventId, Option<EventId>) {
    let mut logs = Logs::new(nonce);
    let carol = ParticipantId::derive(&"@carol:c.example".parse().unwrap());
    let dave = ParticipantId::derive(&"@dave:d.example".parse().unwrap());
    let content = json!({
        "body": "one #urgent", "mentions": [carol], "reply_to_event_id": "018f0000-0000-7000-8000-000000000001",
    });
    let message = logs.write("@bob:b.example", EventType::ROOM_MESSAGE, 0, content);
    let edit = |body: &str, mentions: Value| json!({"event_id": message, "content": {"body": body, "mentions": mentions}});
    let react =
        |emoji: &str, action: &str| json!({"event_id": message, "emoji": emoji, "action": action});
    let (edited, reacted) = (EventType::ROOM_MESSAGE_EDIT, EventType::ROOM_REACTION);
    for (sender, event_type, at, content) in [
        ("@bob:b.example", &edited, 10, edit("two?", json!([dave]))),
        (
            "@bob:b.example",
            &edited,
            20,
            edit("three", json!([carol, dave])),
        ),
        ("@bob:b.example", &reacted, 20, react("👍", "add")),
        // Not the sender: no effect, even if nobody has judged it yet.
        ("@carol:c.example", &edited, 30, edit("forged", json!([]))),
        ("@carol:c.example", &reacted, 40, react("👍", "add")),
        ("@carol:c.example", &reacted, 40, react("👍", "remove")),
        ("@carol:c.example", &reacted, 50, react("🎉", "add")),
        ("@dave:d.example", &reacted, 15, react("👍", "add")),
    ] {
        logs.write(sender, event_type.clone(), at, content);
    }
    let redaction = redacted_by.map(|sender| {
        let content = json!({"event_id": message, "reason": "rude"});
        logs.write(sender, EventType::ROOM_REDACTION, 60, content)
    });
    (logs, message, redaction)
}

/// Nothing is acknowledged: only the host's own redactions are settled.
fn is_hosts(event: &Event) -> bool {
    event.origin.as_str() == HOST
}

fn group() -> super::Room<'static> {
    super::Room {
        is_dm: false,
        is_settled: &is_hosts,
    }
}

struct Store {
    server: Server,
    tenant: Tenant,
    position: i64,
}

impl Store {
    async fn new() -> Store {
        let server = Server::start(&[]).await;
        let tenant = server.app.tenants().first().unwrap();
        Store {
            server,
            tenant,
            position: 0,
        }
    }

    async fn begin(&self) -> Tx {
        self.server.app.db().begin().await.unwrap()
    }

    /// Receives events one after another.
    async fn receive(&mut self, room_id: RoomId, events: Vec<Placed>) {
        let mut tx = self.begin().await;
        let room = room(room_id);
        rooms::upsert(&self.tenant, &mut tx, &room).await.unwrap();
        for mut placed in events {
            self.position += 1;
            placed.position = self.position;
            let placed = [placed];
            let event = &placed[0].event;
            let is_message = event.event_type == EventType::ROOM_MESSAGE;
            let ids = [event.event_id];
            let late =
                store::meeting::spoken_of(&self.tenant, &mut tx, &ids[..usize::from(is_message)]);
            let late = late.await.unwrap();
            store::insert(&self.tenant, &mut tx, &placed).await.unwrap();
            apply(&self.tenant, &mut tx, &placed[0], &group())
                .await
                .unwrap();
            for message in late {
                refold(&self.tenant, &mut tx, message, &group())
                    .await
                    .unwrap();
            }
        }
        tx.commit(()).await.unwrap();
    }

    /// Makes all rows anew.
    async fn rebuild(&self) {
        let db = self.server.app.db();
        let all = store::walk(&self.tenant, db, -1, 10_000).await.unwrap();
        let mut tx = self.begin().await;
        clear_projections(&self.tenant, &mut tx).await.unwrap();
        for placed in &all {
            apply(&self.tenant, &mut tx, placed, &group())
                .await
                .unwrap();
        }
        tx.commit(()).await.unwrap();
    }

    /// Every row about a message, as text; the positions of this server left out.
    async fn rows(&self, message: EventId) -> Vec<String> {
        let mut found = Vec::new();
        for sql in [
            "SELECT 'changes ' || COALESCE(content, '-') || ' ' || COALESCE(edit_order, '-') || ' '
                 || COALESCE(redaction_order, '-') || ' ' || COALESCE(redacted_by, '-') AS line
             FROM message_changes WHERE event_id = $1",
            "SELECT 'reaction ' || emoji || participant_id || ' ' || change_order || ' ' || active AS line
             FROM reactions WHERE event_id = $1",
            "SELECT 'mention ' || participant_id AS line FROM mentions WHERE event_id = $1",
            "SELECT 'reply ' || parent_id AS line FROM replies WHERE event_id = $1",
            "SELECT 'mark ' || is_question || is_urgent AS line FROM priority_marks WHERE event_id = $1",
        ] {
            let rows = sqlx::query(sql)
                .bind(message.to_string())
                .fetch_all(self.server.app.db().reader())
                .await
                .unwrap();
            found.extend(rows.iter().map(|row| row.get::<String, _>("line")));
        }
        found.sort();
        found
    }

    async fn has_content(&self, message: EventId) -> bool {
        let db = self.server.app.db();
        let placed = store::by_id(&self.tenant, db.reader(), message)
            .await
            .unwrap();
        placed.unwrap().event.content.is_some()
    }
}

fn room(id: RoomId) -> RoomRow {
    RoomRow {
        id,
        host: HOST.parse().unwrap(),
        room_type: RoomType::Group,
        state: Lifecycle::Open,
        name: None,
        topic: None,
        alias: None,
        scope_kind: None,
        visibility: None,
        read_role_slugs: Vec::new(),
        avatar_url: None,
        history_visibility: HistoryVisibility::Shared,
        edit_window_seconds: 86_400,
        auto_close: false,
        federated: true,
        creator_id: ParticipantId::derive(&"@carol:c.example".parse().unwrap()),
        created_at: START,
        power_levels: Default::default(),
        member_count: 3,
        workspace_id: None,
    }
}

/// The rows after many orders of arrival, each in a room of its own, compared by what does not name the room's ids.
async fn same_in_every_order(redacted_by: Option<&str>) -> Vec<String> {
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    let mut store = Store::new().await;
    let mut messages = Vec::new();
    for nonce in 0..40 {
        let (logs, message, _) = eventful(nonce, redacted_by);
        let events = logs.shuffled(&mut random);
        store.receive(logs.room_id, events).await;
        messages.push(message);
    }
    let mut live = Vec::new();
    for message in &messages {
        live.push(store.rows(*message).await);
    }
    for rows in &live {
        assert_eq!(rows, &live[0], "seed {seed}");
    }
    store.rebuild().await;
    for (message, rows) in messages.iter().zip(&live) {
        assert_eq!(&store.rows(*message).await, rows, "rebuilt, seed {seed}");
    }
    live.swap_remove(0)
}

#[tokio::test]
async fn edits_and_reactions_fold_alike_in_every_order() {
    let rows = same_in_every_order(None).await;
    assert!(rows.iter().any(|row| row.contains("three")), "{rows:?}");
    let count = |kind: &str| rows.iter().filter(|row| row.starts_with(kind)).count();
    assert_eq!(
        (count("reaction"), count("mention"), count("reply")),
        (4, 2, 1)
    );
}

#[tokio::test]
async fn a_redaction_leaves_the_same_rows_in_every_order() {
    for by in ["@bob:b.example", "@carol:c.example", "@dave:d.example"] {
        let rows = same_in_every_order(Some(by)).await;
        assert_eq!(rows.len(), 1, "{rows:?}");
        assert!(rows[0].starts_with("changes - - "), "{rows:?}");
    }
}

#[tokio::test]
async fn the_sender_and_the_host_erase_at_once_and_others_when_the_host_has_seen_it() {
    let mut store = Store::new().await;
    let mut random = StdRng::seed_from_u64(1);
    let cases = [
        ("@bob:b.example", false),
        ("@carol:c.example", false),
        ("@dave:d.example", true),
    ];
    for (nonce, (by, kept)) in cases.into_iter().enumerate() {
        let (logs, message, _) = eventful(nonce, Some(by));
        store
            .receive(logs.room_id, logs.shuffled(&mut random))
            .await;
        assert_eq!(store.has_content(message).await, kept, "{by}");
        let mut tx = store.begin().await;
        let dave = "d.example".parse().unwrap();
        for (seq, gone) in [(1, false), (2, true)] {
            erase_settled(&store.tenant, &mut tx, logs.room_id, &dave, (1, seq))
                .await
                .unwrap();
            let placed = store::by_id(&store.tenant, tx.conn(), message)
                .await
                .unwrap();
            assert_eq!(
                placed.unwrap().event.content.is_none(),
                gone || !kept,
                "{by} {seq}"
            );
        }
        tx.commit(()).await.unwrap();
    }
}

#[tokio::test]
async fn a_redaction_that_is_cut_off_has_destroyed_nothing() {
    let mut store = Store::new().await;
    let mut random = StdRng::seed_from_u64(2);
    let (logs, message, redaction) = eventful(0, Some("@dave:d.example"));
    store
        .receive(logs.room_id, logs.shuffled(&mut random))
        .await;
    let mut tx = store.begin().await;
    store::make_void(&store.tenant, &mut tx, redaction.unwrap())
        .await
        .unwrap();
    refold(&store.tenant, &mut tx, message, &group())
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    let (logs, untouched, _) = eventful(1, None);
    store
        .receive(logs.room_id, logs.shuffled(&mut random))
        .await;
    assert_eq!(store.rows(message).await, store.rows(untouched).await);
}

#[tokio::test]
async fn what_a_room_says_of_another_room_s_message_has_no_effect() {
    let mut store = Store::new().await;
    let mut random = StdRng::seed_from_u64(3);
    let (logs, message, _) = eventful(0, None);
    store
        .receive(logs.room_id, logs.shuffled(&mut random))
        .await;
    let before = store.rows(message).await;
    let mut other = Logs::new(1);
    let redact = json!({"event_id": message});
    let react = json!({"event_id": message, "emoji": "x", "action": "add"});
    other.write(
        "@dave:d.example",
        EventType::ROOM_REDACTION,
        70,
        redact.clone(),
    );
    other.write("@dave:d.example", EventType::ROOM_REACTION, 70, react);
    other.write("@bob:b.example", EventType::ROOM_REDACTION, 70, redact);
    store
        .receive(other.room_id, other.shuffled(&mut random))
        .await;
    let mut tx = store.begin().await;
    for origin in ["b.example", "d.example"] {
        let origin = origin.parse().unwrap();
        erase_settled(&store.tenant, &mut tx, other.room_id, &origin, (1, 9))
            .await
            .unwrap();
    }
    refold(&store.tenant, &mut tx, message, &group())
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    assert_eq!(store.rows(message).await, before);
    assert!(store.has_content(message).await);
}
