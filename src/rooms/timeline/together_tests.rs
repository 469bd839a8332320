//! A page of state events is written together, and leaves the same rows as its events one by one, and as a rebuild.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::tests::{Scene, text};
use crate::app::test_server::START;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Verified;
use crate::participants::{Kind, Participant};
use crate::rooms::core::content::OriginKey;
use crate::rooms::timeline::{Part, Receipt};
use crate::rooms::{profiles, rebuild};

/// What a rebuild makes anew.
const PROJECTIONS: [&str; 6] = [
    "members", "spans", "rooms", "log_keys", "mentions", "replies",
];
/// Everything that a page may write.
const TABLES: [&str; 11] = [
    "members",
    "spans",
    "rooms",
    "log_keys",
    "mentions",
    "replies",
    "participants",
    "log_gaps",
    "logs",
    "outbox",
    "events",
];

type Tables = BTreeMap<&'static str, Vec<String>>;

/// A person's profile as the person's server signs it at this time.
fn profile(person: &str, name: &str, key: &KeyPair, ts: i64) -> Option<Value> {
    let fqid = person.parse().unwrap();
    let person = Participant {
        id: ParticipantId::derive(&fqid),
        fqid,
        kind: Kind::Human,
        is_local: false,
        display_name: name.to_owned(),
        avatar_url: None,
        bio: None,
        model_id: None,
        suspended: false,
    };
    profiles::signed(&person, key, ts)
}

