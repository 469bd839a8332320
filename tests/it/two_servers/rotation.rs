//! A server replaces its key; the other one follows by itself.

use std::time::Duration;

use serde_json::json;

use super::{Pair, shared_room};
use crate::fleet::bring_in;
use crate::support::{Person, PrivateCa, Server, eventually, rows};

/// How long it takes at most until the other side knows.
const SOON: Duration = Duration::from_secs(90);

fn rotate(server: &Server) -> serde_json::Value {
    let rotated = server.cli(&["--json", "admin", "federation", "key", "rotate"], "");
    serde_json::from_str(&rotated.done().stdout).unwrap()
}

/// Both servers come to show these texts in a room, each in the order in which they arrived there.
async fn agree(people: [&Person; 2], room: &str, texts: &[&str]) {
    for person in people {
        eventually("the texts are there", SOON, async || {
            let mut shown = person.bodies(room).await;
            shown.sort();
            shown == texts
        })
        .await;
    }
}

/// The ends of a room's logs.
async fn ends(server: &Server, room: &str) -> Vec<String> {
    let sql =
        format!("SELECT origin || ' ' || seq || ' ' || hash FROM logs WHERE room_id = '{room}'");
    rows(server.backend(), &server.database_url(), &sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replaced_key_is_followed_in_every_room() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    let busy = shared_room(&alice, &anton, &of_b).await;
    let quiet = shared_room(&alice, &anton, &of_b).await;
    let old = bea.room_with("From before", &[&of_b[1]]).await;
    bea.says(&old, "with the first key").await;
    bea.says(&busy, "before").await;
    agree([&alice, bea], &busy, &["before"]).await;

    let rotated = rotate(&pair.b);
    assert_eq!(
        rotated["logs_renewed"], 3,
        "two shared rooms and one of its own"
    );
    bea.says(&busy, "after").await;
    alice.says(&busy, "answer").await;
    agree([&alice, bea], &busy, &["after", "answer", "before"]).await;
    // Nobody writes in the quiet room; the old key ends there all the same.
    eventually("the key's event crosses over", SOON, async || {
        let on_a = ends(&pair.a, &quiet).await;
        on_a.len() == 2 && on_a == ends(&pair.b, &quiet).await
    })
    .await;

    // A room whose log began with the old key, which the other server sees for the first time now.
    bring_in(bea, [&alice], &old).await;
    alice.says(&old, "I am new here").await;
    agree(
        [&alice, bea],
        &old,
        &["I am new here", "with the first key"],
    )
    .await;

    // The host of the shared rooms follows suit.
    assert_eq!(rotate(&pair.a)["logs_waiting"], 0);
    let topic = format!("/v1/rooms/{busy}/topic");
    alice
        .api
        .put(&topic, &json!({"topic": "Two new keys"}))
        .await
        .data();
    eventually("the topic crosses over", SOON, async || {
        let room = bea.api.get(&format!("/v1/rooms/{busy}")).await.data();
        room["topic"] == "Two new keys"
    })
    .await;
    bea.says(&quiet, "at last").await;
    agree([&alice, bea], &quiet, &["at last"]).await;

    for room in [&busy, &quiet, &old] {
        eventually("the logs are equal", SOON, async || {
            ends(&pair.a, room).await == ends(&pair.b, room).await
        })
        .await;
    }
    pair.a.stop().await;
    pair.b.stop().await;
    for server in [&pair.a, &pair.b] {
        server.cli(&["admin", "verify"], "").done();
    }
}
