//! The operator's tools: `admin verify` finds what was tampered with, `admin rebuild` arrives at the same tables.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{Person, Server, execute, on_both, tables};

/// A room with one of everything in it.
async fn lively_room(server: &Server) -> (Person, String) {
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.room_with("Garden", &[&bob, &carol]).await;
    let path = format!("/v1/rooms/{room}");
    let first = alice.says(&room, "first").await;
    let second = bob.says(&room, "second").await;
    let event = |event: &serde_json::Value, rest: &str| {
        format!("{path}/events/{}{rest}", event["id"].as_str().unwrap())
    };
    bob.api
        .post(
            &event(&second, "/edit"),
            &json!({"content": {"body": "Second"}}),
        )
        .await
        .data();
    bob.api
        .post(&event(&first, "/reaction"), &json!({"emoji": "👍"}))
        .await
        .data();
    let third = carol.says(&room, "third").await;
    alice
        .api
        .post(&event(&third, "/redact"), &json!({}))
        .await
        .data();
    alice
        .api
        .put(&format!("{path}/topic"), &json!({"topic": "Plants"}))
        .await
        .data();
    alice
        .api
        .post(
            &format!("{path}/kick"),
            &json!({"participant_id": carol.id}),
        )
        .await
        .data();
    alice
        .api
        .put(&format!("{path}/power-levels"), &json!({"invite": 50}))
        .await
        .data();
    alice
        .api
        .post("/v1/rooms/dm", &json!({"participant_id": bob.id}))
        .await
        .data();
    (alice, room)
}

#[tokio::test]
async fn verify_passes_beside_a_running_server_and_finds_tampering() {
    on_both(async |mut server| {
        let (alice, room) = lively_room(&server).await;
        alice.says(&room, "the original text").await;
        server.cli(&["admin", "verify"], "").done();
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();

        let sql =
            "UPDATE events SET content = REPLACE(content, 'the original text', 'the altered text')";
        execute(server.backend(), &server.database_url(), sql).await;
        let outcome = server.cli(&["admin", "verify"], "");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(&room), "names the room: {said}");
    })
    .await;
}

#[tokio::test]
async fn a_rebuilt_database_equals_the_live_one() {
    on_both(async |mut server| {
        let (alice, room) = lively_room(&server).await;
        let refused = server.cli(&["admin", "rebuild"], "");
        assert!(
            !refused.status.success(),
            "rebuild refuses beside a running server: {refused:#?}"
        );
        let (history, state) = (
            alice.history(&room).await,
            alice
                .api
                .get(&format!("/v1/rooms/{room}/state"))
                .await
                .data(),
        );

        server.stop().await;
        let live = tables(server.backend(), &server.database_url()).await;
        server.cli(&["admin", "rebuild"], "").done();
        let rebuilt = tables(server.backend(), &server.database_url()).await;
        assert_eq!(
            live.keys().collect::<Vec<_>>(),
            rebuilt.keys().collect::<Vec<_>>()
        );
        let differing: BTreeMap<_, _> = live
            .iter()
            .filter(|(name, rows)| rebuilt.get(*name) != Some(*rows))
            .collect();
        for (name, rows) in &differing {
            eprintln!(
                "{name}\n live:    {rows:#?}\n rebuilt: {:#?}",
                rebuilt.get(*name)
            );
        }
        assert!(
            differing.is_empty(),
            "these tables differ: {:?}",
            differing.keys()
        );

        server.launch();
        assert_eq!(alice.history(&room).await, history);
        assert_eq!(
            alice
                .api
                .get(&format!("/v1/rooms/{room}/state"))
                .await
                .data(),
            state
        );
    })
    .await;
}
