//! The next key takes over: in every log, in the descriptor, after a cut, at the end of its time.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::*;
use crate::app::test_server::{PASSWORD, Server};
use crate::events::core::event_type::EventType;
use crate::events::model::Placed;
use crate::federation::core::descriptor::{self, Descriptor, Pinned};
use crate::rooms::verify;

/// A server with one account and two rooms of it.
struct Scene {
    server: Server,
    tenant: Tenant,
    rooms: [RoomId; 2],
}

impl Scene {
    async fn open() -> Scene {
        let server = Server::local().await;
        let tenant = server.app.tenants().first().unwrap();
        let mut rooms = Vec::new();
        for name in ["Busy", "Quiet"] {
            let room = ask(&server, Method::POST, "/v1/rooms", json!({"name": name})).await;
            rooms.push(room["id"].as_str().unwrap().parse().unwrap());
        }
        Scene {
            server,
            tenant,
            rooms: rooms.try_into().unwrap(),
        }
    }

    async fn say(&self, room: usize) -> Value {
        let path = format!("/v1/rooms/{}/send", self.rooms[room]);
        let body = json!({"content": {"body": "hello"}});
        ask(&self.server, Method::POST, &path, body).await
    }

    async fn rotate(&self) -> Rotation {
        rotate(&self.server.app, &self.tenant).await.unwrap()
    }

    fn key_id(&self) -> KeyId {
        self.server
            .app
            .keys()
            .current(&self.tenant)
            .unwrap()
            .key_id()
    }

    /// The last events of a room's log.
    async fn last<const N: usize>(&self, room: usize) -> [Placed; N] {
        let (db, own) = (self.server.app.db(), self.tenant.server_name());
        let log = store::log_page(&self.tenant, db, self.rooms[room], own, (1, 0), 100).await;
        let log = log.unwrap();
        log[log.len() - N..].to_vec().try_into().unwrap()
    }

    async fn descriptor(&self) -> Descriptor {
        let document = self.server.app.federation().descriptor(&self.tenant).await;
        let bytes = document.unwrap().to_string();
        let now = self.server.clock.now_ms();
        descriptor::read(bytes.as_bytes(), self.tenant.server_name(), now).unwrap()
    }

    async fn condition(&self) -> Condition {
        condition(&self.server.app).await
    }

    async fn is_sound(&self) {
        verify::tenant(&self.tenant, self.server.app.db())
            .await
            .unwrap();
    }
}

