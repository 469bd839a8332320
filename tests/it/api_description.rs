//! The API describes itself: `/v1/openapi.json` for programs, `/v1/docs` for people.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::process::Command;

use crate::support::{Backend, PASSWORD, Person, Server, routes_in_source, skipped};

/// How long schemathesis may take before it is ended, and where more is asked for than by default. By default it takes
/// about 40 seconds.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(300), Duration::from_secs(3600));
/// Rooms that may be closed, archived and left.
const SPARE_ROOMS: usize = 24;

#[tokio::test]
async fn every_route_of_the_source_is_described() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let document = server.stranger().get("/v1/openapi.json").await.ok();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    assert!(described.len() > 60, "{described:?}");
    assert_eq!(described, routes_in_source());
}

#[tokio::test]
async fn people_read_it_as_a_page_that_loads_nothing() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let page = server.stranger().get("/v1/docs").await;
    assert_eq!(page.status, 200);
    let header = |name: &str| page.headers[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/html; charset=utf-8");
    let policy = header("content-security-policy");
    assert!(
        policy.starts_with("default-src 'none'; style-src 'sha256-"),
        "{policy}"
    );
    assert!(page.text.contains("/v1/rooms/{room_id}/send"));
    assert!(!page.text.contains("<script"));
}

/// Who and what schemathesis finds on the server, for `tests/schemathesis/hooks.py`.
async fn world(server: &Server, answers: &Path) -> Value {
    let admin = server.admin().await;
    let [bob, carol, _] = server.people(["bob", "carol", "expendable"]).await;
    let members: [&Person; 2] = [&bob, &carol];
    let room = admin.room_with("Garden", &members).await;
    let mut events = Vec::new();
    for text in ["one", "two", "three"] {
        events.push(admin.says(&room, text).await["id"].take());
    }
    let mut spare_rooms = Vec::new();
    for number in 0..SPARE_ROOMS {
        spare_rooms.push(admin.room_with(&format!("Spare {number}"), &members).await);
    }
    json!({
        "url": server.url(),
        "token": admin.api.token(),
        "expendable": {"username": "expendable", "password": PASSWORD},
        "people": [bob.id, carol.id],
        "peer": "peer.example",
        "room": room,
        "events": events,
        "spare_rooms": spare_rooms,
        "media": admin.api.upload("words.txt", b"some words").await,
        "answers": answers,
    })
}

/// Requests of all kinds to every operation, made from the description alone: each answer has to be one that the
/// description has, and none a fault of the server.
#[tokio::test]
async fn schemathesis_finds_no_fault_and_nothing_undescribed() {
    let Some(schemathesis) = std::env::var_os("TEST_SCHEMATHESIS") else {
        skipped(
            "api_description::schemathesis",
            "TEST_SCHEMATHESIS names no program; tests/run installs it",
        );
        return;
    };
    let server = Server::start(Backend::Sqlite, &[]).await;
    let scratch = server.scratch();
    let (facts, answers) = (scratch.join("world.json"), scratch.join("answers"));
    let world = world(&server, &answers).await;
    std::fs::write(&facts, world.to_string()).unwrap();
    // More examples of each operation than the settings have.
    let more = std::env::var("TEST_SCHEMATHESIS_EXAMPLES").ok();
    let patience = more.as_ref().map_or(PATIENCE.0, |_| PATIENCE.1);
    let more = more.map(|number| ["--max-examples".to_owned(), number]);
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis");
    let run = Command::new(schemathesis)
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .arg("run")
        .arg(format!("{}/v1/openapi.json", server.url()))
        .args(more.into_iter().flatten())
        .env("SCHEMATHESIS_HOOKS", settings.join("hooks.py"))
        .env("SCHEMATHESIS_WORLD", &facts)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(scratch)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(patience, run).await;
    let output = output.expect("schemathesis came to an end").unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}\n{}\n{}",
        String::from_utf8_lossy(&output.stderr),
        server.log()
    );
    let document = server.stranger().get("/v1/openapi.json").await.ok();
    let paths = document["paths"].as_object().unwrap().values();
    let operations = paths.flat_map(|item| item.as_object().unwrap().values());
    let described: BTreeSet<String> = operations
        .map(|operation| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let answers = std::fs::read_to_string(answers).unwrap();
    let answers = || answers.lines().filter_map(|line| line.split_once(' '));
    // The description itself was what it read first.
    let mut driven = BTreeSet::from(["get_openapi_json".to_owned()]);
    driven.extend(answers().map(|(operation, _)| operation.to_owned()));
    assert_eq!(driven, described, "each operation was driven");
    let done = answers().filter(|(_, status)| status.starts_with('2'));
    let done: BTreeSet<&str> = done.map(|(operation, _)| operation).collect();
    assert!(
        done.len() * 2 > described.len(),
        "most operations did what they are for, not only refuse: {done:?}"
    );
}
