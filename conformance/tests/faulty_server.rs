//! The suite must be able to fail: here it meets a stand-in for a server that is wrong on purpose, and must name what is wrong.

#![expect(clippy::expect_used, reason = "a test that cannot begin must fail")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;

use axum::extract::{Path, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use scaiwave_conformance::peer::{FEDERATION, descriptor, policy};
use scaiwave_conformance::protocol::key::Key;
use serde_json::{Value, json};
use tokio::sync::Notify;

const NAME: &str = "stand-in.example";
const ALICE: &str = "00000000-0000-8000-8000-0000000000a1";

/// A stand-in that answers just enough to be judged. Its faults: it makes up request ids, forgets a field of its configuration,
/// answers unknown paths in prose, lets everybody kick everybody, shows a descriptor that somebody has changed, and believes every
/// server that says who it is.
fn stand_in() -> Router {
    let descriptor = changed_descriptor();
    Router::new()
        .route(descriptor::PATH, get(async move || Json(descriptor)))
        .route(policy::PATH, get(federation_policy).put(federation_policy))
        .route(&format!("{FEDERATION}/{{*rest}}"), any(between_servers))
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
    let body = json!({"data": {"issuer": null, "mode": "local", "server_name": NAME}});
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
    let fqid = format!("@{name}:{NAME}");
    Json(json!({"data": {"participant_id": ALICE, "local_id": name, "fqid": fqid}}))
}

async fn room() -> impl IntoResponse {
    Json(json!({"data": {"id": "00000000-0000-8000-8000-000000000001"}}))
}

async fn below_a_room(Path((_, rest)): Path<(String, String)>) -> impl IntoResponse {
    Json(json!({"data": {"ok": true, "path": rest}}))
}

/// Signed, and then made to be good for longer.
fn changed_descriptor() -> Value {
    let mut document = descriptor::document(NAME, &Key::random(), 1_780_000_000_000);
    document["valid_until"] = json!(4_000_000_000_000_i64);
    document
}

async fn federation_policy() -> impl IntoResponse {
    Json(json!({"data": {"default_mode": "open", "allowed_peers": [], "denied_peers": []}}))
}

async fn between_servers(request: Request) -> impl IntoResponse {
    let speaks_v1 = request
        .headers()
        .get("X-ScaiWave-Protocol")
        .is_some_and(|version| version == "v1");
    let (status, code) = if speaks_v1 {
        (StatusCode::NOT_FOUND, "SW_ROOM_NOT_FOUND")
    } else {
        (StatusCode::BAD_REQUEST, "SW_FED_PROTOCOL_VERSION")
    };
    let error = json!({"code": code, "message": "No.", "request_id": "always-the-same"});
    (status, Json(json!({"error": error})))
}

async fn listening() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, stand_in()).await });
    address
}

/// A stand-in that is gone as soon as somebody shall be made.
fn falling_silent() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener
        .set_nonblocking(true)
        .expect("a listener for tokio");
    let address = listener.local_addr().expect("an address");
    let gone = Arc::new(Notify::new());
    let goes = gone.clone();
    let leaving = post(async move || {
        goes.notify_one();
        std::future::pending::<StatusCode>().await
    });
    let router = Router::new()
        .route("/health", get(health))
        .route("/v1/auth/config", get(config))
        .route("/v1/auth/token", post(token))
        .route("/v1/me", get(me))
        .route("/v1/admin/users", leaving);
    let served = async move {
        let listener = tokio::net::TcpListener::from_std(listener)?;
        tokio::select! {
            ended = axum::serve(listener, router) => ended,
            () = gone.notified() => Ok(()),
        }
    };
    // A runtime of its own: its end closes the listener first and then all connections, as the end of a process does.
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(served)
    });
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

/// The exit code, and each check's result and reason.
type Results = (Option<i32>, BTreeMap<String, (String, String)>);

/// Runs the chosen checks against the stand-in.
async fn results(filter: &str, report: &str) -> Results {
    let people = json!([
        {"username": "alice", "password": "p"}, {"username": "bob", "password": "p"},
        {"username": "carol", "password": "p"}
    ]);
    results_with(&people, &["--filter", filter], report).await
}

/// The same with an administrator and the played peer.
async fn results_with_peer(filter: &str, report: &str) -> Results {
    let people = json!([{"username": "alice", "password": "p", "admin": true}]);
    let options = [
        "--peer-bind",
        "127.0.0.1:0",
        "--peer-name",
        "peer.example",
        "--filter",
        filter,
    ];
    results_with(&people, &options, report).await
}

async fn results_with(people: &Value, options: &[&str], report: &str) -> Results {
    results_at(listening().await, people, options, report).await
}