/// A request of the account, signed in now: a test may have let years pass.
async fn ask(server: &Server, method: Method, path: &str, body: Value) -> Value {
    let token = server.sign_in("root", PASSWORD).await.data("access_token");
    let answer = server.ask(method, path, Some(&token), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["data"].clone()
}

#[tokio::test]
async fn every_log_goes_over_to_the_next_key_by_the_word_of_the_one_before() {
    let scene = Scene::open().await;
    let first = scene.key_id();
    scene.say(0).await;
    let rotation = scene.rotate().await;
    let expected = Rotation {
        made: true,
        renewed: 2,
        waiting: 0,
    };
    assert_eq!(rotation, expected);
    let next = scene.key_id();
    assert_ne!(next, first);
    for room in [0, 1] {
        let [last] = scene.last(room).await;
        assert_eq!(last.event.event_type, EventType::LOG_KEY, "room {room}");
        assert_eq!(last.event.sender, None);
        assert_eq!(last.event.key_id, first);
        let content = last.event.content.as_ref().unwrap();
        assert_eq!(content["key_id"], next.to_string());
    }
    scene.say(0).await;
    let [message] = scene.last(0).await;
    assert_eq!(message.event.key_id, next);
    let room = ask(
        &scene.server,
        Method::POST,
        "/v1/rooms",
        json!({"name": "New"}),
    )
    .await;
    assert_eq!(room["name"], "New");
    scene.is_sound().await;
}

#[tokio::test]
async fn both_keys_are_published_for_thirty_days_and_peers_follow() {
    let scene = Scene::open().await;
    let before = scene.descriptor().await;
    let pinned = Pinned::first(&before);
    scene.rotate().await;
    let after = scene.descriptor().await;
    let now = scene.server.clock.now_ms();
    let followed = pinned.accept(&after, now).unwrap();
    assert_eq!(followed.current(), scene.key_id());
    let old = before.public_key.key_id();
    assert!(followed.key(old, now + 30 * DAY_MS - 1).is_some());
    assert!(followed.key(old, now + 30 * DAY_MS).is_none());

    // A second rotation soon after: whoever missed the first follows all the same.
    scene.server.clock.advance(DAY_MS);
    scene.rotate().await;
    let latest = scene.descriptor().await;
    assert_eq!(latest.keys.len(), 3);
    let now = scene.server.clock.now_ms();
    assert_eq!(
        pinned.accept(&latest, now).unwrap().current(),
        scene.key_id()
    );
}

#[tokio::test]
async fn a_rotation_that_was_cut_off_goes_on_by_itself() {
    let scene = Scene::open().await;
    let first = scene.key_id();
    make_next(&scene.server.app, &scene.tenant).await.unwrap();
    let next = scene.key_id();

    // Whoever writes before anything was caught up with has the key's event written first.
    scene.say(0).await;
    let [key, message] = scene.last(0).await;
    assert_eq!(key.event.event_type, EventType::LOG_KEY);
    assert_eq!((key.event.key_id, message.event.key_id), (first, next));
    let [quiet] = scene.last(1).await;
    assert_eq!(quiet.event.key_id, first);
    assert_eq!(waiting(&scene.server.app, &scene.tenant).await.unwrap(), 1);

    look_after(&scene.server.app, &scene.tenant).await.unwrap();
    let [quiet] = scene.last(1).await;
    assert_eq!(quiet.event.event_type, EventType::LOG_KEY);
    assert_eq!(waiting(&scene.server.app, &scene.tenant).await.unwrap(), 0);
    scene.is_sound().await;
}

#[tokio::test]
async fn a_database_of_before_a_rotation_takes_the_next_key_up_again() {
    let scene = Scene::open().await;
    let (app, first) = (&scene.server.app, scene.key_id());
    scene.rotate().await;
    let (next, now) = (scene.key_id(), scene.server.clock.now_ms());
    let pinned = Pinned::first(&scene.descriptor().await);

    // As a backup of before has it; the logs have come back from peers.
    let mut tx = app.db().begin().await.unwrap();
    for (sql, key) in [
        ("DELETE FROM tenant_keys WHERE key_id = $1", next),
        (
            "UPDATE tenant_keys SET expires_at = NULL WHERE key_id = $1",
            first,
        ),
    ] {
        let done = sqlx::query(sql)
            .bind(key.to_string())
            .execute(tx.conn())
            .await;
        assert_eq!(done.unwrap().rows_affected(), 1);
    }
    tx.commit(()).await.unwrap();
    app.keys().load(app.db(), &scene.tenant, now).await.unwrap();
    assert_eq!(scene.key_id(), first);

    for _ in 0..2 {
        scene.server.clock.advance(1);
        take_up(app, &scene.tenant).await.unwrap();
        assert_eq!(scene.key_id(), next);
    }
    scene.say(0).await;
    let [message] = scene.last(0).await;
    assert_eq!(message.event.key_id, next);
    let followed = pinned
        .accept(&scene.descriptor().await, now + DAY_MS)
        .unwrap();
    assert_eq!(
        followed.current(),
        next,
        "who knows the key goes on with it"
    );
    scene.is_sound().await;
}

#[tokio::test]
async fn rotating_again_completes_what_was_cut_off_before_it_makes_another_key() {
    let scene = Scene::open().await;
    make_next(&scene.server.app, &scene.tenant).await.unwrap();
    let next = scene.key_id();
    let completed = scene.rotate().await;
    assert_eq!((completed.made, completed.renewed), (false, 2));
    assert_eq!(scene.key_id(), next);
    assert!(scene.rotate().await.made);
    assert_ne!(scene.key_id(), next);
}

#[tokio::test]
async fn a_retired_private_key_is_kept_for_its_time_and_no_longer() {
    let scene = Scene::open().await;
    let first = scene.key_id();
    scene.rotate().await;
    let (app, keys) = (&scene.server.app, scene.server.app.keys());
    let name = first.to_string().replace(':', "-");
    let file = app
        .config()
        .data_dir
        .join("keys/default")
        .join(format!("{name}.pem"));

    scene.server.clock.advance(OVERLAP_MS - 1);
    look_after(app, &scene.tenant).await.unwrap();
    assert!(keys.pair(&scene.tenant, first).is_some() && file.exists());
    scene.server.clock.advance(1);
    look_after(app, &scene.tenant).await.unwrap();
    assert!(keys.pair(&scene.tenant, first).is_none() && !file.exists());

    keys.load(app.db(), &scene.tenant, app.now()).await.unwrap();
    scene.say(1).await;
    scene.is_sound().await;
}

#[tokio::test]
async fn a_log_whose_key_is_gone_is_named_and_holds_up_no_other() {
    let scene = Scene::open().await;
    let app = &scene.server.app;
    let first = scene.key_id();
    make_next(app, &scene.tenant).await.unwrap();
    scene.say(0).await;
    app.keys().forget(&scene.tenant, first).unwrap();
    assert_eq!(renew_logs(app, &scene.tenant).await.unwrap(), 1);
    scene.say(0).await;
    let path = format!("/v1/rooms/{}/send", scene.rooms[1]);
    let token = scene
        .server
        .sign_in("root", PASSWORD)
        .await
        .data("access_token");
    let body = json!({"content": {"body": "hello"}});
    let answer = scene
        .server
        .ask(Method::POST, &path, Some(&token), body)
        .await;
    assert_eq!(answer.code(), "SW_INTERNAL_ERROR");

    assert_eq!(scene.condition().await, Condition::Ok);
    scene.server.clock.advance(OVERLAP_MS - NEAR_END_MS);
    assert_eq!(scene.condition().await, Condition::Expiring);
}

#[tokio::test]
async fn an_old_key_asks_for_its_rotation() {
    let scene = Scene::open().await;
    assert_eq!(scene.condition().await, Condition::Ok);
    scene.server.clock.advance(MAX_AGE_MS);
    assert_eq!(scene.condition().await, Condition::Expiring);
    scene.rotate().await;
    assert_eq!(scene.condition().await, Condition::Ok);
}

#[tokio::test]
async fn more_keys_than_a_descriptor_shows_are_never_good_at_once() {
    let scene = Scene::open().await;
    for _ in 1..MOST_VALID {
        assert!(scene.rotate().await.made);
    }
    let error = rotate(&scene.server.app, &scene.tenant).await.unwrap_err();
    assert_eq!(error.code(), Code::ValidationError);
    assert_eq!(scene.descriptor().await.keys.len(), MOST_VALID);
    scene.server.clock.advance(OVERLAP_MS);
    assert!(scene.rotate().await.made);
    scene.is_sound().await;
}
