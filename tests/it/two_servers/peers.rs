//! What an administrator does about another server: pausing, refusing, trying again, and confirming a key from nowhere.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Pair, arrives, shared_room};
use crate::support::{Person, PrivateCa, Server, eventually};

/// How long it takes at most until the other side knows.
const SOON: Duration = Duration::from_secs(60);

/// The only other server that this one knows, as the command line lists it.
fn peer(server: &Server) -> Value {
    let listed = server.cli(&["--json", "admin", "federation", "peer", "list"], "");
    let listed: Value = serde_json::from_str(&listed.done().stdout).unwrap();
    assert_eq!(listed["peers"].as_array().unwrap().len(), 1, "{listed}");
    listed["peers"][0].clone()
}

fn act(server: &Server, action: &str, name: &str) {
    server
        .cli(&["admin", "federation", "peer", action, name], "")
        .done();
}

async fn policy(server: &Server, change: Value) {
    let admin = &server.admin().await.api;
    admin
        .put("/v1/admin/federation/policy", &change)
        .await
        .data();
}

/// A server that has sent, received and refused shows each family that applies to it.
async fn all_that_happened_is_counted(server: &Server) {
    let metrics = server.stranger().get("/metrics").await.text;
    for family in [
        "build_info",
        "http_requests",
        "http_request_duration_seconds",
        "events_appended",
        "store_commit_seconds",
        "store_commit_batch_size",
        "store_size_bytes",
        "db_connections",
        "federation_requests",
        "federation_events",
        "federation_outbox_depth",
        "federation_delivery_lag_seconds",
        "federation_verify_seconds",
    ] {
        let help = format!("# HELP scaiwave_{family} ");
        assert!(metrics.contains(&help), "{family} is not in {metrics}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_for_a_paused_or_refused_server_arrives_when_it_may() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;
    alice.says(&room, "hello").await;
    arrives(&of_b[0], &room, "hello", SOON).await;
    let known = peer(&pair.a);
    assert_eq!(
        (&known["server_name"], &known["state"]),
        (&json!("b.example"), &json!("ok"))
    );
    assert!(known["last_seen_at"].is_string() && known["skew_ms"].is_i64());
    assert_eq!(known["lag_ms"], 0);

    act(&pair.a, "pause", "b.example");
    alice.says(&room, "held back").await;
    of_b[0].says(&room, "the other way is open").await;
    arrives(&alice, &room, "the other way is open", SOON).await;
    let paused = peer(&pair.a);
    assert_eq!(
        (&paused["state"], &paused["queue"]["events"]),
        (&json!("paused"), &json!(1))
    );
    act(&pair.a, "resume", "b.example");
    arrives(&of_b[0], &room, "held back", SOON).await;

    policy(&pair.a, json!({"denied_peers": ["b.example"]})).await;
    of_b[0].says(&room, "refused for now").await;
    alice.says(&room, "not sent for now").await;
    eventually("the refusal is told", SOON, async || {
        let known = peer(&pair.b);
        let error = known["last_error"].as_str().unwrap_or_default().to_owned();
        known["state"] == "failing" && error.contains("SW_FED_PEER_UNKNOWN")
    })
    .await;
    all_that_happened_is_counted(&pair.a).await;
    let refused = peer(&pair.a);
    assert_eq!(
        (&refused["state"], &refused["queue"]["events"]),
        (&json!("refused"), &json!(1))
    );
    assert!(
        !alice
            .bodies(&room)
            .await
            .contains(&"refused for now".to_owned())
    );

    policy(&pair.a, json!({"denied_peers": []})).await;
    arrives(&of_b[0], &room, "not sent for now", SOON).await;
    act(&pair.b, "retry", "a.example");
    arrives(&alice, &room, "refused for now", SOON).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_lost_its_key_is_believed_again_once_an_admin_has_confirmed_the_new_one() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let before = shared_room(&alice, &anton, &of_b).await;
    alice.says(&before, "hello").await;
    arrives(&of_b[0], &before, "hello", SOON).await;

    let replace = [
        "--json",
        "admin",
        "federation",
        "key",
        "generate",
        "--replace-lost",
    ];
    assert!(
        !pair.b.cli(&replace, "").status.success(),
        "the server has the key"
    );
    pair.b.stop().await;
    let there = pair.b.cli(&replace, "");
    assert!(there.stdout.contains("not lost"), "{there:?}");
    for file in std::fs::read_dir(pair.b.data().join("keys/default")).unwrap() {
        std::fs::remove_file(file.unwrap().path()).unwrap();
    }
    assert!(pair.b.refuses_to_start().stderr.contains("missing"));
    let made: Value = serde_json::from_str(&pair.b.cli(&replace, "").done().stdout).unwrap();
    let new_key = made["keys"][1]["key_id"].as_str().unwrap().to_owned();
    tokio::task::block_in_place(|| pair.b.launch());

    eventually("the new key is shown to the admin", SOON, async || {
        let error = peer(&pair.a)["last_error"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        error.contains("confirm") && error.contains(&new_key)
    })
    .await;
    let confirm = |key_id: &str| {
        let command = [
            "admin",
            "federation",
            "peer",
            "confirm-key",
            "b.example",
            key_id,
        ];
        pair.a.cli(&command, "")
    };
    let other = confirm("ed25519:0123456789abcdef");
    assert!(
        other.stderr.contains(&new_key),
        "says what is shown: {other:?}"
    );
    confirm(&new_key).done();
    assert_eq!(peer(&pair.a)["key_id"], json!(new_key));

    act(&pair.b, "retry", "a.example");
    let after = shared_room(&alice, &anton, &of_b).await;
    of_b[0].says(&after, "here again").await;
    arrives(&alice, &after, "here again", SOON).await;
}