async fn results_at(
    address: SocketAddr,
    people: &Value,
    options: &[&str],
    report: &str,
) -> Results {
    let accounts = scratch(&format!("accounts-of-{report}"));
    std::fs::write(&accounts, people.to_string()).expect("a scratch file");
    let report = scratch(report);
    let url = format!("http://{address}");
    let (accounts, report_path) = (accounts.to_string_lossy(), report.to_string_lossy());
    let always = [
        "--url",
        &url,
        "--accounts",
        &accounts,
        "--json",
        &report_path,
    ];
    let arguments = always.iter().chain(options).map(ToString::to_string);
    let output = suite(arguments.collect()).await;
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
async fn a_code_without_its_error_body_is_found() {
    let name = "SW_ROOM_NOT_FOUND: 404 for an unknown room";
    let (code, found) = results("SW_ROOM_NOT_FOUND: ", "room.json").await;
    assert_eq!(code, Some(1));
    let (result, reason) = &found[name];
    assert_eq!(result, "failed");
    assert_eq!(
        reason,
        "expected 404 SW_ROOM_NOT_FOUND, got 404 without an error code"
    );
}

#[tokio::test]
async fn a_descriptor_that_was_changed_is_found() {
    let (code, found) = results("descriptor/", "descriptor.json").await;
    assert_eq!(code, Some(1));
    let result = |check: &str| found[check].0.as_str();
    assert_eq!(
        result("descriptor/document: is signed by its own current key"),
        "failed"
    );
    assert_eq!(
        result("descriptor/document: names the server as its clients know it"),
        "passed"
    );
}

#[tokio::test]
async fn a_server_that_checks_no_signatures_is_found() {
    let (code, found) = results_with_peer("checks/", "signatures.json").await;
    assert_eq!(code, Some(1));
    let wrong =
        "checks/5: a wrong signature gets SW_FED_SIGNATURE_MISMATCH, before the room is looked at";
    let (result, reason) = &found[wrong];
    assert_eq!(result, "failed");
    assert_eq!(
        reason,
        "expected 401 SW_FED_SIGNATURE_MISMATCH, got 404 SW_ROOM_NOT_FOUND"
    );
    let right = "checks/2: no version gets SW_FED_PROTOCOL_VERSION";
    assert_eq!(found[right].0, "passed");
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
    let strict = ["--filter", name, "--strict"];
    let (code, _) = results_with(&json!([]), &strict, "strict.json").await;
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn checks_are_chosen_and_left_out_by_parts_of_their_names() {
    let options = [
        "--filter",
        "health",
        "--filter",
        "auth/config",
        "--exclude",
        "/live",
        "--exclude",
        "auth/config: ",
    ];
    let (_, found) = results_with(&json!([]), &options, "chosen.json").await;
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert!(
        names
            .iter()
            .all(|name| name.starts_with("operations/health")),
        "{names:?}"
    );
    assert!(!found.contains_key("operations/health: /health/live is 200"));
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

#[tokio::test]
async fn a_server_that_falls_silent_is_not_waited_for() {
    // An administrator, so that no check is skipped for want of people before the first has failed.
    let people = json!([{"username": "alice", "password": "p", "admin": true}]);
    let options = ["--filter", "rooms/"];
    let (code, found) = results_at(falling_silent(), &people, &options, "silent.json").await;
    assert_eq!(code, Some(1));
    let not_tried = |(_, reason): &&(String, String)| {
        reason == "not tried: the server does not answer any more"
    };
    let spared = found.values().filter(not_tried).count();
    assert!(spared > found.len() / 2, "{spared} of {}", found.len());
}

#[tokio::test]
async fn an_admin_may_be_named_by_a_token_and_checks_by_their_profile() {
    let url = format!("http://{}", listening().await);
    let report = scratch("profile.json");
    let path = report.to_string_lossy().into_owned();
    let arguments = [
        "--url",
        &url,
        "--admin-token",
        "root",
        "--profile",
        "errors",
        "--filter",
        "SW_ROOM_NOT_FOUND",
        "--json",
        &path,
    ];
    let output = suite(arguments.map(str::to_owned).to_vec()).await;
    assert_eq!(output.status.code(), Some(1));
    let text = std::fs::read_to_string(&report).expect("the report is written");
    let report: Value = serde_json::from_str(&text).expect("the report is JSON");
    let checks = report["checks"].as_array().expect("a list of checks");
    assert!(!checks.is_empty());
    for check in checks {
        assert_eq!(check["profile"], "errors", "{check}");
        assert_ne!(check["result"], "skipped", "the token is enough: {check}");
    }
}
