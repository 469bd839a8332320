//! Forks of the host's log, as a server that follows it sees them.

use serde_json::{Value, json};

use super::tests::{Scene, accepted, refusal, text, with_content};
use crate::catalogue::Code;
use crate::error::Coded;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::Fqid;
use crate::events::core::verified::Verified;
use crate::events::model::{Shown, Standing};
use crate::federation::store::journal;
use crate::rooms::core::content::OriginKey;
use crate::rooms::core::decide::Command;
use crate::rooms::error::RoomError;
use crate::rooms::rebuild;
use crate::rooms::timeline::{Act, Receipt};

const MESSAGE: EventType = EventType::ROOM_MESSAGE;
const MISMATCH: Option<(u8, Code, bool)> = Some((7, Code::FedSignatureMismatch, false));

impl Scene {
    /// The host's next state event; it is not delivered.
    fn states(&mut self, event_type: EventType, content: Value) -> Verified<Event> {
        self.state(event_type, content);
        self.host.log.last().unwrap().clone()
    }

    /// Another event of the host for place `seq`, resting on the state event before it.
    fn another(&self, seq: usize, event_type: EventType, content: Value) -> Verified<Event> {
        let before = self.host.log.get(seq - 2);
        self.host.sign(seq, event_type, content, before)
    }

    fn ban_of_bob(&mut self, cutoff: usize) -> Verified<Event> {
        let hash = cutoff.checked_sub(1).map(|at| self.guest.log[at].hash());
        self.states(
            EventType::ROOM_MEMBER,
            json!({
                "participant": "@bob:b.example", "membership": "ban", "power_level": 0, "seen": {},
                "cutoff": {"b.example": {"epoch": 1, "seq": cutoff, "hash": hash}},
            }),
        )
    }

    async fn hosts(&self, events: &[&Verified<Event>]) -> Vec<Receipt> {
        let events = events.iter().map(|event| (*event).clone()).collect();
        self.deliver("a.example", events).await
    }

    async fn standing(&self, event: &Verified<Event>) -> (Standing, Shown) {
        let stored = self.stored(event).await;
        (stored.standing, stored.shown)
    }

    async fn journal(&self) -> Vec<journal::Entry> {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        journal::page(&tenant, app.db(), None, 10).await.unwrap()
    }

    /// Who is in the room, by the rows and by what `admin rebuild` makes of the events.
    async fn members(&self) -> Vec<(String, String)> {
        let (app, tenant) = (&self.server.app, self.server.app.tenants().first().unwrap());
        let rows = async || {
            let sql = "SELECT fqid, membership FROM members ORDER BY fqid";
            let rows: Vec<(String, String)> = sqlx::query_as(sql)
                .fetch_all(app.db().reader())
                .await
                .unwrap();
            let sql =
                "SELECT participant_id, after_position, until_position FROM spans ORDER BY 1, 2";
            let spans: Vec<(String, i64, Option<i64>)> = sqlx::query_as(sql)
                .fetch_all(app.db().reader())
                .await
                .unwrap();
            (rows, spans)
        };
        let live = rows().await;
        rebuild::tenant(&tenant, app.db(), app.now()).await.unwrap();
        assert_eq!(rows().await, live, "rebuilt is as it was");
        live.0
    }
}

fn joined(people: &[&str]) -> Vec<(String, String)> {
    let joined = people.iter().map(|person| (*person, "join"));
    joined
        .map(|(person, membership)| (person.to_owned(), membership.to_owned()))
        .collect()
}

