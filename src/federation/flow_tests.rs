//! The federation as admins and strangers meet it, against the whole router.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::model::{Check, Rejection};
use super::store;
use crate::app::test_server::{Answer, PASSWORD, START, Server};
use crate::auth::roles::Role;
use crate::catalogue::Code;
use crate::events::core::names::ServerName;

const ADMIN: &str = "/v1/admin/federation";

struct Admin {
    server: Server,
    token: String,
}

impl Admin {
    async fn start() -> Self {
        let server = Server::local().await;
        let token = server.sign_in("root", PASSWORD).await.data("access_token");
        Self { server, token }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        self.server
            .ask(method, &format!("{ADMIN}{path}"), Some(&self.token), body)
            .await
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.ask(Method::GET, path, json!({})).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.body
    }

    /// Makes a peer known, as its first request would.
    async fn know(&self, name: &str) {
        let tenant = self.server.app.tenants().first().unwrap();
        let mut tx = self.server.app.db().begin().await.unwrap();
        let name: ServerName = name.parse().unwrap();
        store::peers::ensure(&tenant, &mut tx, &name, START)
            .await
            .unwrap();
        tx.commit(()).await.unwrap();
    }
}

#[tokio::test]
async fn the_policy_starts_closed_to_strangers_and_a_change_answers_all_keys() {
    let admin = Admin::start().await;
    let defaults = json!({
        "default_mode": "invite_only", "allowed_peers": [], "denied_peers": [],
        "max_foreign_participants_per_room": 50, "max_backfill_events_per_request": 1000,
        "open_directory": false,
    });
    assert_eq!(admin.get("/policy").await["data"], defaults);

    let changed = admin
        .ask(
            Method::PUT,
            "/policy",
            json!({"allowed_peers": ["b.example"]}),
        )
        .await;
    let mut expected = defaults;
    expected["allowed_peers"] = json!(["b.example"]);
    assert_eq!(changed.body["data"], expected);
    let changed = admin
        .ask(Method::PUT, "/policy", json!({"default_mode": "open"}))
        .await;
    expected["default_mode"] = json!("open");
    assert_eq!(changed.body["data"], expected);
    assert_eq!(admin.get("/policy").await["data"], expected);
}

#[tokio::test]
async fn a_policy_that_cannot_be_taken_names_the_field() {
    let admin = Admin::start().await;
    for (change, path, reason) in [
        (json!({"default_mode": "ajar"}), "body.default_mode", "enum"),
        (
            json!({"allowed_peers": ["b.example", "no name"]}),
            "body.allowed_peers[1]",
            "format",
        ),
        (
            json!({"max_backfill_events_per_request": -1}),
            "body.max_backfill_events_per_request",
            "range",
        ),
    ] {
        let answer = admin.ask(Method::PUT, "/policy", change).await;
        assert_eq!(answer.code(), "SW_VALIDATION_ERROR");
        let field = &answer.body["error"]["details"]["fields"][0];
        assert_eq!(
            (field["path"].as_str(), field["reason"].as_str()),
            (Some(path), Some(reason)),
            "{}",
            answer.body
        );
    }
}

#[tokio::test]
async fn only_those_with_the_permission_may_look() {
    let admin = Admin::start().await;
    admin.server.create("alice", &[Role::Member]).await;
    let token = admin
        .server
        .sign_in("alice", PASSWORD)
        .await
        .data("access_token");
    for (method, path) in [
        (Method::GET, "/identity"),
        (Method::GET, "/policy"),
        (Method::PUT, "/policy"),
        (Method::GET, "/peers"),
        (Method::POST, "/peers/b.example/pause"),
        (Method::POST, "/peers/b.example/resume"),
        (Method::POST, "/peers/b.example/retry"),
        (Method::GET, "/rejected"),
    ] {
        let answer = admin
            .server
            .ask(method, &format!("{ADMIN}{path}"), Some(&token), json!({}))
            .await;
        assert_eq!(answer.code(), "SW_AUTH_INSUFFICIENT_PERMISSION", "{path}");
        assert_eq!(
            answer.body["error"]["details"]["permission"],
            "federation.manage"
        );
    }
}

