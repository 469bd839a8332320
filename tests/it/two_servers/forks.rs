//! A server that was put back to an old copy of its data writes another branch of its log. Both sides notice.

use std::time::Duration;

use serde_json::{Value, json};

use super::{arrives, shared_room, start};
use crate::support::{Backend, Person, PrivateCa, Proxy, Server, eventually};

/// How long it takes at most until both know: rooms are compared once a minute.
const SOON: Duration = Duration::from_secs(150);

/// The forked logs that a server knows.
fn forks(server: &Server) -> Vec<Value> {
    let listed = server.cli(&["--json", "admin", "federation", "log", "list"], "");
    let listed: Value = serde_json::from_str(&listed.done().stdout).unwrap();
    listed["logs"].as_array().unwrap().clone()
}

/// Whether the journal tells the admin of a fork in this log.
async fn journalled(server: &Server, origin: &str) -> bool {
    let api = &server.admin().await.api;
    let rows = api
        .get("/v1/admin/federation/rejected?limit=200")
        .await
        .data();
    rows.as_array().unwrap().iter().any(|row| {
        row["origin"] == json!(origin) && row["message"].as_str().unwrap().contains("fork")
    })
}

/// The texts of a room in no order: what came late stands elsewhere here than there.
async fn sorted(person: &Person, room: &str) -> Vec<String> {
    let mut bodies = person.bodies(room).await;
    bodies.sort();
    bodies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_see_the_fork_of_a_server_that_went_back() {
    let ca = PrivateCa::new();
    let (to_a, to_b) = (Proxy::new().await, Proxy::new().await);
    let a = start(
        Backend::Postgres,
        "a.example",
        &[("b.example", to_b.address())],
        &ca,
    )
    .await;
    let mut b = start(
        Backend::Sqlite,
        "b.example",
        &[("a.example", to_a.address())],
        &ca,
    )
    .await;
    to_a.set_target_port(a.port());
    to_b.set_target_port(b.port());
    let [alice, anton] = a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    let room = shared_room(&alice, &anton, &of_b).await;
    bea.says(&room, "before the copy").await;
    arrives(&alice, &room, "before the copy", SOON).await;

    b.stop().await;
    let database = b.data().join("scaiwave.db");
    let copy = b.scratch().join("copy.db");
    std::fs::copy(&database, &copy).unwrap();
    tokio::task::block_in_place(|| b.launch());
    bea.says(&room, "after the copy").await;
    arrives(&alice, &room, "after the copy", SOON).await;

    // The old copy is put in its place, and something is said before anybody could be asked.
    b.stop().await;
    std::fs::copy(&copy, &database).unwrap();
    to_a.cut();
    to_b.cut();
    tokio::task::block_in_place(|| b.launch());
    bea.says(&room, "on another branch").await;
    to_a.restore();
    to_b.restore();

    for (server, frozen) in [(&a, true), (&b, false)] {
        eventually("the fork is seen", SOON, async || !forks(server).is_empty()).await;
        let found = forks(server);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0]["room_id"], json!(room));
        assert_eq!(found[0]["origin"], "b.example");
        assert_eq!(found[0]["frozen"], json!(frozen));
        eventually("the journal tells of it", SOON, async || {
            journalled(server, "b.example").await
        })
        .await;
    }
    let (on_a, on_b) = (forks(&a), forks(&b));
    assert_eq!(on_a[0]["hash"], on_b[0]["other_hash"]);
    assert_eq!(on_a[0]["other_hash"], on_b[0]["hash"]);
    assert_eq!(
        alice.bodies(&room).await,
        ["before the copy"],
        "both branches are hidden"
    );
    alice.says(&room, "others go on").await;
    arrives(bea, &room, "others go on", SOON).await;
    a.cli(&["admin", "verify"], "").done();
    let backup = b.scratch().join("backup").display().to_string();
    b.cli(&["admin", "backup", &backup], "").done();
    begins_anew((&a, &alice), (&b, bea), &room).await;

    // A backup of before: B has forgotten that its log began anew, and is not to begin it another time.
    b.stop().await;
    b.cli(&["admin", "restore", &backup], "").done();
    tokio::task::block_in_place(|| b.launch());
    bea.says(&room, "after a restore").await;
    arrives(&alice, &room, "after a restore", SOON).await;
    assert_eq!(sorted(bea, &room).await, sorted(&alice, &room).await);
    assert!(forks(&a).is_empty(), "another fork: {:?}", forks(&a));
    a.cli(&["admin", "verify"], "").done();
    b.cli(&["admin", "verify"], "").done();
}

/// The log of B is begun anew: what B stands by is shown again, what it had lost is gone, and what is said meanwhile is not
/// lost.
async fn begins_anew((a, alice): (&Server, &Person), (b, bea): (&Server, &Person), room: &str) {
    let log = ["admin", "federation", "log"];
    let asks = b.cli(&[&log[..], &["restart", room]].concat(), "");
    asks.done();
    let listed = a.cli(&[&["--json"], &log[..], &["list"]].concat(), "");
    let listed: Value = serde_json::from_str(&listed.done().stdout).unwrap();
    assert_eq!(listed["asked"][0]["origin"], "b.example", "{listed}");
    bea.says(room, "said meanwhile").await;
    a.cli(&[&log[..], &["agree", room, "b.example"]].concat(), "")
        .done();
    for text in ["on another branch", "said meanwhile"] {
        arrives(alice, room, text, SOON).await;
    }
    bea.says(room, "anew").await;
    arrives(alice, room, "anew", SOON).await;
    let expected = [
        "anew",
        "before the copy",
        "on another branch",
        "others go on",
        "said meanwhile",
    ];
    for person in [alice, bea] {
        assert_eq!(sorted(person, room).await, expected);
    }
    for server in [a, b] {
        server.cli(&["admin", "verify"], "").done();
        assert!(forks(server).iter().all(|log| log["frozen"] == false));
    }
}