impl Scene {
    async fn rows(&self, tables: &[&'static str]) -> Tables {
        let db = self.server.app.db();
        let mut all = Tables::new();
        for table in tables {
            let names: Vec<String> =
                sqlx::query_scalar("SELECT name FROM pragma_table_info($1) ORDER BY name")
                    .bind(*table)
                    .fetch_all(db.reader())
                    .await
                    .unwrap();
            let quoted: Vec<String> = names.iter().map(|name| format!("quote({name})")).collect();
            let row = quoted.join(" || ' ' || ");
            let sql = format!("SELECT {row} AS line FROM {table} ORDER BY line");
            let lines = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            all.insert(*table, lines.fetch_all(db.reader()).await.unwrap());
        }
        all
    }

    /// Appends to the host's log.
    fn adds(&mut self, event_type: EventType, content: Value) {
        let state = self
            .host
            .log
            .iter()
            .rev()
            .find(|event| event.event_type.is_state());
        let state = state.cloned();
        let seq = self.host.log.len() + 1;
        let event = self.host.sign(seq, event_type, content, state.as_ref());
        self.host.log.push(event);
    }

    fn member(&mut self, person: &str, membership: &str, level: u8, more: Value) {
        let mut content = json!({
            "participant": person, "membership": membership, "power_level": level, "seen": {},
        });
        for (name, value) in more.as_object().unwrap() {
            content[name] = value.clone();
        }
        self.adds(EventType::ROOM_MEMBER, content);
    }

    /// People of four servers come and go, one of them this one; between it they talk, and settings change.
    fn goes_on(&mut self) {
        let own = self.server.app.tenants().first().unwrap();
        let carla = format!("@carla:{}", own.server_name());
        let start = json!({"epoch": 1, "seq": 0, "hash": null});
        let far_key = KeyPair::from_seed(&[9; 32]);
        let other_key = OriginKey::of(KeyPair::from_seed(&[8; 32]).public_key());
        for number in 0..70 {
            let person = format!("@person-{number}:a.example");
            let key = KeyPair::from_seed(&[1; 32]);
            let early = profile(&person, "Early", &key, START - 10);
            let late = profile(&person, &format!("Late {number}"), &key, START - 5);
            self.member(
                &person,
                "invite",
                0,
                json!({"profile": late, "reason": "come"}),
            );
            self.member(
                &person,
                "join",
                0,
                json!({"profile": early, "after": start}),
            );
            self.adds(EventType::ROOM_MESSAGE, text(&format!("hello {number}")));
        }
        for (number, key) in [OriginKey::of(far_key.public_key()), other_key]
            .iter()
            .enumerate()
        {
            let person = format!("@person-{number}:d.example");
            let shown = profile(&person, "From far away", &far_key, START);
            let joins = json!({"profile": shown, "key": key, "after": start});
            self.member(&person, "join", 0, joins);
        }
        self.member(&carla, "invite", 0, json!({}));
        self.member(&carla, "join", 0, json!({"after": start}));
        self.adds(EventType::ROOM_NAME, json!({"name": "Orchard", "seen": {}}));
        self.adds(EventType::ROOM_MESSAGE, text("seen by carla"));
        self.member(&carla, "leave", 0, json!({}));
        self.member("@person-3:a.example", "join", 50, json!({}));
        self.member(
            "@person-5:a.example",
            "leave",
            0,
            json!({"reason": "kicked"}),
        );
        self.member("@person-6:a.example", "ban", 0, json!({}));
        self.member("@person-0:d.example", "leave", 0, json!({}));
        self.member("@person-1:d.example", "leave", 0, json!({}));
        self.member("@person-1:d.example", "join", 0, json!({"after": start}));
        self.member("@bob:b.example", "join", 50, json!({}));
        self.member(&carla, "join", 0, json!({"after": start}));
        self.adds(EventType::ROOM_MESSAGE, text("welcome back"));
        self.member("@person-7:a.example", "leave", 0, json!({}));
    }

    /// The host's events that make up the state, or the others, behind those that are here from the start.
    fn part(&self, is_state: bool) -> Vec<Verified<Event>> {
        let behind = self.host.log.iter().skip(3);
        let part = behind.filter(|event| event.event_type.is_state() == is_state);
        part.cloned().collect()
    }

    async fn takes(&self, events: Vec<Verified<Event>>, part: Part, at_once: bool) {
        let size = if at_once { events.len() } else { 1 };
        for page in events.chunks(size) {
            let receipts = self.deliver_part("a.example", page.to_vec(), part).await;
            assert!(
                receipts.iter().all(|receipt| *receipt == Receipt::Accepted),
                "{receipts:?}"
            );
        }
    }
}

fn assert_same(left: &Tables, right: &Tables) {
    for (table, rows) in left {
        assert_eq!(rows, &right[table], "{table}");
        assert!(!rows.is_empty() || ["mentions", "replies", "log_gaps"].contains(table));
    }
}

/// Two servers that get the same: one at once, the other event by event.
async fn both() -> [Scene; 2] {
    let mut both = [Scene::open().await, Scene::open().await];
    for scene in &mut both {
        scene.goes_on();
    }
    both
}

async fn equals_its_rebuild(scene: &Scene) {
    let live = scene.rows(&PROJECTIONS).await;
    let app = &scene.server.app;
    let tenant = app.tenants().first().unwrap();
    let rebuilt = rebuild::tenant(&tenant, app.db(), START).await;
    rebuilt.unwrap();
    assert_same(&live, &scene.rows(&PROJECTIONS).await);
    scene.is_sound().await;
}

#[tokio::test]
async fn the_state_at_once_leaves_the_rows_of_its_events_one_by_one() {
    let [at_once, one_by_one] = both().await;
    for (scene, together) in [(&at_once, true), (&one_by_one, false)] {
        scene.takes(scene.part(true), Part::State, together).await;
    }
    let rows = at_once.rows(&TABLES).await;
    assert_same(&rows, &one_by_one.rows(&TABLES).await);
    assert!(rows["log_gaps"].len() > 70);
    equals_its_rebuild(&at_once).await;

    for (scene, together) in [(&at_once, true), (&one_by_one, false)] {
        scene.takes(scene.part(false), Part::Log, together).await;
    }
    let rows = at_once.rows(&TABLES).await;
    assert_same(&rows, &one_by_one.rows(&TABLES).await);
    assert_eq!(rows["log_gaps"], Vec::<String>::new());
    equals_its_rebuild(&at_once).await;
}

#[tokio::test]
async fn a_whole_log_at_once_leaves_the_rows_of_its_events_one_by_one() {
    let [at_once, one_by_one] = both().await;
    for (scene, together) in [(&at_once, true), (&one_by_one, false)] {
        let log = scene.host.log.iter().skip(3).cloned().collect();
        scene.takes(log, Part::Log, together).await;
    }
    let rows = at_once.rows(&TABLES).await;
    assert_same(&rows, &one_by_one.rows(&TABLES).await);
    equals_its_rebuild(&at_once).await;
}