#[tokio::test]
async fn the_identity_is_that_of_the_descriptor() {
    let admin = Admin::start().await;
    let identity = admin.get("/identity").await;
    let descriptor = admin
        .server
        .ask(Method::GET, "/.well-known/scaiwave/server", None, json!({}))
        .await
        .body;
    for member in ["server_name", "key_id", "public_key"] {
        assert_eq!(identity["data"][member], descriptor[member]);
    }
    assert_eq!(identity["data"]["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn peers_are_listed_paused_and_resumed() {
    let admin = Admin::start().await;
    admin
        .ask(
            Method::PUT,
            "/policy",
            json!({"allowed_peers": ["b.example", "localhost:8002"]}),
        )
        .await;
    for name in ["localhost:8002", "b.example", "c.example"] {
        admin.know(name).await;
    }
    let first = admin.get("/peers?limit=2").await;
    let names = |page: &Value| -> Vec<String> {
        let rows = page["data"].as_array().unwrap();
        rows.iter()
            .map(|row| row["server_name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(&first), ["b.example", "c.example"]);
    assert_eq!(first["data"][0]["state"], "ok");
    assert_eq!(first["data"][1]["state"], "refused");
    let cursor = first["meta"]["next_cursor"].as_str().unwrap();
    assert_eq!(
        names(&admin.get(&format!("/peers?limit=2&from={cursor}")).await),
        ["localhost:8002"]
    );

    let paused = admin
        .ask(Method::POST, "/peers/localhost:8002/pause", json!({}))
        .await;
    assert_eq!(paused.body["data"]["state"], "paused");
    let resumed = admin
        .ask(Method::POST, "/peers/localhost:8002/resume", json!({}))
        .await;
    assert_eq!(resumed.body["data"]["state"], "ok");
    assert_eq!(
        admin
            .ask(Method::POST, "/peers/b.example/retry", json!({}))
            .await
            .status,
        StatusCode::OK
    );
    for name in ["d.example", "no%20name"] {
        let answer = admin
            .ask(Method::POST, &format!("/peers/{name}/pause"), json!({}))
            .await;
        assert_eq!(answer.code(), "SW_NOT_FOUND");
    }
}

#[tokio::test]
async fn what_was_refused_is_listed_newest_first_and_bounded() {
    let admin = Admin::start().await;
    let app = &admin.server.app;
    let tenant = app.tenants().first().unwrap();
    let rejection = |number: usize| Rejection {
        peer: "b.example".parse().unwrap(),
        check: Check::Content,
        code: Code::RoomForbidden,
        message: format!("refusal {number}"),
        event: Default::default(),
    };
    let mut tx = app.db().begin().await.unwrap();
    let many: Vec<Rejection> = (0..10_100).map(rejection).collect();
    app.federation()
        .journal()
        .write(&tenant, &mut tx, &many, START)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    let mut tx = app.db().begin().await.unwrap();
    app.federation()
        .journal()
        .write(&tenant, &mut tx, &[rejection(20_000)], START + 1)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();

    let page = admin.get("/rejected?limit=3").await;
    let newest = &page["data"][0];
    assert_eq!(newest["message"], "refusal 20000");
    assert_eq!(
        (newest["peer"].as_str(), newest["check"].as_i64()),
        (Some("b.example"), Some(8))
    );
    assert_eq!(newest["code"], "SW_ROOM_FORBIDDEN");
    let cursor = page["meta"]["next_cursor"].as_str().unwrap();
    let next = admin.get(&format!("/rejected?limit=3&from={cursor}")).await;
    assert_eq!(next["data"].as_array().unwrap().len(), 3);
    // However many come at a time.
    for _ in 0..5 {
        let mut tx = app.db().begin().await.unwrap();
        let journal = app.federation().journal();
        journal
            .write(&tenant, &mut tx, &many[..100], START + 2)
            .await
            .unwrap();
        tx.commit(()).await.unwrap();
        let counts = store::journal::counts(&tenant, app.db()).await.unwrap();
        assert!(counts[0].1 < store::journal::MAX_ROWS + 64, "{counts:?}");
    }
}

#[tokio::test]
async fn the_descriptor_is_no_envelope() {
    let admin = Admin::start().await;
    let answer = admin
        .server
        .ask(Method::GET, "/.well-known/scaiwave/server", None, json!({}))
        .await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body["protocol_versions"], json!(["v1"]));
    assert!(answer.body["signature"].is_string());
}