#[tokio::test]
async fn state_from_a_fork_of_the_hosts_log_on_is_taken_back_and_waits() {
    let mut scene = Scene::open().await;
    let before = scene.say("before the ban");
    let name = scene.states(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    let ban = scene.ban_of_bob(1);
    assert_eq!(scene.receive(&before).await, Receipt::Accepted);
    assert_eq!(scene.hosts(&[&name, &ban]).await, accepted(2));
    assert_eq!(scene.room_name().await, "Renamed");

    let other = scene.another(
        4,
        EventType::ROOM_NAME,
        json!({"name": "Another", "seen": {}}),
    );
    assert_eq!(refusal(&scene.hosts(&[&other]).await[0]), MISMATCH);
    assert_eq!(scene.room_name().await, "Room");
    assert_eq!(
        scene.members().await,
        joined(&["@alice:a.example", "@bob:b.example"])
    );
    for event in [&name, &ban] {
        assert_eq!(scene.standing(event).await, (Standing::Wait, Shown::Never));
    }
    assert_eq!(scene.standing(&before).await.0, Standing::Valid);
    scene.is_sound().await;

    // Nothing more is taken of that log; others go on by the state that is left.
    let next = scene.states(EventType::ROOM_NAME, json!({"name": "More", "seen": {}}));
    assert_eq!(refusal(&scene.hosts(&[&next]).await[0]), MISMATCH);
    let on_old_state = scene
        .guest
        .sign(2, MESSAGE, text("goes on"), scene.host.log.get(2));
    scene.guest.log.push(on_old_state.clone());
    assert_eq!(scene.receive(&on_old_state).await, Receipt::Accepted);
    let on_lost_state = scene.guest.sign(3, MESSAGE, text("waits"), Some(&name));
    scene.guest.log.push(on_lost_state.clone());
    assert_eq!(scene.receive(&on_lost_state).await, Receipt::Pending);
    scene.is_sound().await;
}

#[tokio::test]
async fn what_rested_on_the_lost_state_waits_and_what_only_that_voided_counts_again() {
    let mut scene = Scene::open().await;
    let name = scene.states(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    let early = scene.guest.sign(
        1,
        MESSAGE,
        text("knows nothing of it"),
        scene.host.log.get(2),
    );
    scene.guest.log.push(early.clone());
    let cut_off = scene
        .guest
        .sign(2, MESSAGE, text("is cut off"), scene.host.log.get(2));
    scene.guest.log.push(cut_off.clone());
    let ban = scene.ban_of_bob(1);
    let late = scene
        .guest
        .sign(3, MESSAGE, text("knows the name"), Some(&name));
    scene.guest.log.push(late.clone());
    let malformed = scene.guest.sign(
        4,
        EventType::ROOM_REDACTION,
        json!({"target": 5}),
        Some(&name),
    );
    scene.hosts(&[&name]).await;
    for event in [&early, &cut_off, &late] {
        assert_eq!(scene.receive(event).await, Receipt::Accepted);
    }
    assert!(refusal(&scene.receive(&malformed).await).is_some());
    scene.hosts(&[&ban]).await;
    for event in [&cut_off, &late] {
        assert_eq!(scene.standing(event).await.0, Standing::Void);
    }

    let other = scene.another(
        4,
        EventType::ROOM_TOPIC,
        json!({"topic": "Another", "seen": {}}),
    );
    assert_eq!(refusal(&scene.hosts(&[&other]).await[0]), MISMATCH);
    assert_eq!(
        scene.standing(&early).await,
        (Standing::Valid, Shown::History)
    );
    // Its content went when it was voided: it is asked for again.
    assert_eq!(
        scene.standing(&cut_off).await,
        (Standing::Valid, Shown::Never)
    );
    assert!(scene.wanted().await.contains(&cut_off.event_id));
    assert_eq!(scene.receive(&cut_off).await, Receipt::Duplicate);
    assert_eq!(
        scene.standing(&cut_off).await,
        (Standing::Valid, Shown::History)
    );
    for event in [&late, &malformed] {
        assert_eq!(scene.standing(event).await.0, Standing::Wait);
    }
    scene.is_sound().await;
}

#[tokio::test]
async fn the_hosts_messages_from_the_fork_on_are_hidden_and_an_earlier_fork_takes_more_back() {
    let mut scene = Scene::open().await;
    let name = scene.states(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    let said = scene.another(5, MESSAGE, text("here"));
    let elsewhere = scene.another(5, MESSAGE, text("elsewhere"));
    assert_eq!(scene.hosts(&[&name, &said]).await, accepted(2));
    assert_eq!(refusal(&scene.hosts(&[&elsewhere]).await[0]), MISMATCH);
    assert_eq!(
        scene.standing(&said).await,
        (Standing::Frozen, Shown::Never)
    );
    assert_eq!(scene.room_name().await, "Renamed");
    scene.is_sound().await;

    let other = scene.another(
        4,
        EventType::ROOM_NAME,
        json!({"name": "Another", "seen": {}}),
    );
    assert_eq!(refusal(&scene.hosts(&[&other]).await[0]), MISMATCH);
    assert_eq!(scene.room_name().await, "Room");
    scene.is_sound().await;
}

#[tokio::test]
async fn a_content_that_comes_late_brings_no_state_back_from_beyond_the_fork() {
    let mut scene = Scene::open().await;
    let name = scene.states(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    let topic = scene.states(EventType::ROOM_TOPIC, json!({"topic": "Later", "seen": {}}));
    let bare = with_content(&scene.host, &name, None);
    assert_eq!(
        scene.hosts(&[&bare, &topic]).await,
        [Receipt::Pending, Receipt::Pending]
    );
    let other = scene.another(
        5,
        EventType::ROOM_NAME,
        json!({"name": "Another", "seen": {}}),
    );
    assert_eq!(refusal(&scene.hosts(&[&other]).await[0]), MISMATCH);
    scene.hosts(&[&name]).await;
    assert_eq!(scene.room_name().await, "Renamed");
    assert_eq!(scene.standing(&topic).await.0, Standing::Wait);
    scene.is_sound().await;
}

#[tokio::test]
async fn who_named_other_state_before_that_came_is_written_down_when_it_comes() {
    let mut scene = Scene::open().await;
    let told = scene.another(
        4,
        EventType::ROOM_NAME,
        json!({"name": "Another", "seen": {}}),
    );
    let said = scene
        .guest
        .sign(1, MESSAGE, text("resting on that"), Some(&told));
    assert_eq!(scene.receive(&said).await, Receipt::Pending);
    assert!(scene.journal().await.is_empty());

    let name = scene.states(EventType::ROOM_NAME, json!({"name": "Renamed", "seen": {}}));
    assert_eq!(scene.hosts(&[&name]).await, accepted(1));
    let rows = scene.journal().await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0].peer, "b.example");
    assert!(rows[0].message.contains("another hash"), "{rows:?}");
    let topic = scene.states(EventType::ROOM_TOPIC, json!({"topic": "Later", "seen": {}}));
    scene.hosts(&[&topic]).await;
    assert_eq!(scene.journal().await.len(), 1, "once");
}

/// Somebody of the server under test joins: what a command of hers gets.
struct Dora(Scene, Fqid);

impl Dora {
    async fn joins() -> Dora {
        let mut scene = Scene::open().await;
        let tenant = scene.server.app.tenants().first().unwrap();
        let dora: Fqid = format!("@dora:{}", tenant.server_name()).parse().unwrap();
        let key = scene.server.app.keys().current(&tenant).unwrap();
        let join = json!({
            "participant": dora, "membership": "join", "power_level": 0, "seen": {},
            "after": {"epoch": 1, "seq": 0, "hash": null}, "key": OriginKey::of(key.public_key()),
        });
        let join = scene.states(EventType::ROOM_MEMBER, join);
        assert_eq!(scene.hosts(&[&join]).await, accepted(1));
        Dora(scene, dora)
    }

    async fn does(&self, command: Command) -> Result<EventId, RoomError> {
        let app = &self.0.server.app;
        let act = Act {
            tenant: app.tenants().first().unwrap(),
            room_id: self.0.host.log[0].room_id,
            actor: self.1.clone(),
            command,
            sending: None,
            asked: None,
            max_foreign: 0,
        };
        let outcome = app.timeline().act(act).await?.into_inner();
        Ok(outcome.events[0].event.event_id)
    }

    async fn says(&self, body: &str) -> Result<EventId, RoomError> {
        self.does(Command::Send {
            content: text(body),
        })
        .await
    }

    async fn forks(&mut self, seq: usize) {
        let other = json!({"topic": "Another", "seen": {}});
        let other = self.0.another(seq, EventType::ROOM_TOPIC, other);
        assert_eq!(refusal(&self.0.hosts(&[&other]).await[0]), MISMATCH);
    }
}

#[tokio::test]
async fn people_whose_server_rested_on_the_lost_state_are_told_that_the_room_is_over() {
    let mut dora = Dora::joins().await;
    let name = json!({"name": "Renamed", "seen": {}});
    let name = dora.0.states(EventType::ROOM_NAME, name);
    dora.0.hosts(&[&name]).await;
    dora.says("under the new name").await.unwrap();
    dora.forks(5).await;
    let refused = dora.says("is anybody there?").await.unwrap_err();
    assert_eq!(refused.code(), Code::RoomFrozen);
    assert!(refused.to_string().contains("make a new one"), "{refused}");
    dora.does(Command::Leave { reason: None }).await.unwrap();
    dora.0.is_sound().await;
}

#[tokio::test]
async fn people_whose_server_did_not_rest_on_it_go_on() {
    let mut dora = Dora::joins().await;
    dora.says("before").await.unwrap();
    let name = json!({"name": "Renamed", "seen": {}});
    let name = dora.0.states(EventType::ROOM_NAME, name);
    dora.0.hosts(&[&name]).await;
    dora.forks(5).await;
    dora.says("after").await.unwrap();
    let everybody = ["@alice:a.example", "@bob:b.example", dora.1.as_str()];
    assert_eq!(dora.0.members().await, joined(&everybody));
    dora.0.is_sound().await;
}
