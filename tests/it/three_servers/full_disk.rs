//! A disk without space: what cannot be kept is not acknowledged, what is there can be read, and space is all that it takes.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;

use super::{A, B, BACKENDS, C, PACE, Stage};
use crate::fleet::Fleet;
use crate::support::{PrivateCa, eventually, skipped};

/// Room for the server and for what is written meanwhile.
const MEGABYTES: u32 = 96;
/// How long the server may find space within what it has taken already.
const SOON: Duration = Duration::from_secs(60);
const SOME: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_costs_nothing_that_was_acknowledged_and_heals_by_itself() {
    let ca = PrivateCa::new();
    let mut fleet = Fleet::prepare(&BACKENDS, &ca).await;
    if !fleet.servers[C].keep_data_on_small_disk(MEGABYTES) {
        return skipped(
            "a full disk",
            "a small file system can be mounted by root on Linux only",
        );
    }
    let stage = Stage::open(fleet, &ca, PACE).await;
    stage.progress(&[A, B, C], SOME).await;

    stage.fleet.servers[C].disk().fill();
    let [cleo, _] = &stage.cast.people[C];
    let tries = AtomicU32::new(0);
    let say = async || {
        let text = format!("Is there room? {}", tries.fetch_add(1, Ordering::Relaxed));
        stage.ledger.dispute(&text, None);
        let message = json!({"content": {"msgtype": "swp.text", "body": text}});
        cleo.send(&stage.room, &message).await
    };
    eventually("writes are refused", SOON, async || {
        say().await.status != 200
    })
    .await;
    say().await.refused(503, "SW_SERVICE_UNAVAILABLE");
    stage.progress(&[A, B], SOME).await;
    assert!(!cleo.bodies(&stage.room).await.is_empty(), "reads go on");

    stage.fleet.servers[C].disk().free();
    stage.progress(&[C], SOME).await;
    stage.close().await;
}
