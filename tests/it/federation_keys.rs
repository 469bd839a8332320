//! The signing key is replaced while the server runs, with or without a power cut in the middle.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Server, eventually, on_both, rows};

/// Rooms whose logs have to go over to a new key.
const ROOMS: usize = 60;
const ROTATE: [&str; 5] = ["--json", "admin", "federation", "key", "rotate"];

fn keys(server: &Server) -> Value {
    let shown = server.cli(&["--json", "admin", "federation", "key", "show"], "");
    serde_json::from_str(&shown.done().stdout).unwrap()
}

/// In how many rooms the own log has an event that names another key.
async fn handed_over(server: &Server) -> usize {
    let sql = "SELECT DISTINCT room_id FROM events WHERE type = 'swp.log.key'";
    rows(server.backend(), &server.database_url(), sql)
        .await
        .len()
}

#[tokio::test]
async fn a_new_key_takes_over_with_or_without_the_server() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        alice.says(&room, "before").await;
        let first = keys(&server)["keys"][0].clone();

        let rotated: Value = serde_json::from_str(&server.cli(&ROTATE, "").done().stdout).unwrap();
        assert_eq!(rotated["made"], true);
        assert_eq!(rotated["logs_renewed"], 1);
        assert_eq!(rotated["logs_waiting"], 0);
        assert_eq!(rotated["keys"][0]["key_id"], first["key_id"]);
        assert!(rotated["keys"][0]["expires_at"].is_string());
        let current = &rotated["keys"][1];
        assert!(current["expires_at"].is_null());
        let descriptor = server
            .stranger()
            .get("/.well-known/scaiwave/server")
            .await
            .ok();
        assert_eq!(descriptor["public_key"], current["public_key"]);
        assert_eq!(descriptor["keys"].as_array().unwrap().len(), 2);
        let health = server.stranger().get("/health").await.ok();
        assert_eq!(health["checks"]["federation_key"], "ok");
        alice.says(&room, "between").await;

        server.stop().await;
        server.cli(&ROTATE, "").done();
        server.cli(&["admin", "verify"], "").done();
        server.launch();
        alice.says(&room, "after").await;
        assert_eq!(alice.bodies(&room).await, ["before", "between", "after"]);
        assert_eq!(keys(&server)["keys"].as_array().unwrap().len(), 3);
        server.cli(&["admin", "verify"], "").done();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_a_power_cut_ends_is_completed_by_the_next_start() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let mut room = String::new();
        for number in 0..ROOMS {
            room = alice.room_with(&format!("Room {number}"), &[]).await;
        }
        for life in [15, 40, 80] {
            let mut rotation = server.begin(&ROTATE);
            tokio::time::sleep(Duration::from_millis(life)).await;
            server.kill();
            rotation.wait().unwrap();
            tokio::task::block_in_place(|| server.launch());
            let shown = keys(&server);
            let (keys, ends): (Vec<_>, Vec<_>) = shown["keys"]
                .as_array()
                .unwrap()
                .iter()
                .partition(|key| key["expires_at"].is_null());
            assert_eq!(keys.len(), 1, "{shown}");
            eprintln!(
                "{} keys, {} logs wait",
                ends.len() + 1,
                shown["logs_waiting"]
            );
            eventually("every log goes over", Duration::from_secs(60), async || {
                self::keys(&server)["logs_waiting"] == json!(0)
            })
            .await;
            alice.says(&room, "still here").await;
            server.cli(&["admin", "verify"], "").done();
        }
        server.cli(&ROTATE, "").done();
        assert_eq!(handed_over(&server).await, ROOMS);
        assert_eq!(alice.bodies(&room).await, ["still here"; 3]);
    })
    .await;
}
