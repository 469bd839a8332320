//! Clocks that are apart: up to a minute does no harm, and more is explained to the admins on both sides.

use std::time::Duration;

use serde_json::Value;

use super::{A, B, BACKENDS, C, SLOWLY, Stage};
use crate::fleet::Fleet;
use crate::support::{PrivateCa, Server, eventually, set_clock_apart, skipped};

/// How long it takes at most until the refusal is told: deliveries are tried again after a while.
const SOON: Duration = Duration::from_secs(60);
/// Messages that each server acknowledges meanwhile.
const SOME: usize = 10;

/// What a server knows of another one.
fn peer(server: &Server, name: &str) -> Value {
    let listed = server.cli(&["--json", "admin", "federation", "peer", "list"], "");
    let listed: Value = serde_json::from_str(&listed.done().stdout).unwrap();
    let mut peers = listed["peers"].as_array().unwrap().iter();
    let found = peers.find(|peer| peer["server_name"] == name);
    found
        .unwrap_or_else(|| panic!("{name} in {listed}"))
        .clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_minute_apart_they_work_and_a_minute_and_a_half_is_explained() {
    let ca = PrivateCa::new();
    let mut fleet = Fleet::prepare(&BACKENDS, &ca).await;
    if !set_clock_apart(&mut fleet.servers[C], 30) {
        return skipped(
            "clocks that are apart",
            "libfaketime is missing (Debian: apt-get install faketime)",
        );
    }
    let mut stage = Stage::open(fleet, &ca, SLOWLY).await;
    stage.progress(&[A, B, C], SOME).await;
    let known = peer(&stage.fleet.servers[A], "c.example");
    assert_eq!(known["state"], "ok");
    let skew_ms = known["skew_ms"].as_i64().unwrap();
    assert!((25_000..35_000).contains(&skew_ms), "{known}");

    restart_with_clock(&mut stage.fleet.servers[C], 90).await;
    for (server, other) in [(C, "a.example"), (C, "b.example"), (A, "c.example")] {
        eventually("the refusal is told and explained", SOON, async || {
            let error = peer(&stage.fleet.servers[server], other)["last_error"].clone();
            let error = error.as_str().unwrap_or_default();
            error.contains("SW_FED_SIGNATURE_MISMATCH") && error.contains("more than 60 s apart")
        })
        .await;
    }
    // A message never waits for another server, and the other two go on with each other.
    stage.progress(&[A, B, C], SOME).await;
    assert_eq!(peer(&stage.fleet.servers[A], "b.example")["state"], "ok");

    restart_with_clock(&mut stage.fleet.servers[C], 0).await;
    // It would be tried again by itself, later and later; whoever sets the clock right says so.
    for other in ["a.example", "b.example"] {
        let retry = ["admin", "federation", "peer", "retry", other];
        stage.fleet.servers[C].cli(&retry, "").done();
    }
    stage.close().await;
}

async fn restart_with_clock(server: &mut Server, seconds: i64) {
    server.stop().await;
    assert!(set_clock_apart(server, seconds));
    tokio::task::block_in_place(|| server.launch());
}
