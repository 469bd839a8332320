//! The suite must be able to fail: here it meets a stand-in for a server that is wrong on purpose, and must name what is wrong.

#![expect(clippy::expect_used, reason = "a test that cannot begin must fail")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};

use axum::extract::Path;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

const ALICE: &str = "00000000-0000-8000-8000-0000000000a1";

/// A stand-in that answers just enough to be judged. Its faults: it makes up request ids, forgets a field of its configuration,
/// answers unknown paths in prose, and lets everybody kick everybody.
fn stand_in() -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/health/live", get(|| async { "" }))
        .route("/v1/auth/config", get(config))
        .route("/v1/auth/token", post(token))
        .route("/v1/me", get(me))
        .route("/v1/rooms", post(room))
        .route("/v1/rooms/{id}/{*rest}", any(below_a_room))
        .fallback(|| async { (StatusCode::NOT_FOUND, "There is nothing here.") })
}

async fn health() -> impl IntoResponse {
    Json(json!({"status": "ok", "checks": {"database": "ok", "version": "0"}}))
}

async fn config() -> impl IntoResponse {
    let body = json!({"data": {"issuer": null, "mode": "local"}});
    ([("X-Request-Id", "always-the-same")], Json(body))
}

async fn token(Json(request): Json<Value>) -> impl IntoResponse {
    let name = request["username"].as_str().unwrap_or("").to_owned();
    Json(json!({"data": {
        "access_token": name, "refresh_token": "r", "token_type": "Bearer", "expires_in": 3600, "session_id": ALICE
    }}))
}

async fn me(headers: HeaderMap) -> impl IntoResponse {
    let bearer = headers
        .get("Authorization")
        .and_then(|value| value.to_str().ok());
    let name = bearer
        .unwrap_or("")
        .trim_start_matches("Bearer ")
        .to_owned();
    let fqid = format!("@{name}:stand-in.example");
    Json(json!({"data": {"participant_id": ALICE, "local_id": name, "fqid": fqid}}))
}

async fn room() -> impl IntoResponse {
    Json(json!({"data": {"id": "00000000-0000-8000-8000-000000000001"}}))
}

async fn below_a_room(Path((_, rest)): Path<(String, String)>) -> impl IntoResponse {
    Json(json!({"data": {"ok": true, "path": rest}}))
}

async fn listening() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, stand_in()).await });
    address
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

async fn suite(arguments: Vec<String>) -> Output {
    tokio::task::spawn_blocking(move || {
        Command::new(env!("CARGO_BIN_EXE_scaiwave-conformance"))
            .args(arguments)
            .env_remove("SCAIWAVE_CONFORMANCE_ADMIN_TOKEN")
            .output()
            .expect("the suite starts")
    })
    .await
    .expect("the suite ends")
}

/// Runs the chosen checks against the stand-in and answers the exit code and each check's result and reason.
async fn results(filter: &str, report: &str) -> (Option<i32>, BTreeMap<String, (String, String)>) {
    let accounts = scratch(&format!("accounts-of-{report}"));
    let people = json!([
        {"username": "alice", "password": "p"}, {"username": "bob", "password": "p"},
        {"username": "carol", "password": "p"}
    ]);
    std::fs::write(&accounts, people.to_string()).expect("a scratch file");
    let report = scratch(report);
    let address = listening().await;
    let arguments = [
        "--url",
        &format!("http://{address}"),
        "--accounts",
        &accounts.to_string_lossy(),
        "--filter",
        filter,
        "--json",
        &report.to_string_lossy(),
    ];
    let output = suite(arguments.iter().map(ToString::to_string).collect()).await;
    let text = std::fs::read_to_string(&report).expect("the report is written");
    let report: Value = serde_json::from_str(&text).expect("the report is JSON");
    let checks = report["checks"].as_array().expect("a list of checks");
    let member = |check: &Value, name: &str| check[name].as_str().unwrap_or("").to_owned();
    let results = checks
        .iter()
        .map(|check| {
            (
                member(check, "name"),
                (member(check, "result"), member(check, "reason")),
            )
        })
        .collect();
    (output.status.code(), results)
}

#[tokio::test]
async fn a_missing_permission_check_is_found() {
    let name = "rooms/kick: a member below 50 gets SW_ROOM_FORBIDDEN";
    let (code, results) = results(name, "kick.json").await;
    assert_eq!(code, Some(1));
    let (result, reason) = results.get(name).expect("the check ran");
    assert_eq!(result, "failed");
    assert_eq!(
        reason,
        "expected 403 SW_ROOM_FORBIDDEN, got 200 without an error code"
    );
}

#[tokio::test]
async fn missing_fields_and_request_ids_are_found() {
    let (code, found) = results("auth/config", "config.json").await;
    assert_eq!(code, Some(1));
    let (_, reason) = &found["auth/config: has every field, without a token"];
    assert_eq!(reason, "config.authorization_endpoint is absent");
    let (code, found) = results("conventions/request-id: the caller's", "request-id.json").await;
    assert_eq!(code, Some(1));
    assert_eq!(
        found["conventions/request-id: the caller's id comes back"].0,
        "failed"
    );
}

#[tokio::test]
async fn what_is_right_passes() {
    let (code, found) = results("operations/health: /health/live", "live.json").await;
    assert_eq!(code, Some(0));
    assert_eq!(found["operations/health: /health/live is 200"].0, "passed");
}

#[tokio::test]
async fn an_unmet_precondition_is_skipped_and_never_passed() {
    let name = "admin/users: POST makes an account that can sign in";
    let (code, found) = results(name, "skipped.json").await;
    assert_eq!(code, Some(0));
    let (result, reason) = &found[name];
    assert_eq!(result, "skipped");
    assert_eq!(reason, "needs --admin-token, or an admin in --accounts");
}

#[tokio::test]
async fn the_report_shows_request_and_response_and_a_summary_line() {
    let address = listening().await;
    let junit = scratch("junit.xml");
    let arguments = [
        "--url",
        &format!("http://{address}"),
        "--filter",
        "conventions/paths: an unknown path",
        "--junit",
        &junit.to_string_lossy(),
    ];
    let output = suite(arguments.iter().map(ToString::to_string).collect()).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.lines()
            .any(|line| line == "0 passed, 0 failed, 1 skipped"),
        "{text}"
    );
    let arguments = [
        "--url",
        &format!("http://{address}"),
        "--filter",
        "auth/config: has every",
    ];
    let output = suite(arguments.iter().map(ToString::to_string).collect()).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.lines()
            .any(|line| line == "0 passed, 1 failed, 0 skipped"),
        "{text}"
    );
    assert!(text.contains("> GET /v1/auth/config"), "{text}");
    assert!(text.contains("\"mode\":\"local\""), "{text}");
    let junit = std::fs::read_to_string(junit).expect("the report is written");
    assert!(
        junit.contains("<testsuite name=\"client\" tests=\"1\" failures=\"0\" skipped=\"1\">"),
        "{junit}"
    );
}

#[tokio::test]
async fn wrong_usage_and_an_unreachable_server_have_codes_of_their_own() {
    for (arguments, code) in [
        (vec!["--url", "ftp://127.0.0.1"], 2),
        (
            vec![
                "--url",
                "http://127.0.0.1:9",
                "--filter",
                "no check has this name",
            ],
            2,
        ),
        (vec!["--no-such-option"], 2),
        (vec!["--url", "http://127.0.0.1:9"], 3),
    ] {
        let output = suite(arguments.iter().map(ToString::to_string).collect()).await;
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    }
}
