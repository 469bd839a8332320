//! A key that is replaced and a backup that is put back while everybody writes.

use std::time::Duration;

use serde_json::Value;

use super::{A, B, BACKENDS, C, PACE, Stage};
use crate::fleet::Fleet;
use crate::support::{Line, PrivateCa, Server, eventually, rows};

/// How long it takes at most until the other servers have what was said.
const SOON: Duration = Duration::from_secs(60);
const SOME: usize = 30;

fn rotate(server: &Server) -> Value {
    let command = ["--json", "admin", "federation", "key", "rotate"];
    let rotated = tokio::task::block_in_place(|| server.cli(&command, ""));
    serde_json::from_str(&rotated.done().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_replaced_while_everybody_writes_and_one_is_cut_off() {
    let ca = PrivateCa::new();
    let fleet = Fleet::prepare(&BACKENDS, &ca).await;
    let stage = Stage::open(fleet, &ca, PACE).await;
    stage.progress(&[A, B, C], SOME).await;
    assert_eq!(rotate(&stage.fleet.servers[B])["logs_renewed"], 1);
    stage.progress(&[A, B, C], SOME).await;
    // The host and a member at once, while the third hears of neither.
    stage.fleet.set_around(B, Line::Cut);
    assert_eq!(rotate(&stage.fleet.servers[A])["logs_renewed"], 1);
    rotate(&stage.fleet.servers[C]);
    stage.progress(&[A, B, C], SOME).await;
    stage.close().await;
}

/// Where a server's log of the room ends, as a server holds it.
async fn end(holder: &Server, origin: &str, room: &str) -> Vec<String> {
    let sql = format!(
        "SELECT epoch || ' ' || seq || ' ' || hash FROM logs WHERE origin = '{origin}' AND room_id = '{room}'"
    );
    rows(holder.backend(), &holder.database_url(), &sql).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_put_back_while_the_others_write() {
    let ca = PrivateCa::new();
    let fleet = Fleet::prepare(&BACKENDS, &ca).await;
    let mut stage = Stage::open(fleet, &ca, PACE).await;
    stage.progress(&[A, B, C], SOME).await;
    let file = stage.fleet.servers[C].scratch().join("backup");
    let file = file.display().to_string();
    tokio::task::block_in_place(|| stage.fleet.servers[C].cli(&["admin", "backup", &file], ""))
        .done();
    stage.progress(&[A, B, C], SOME).await;

    // What nobody else has could not come back: the people of C rest until the others have everything.
    let ledger = stage.ledger.clone();
    let resting = ledger.pause(C).await;
    let said = end(&stage.fleet.servers[C], "c.example", &stage.room).await;
    for other in [A, B] {
        eventually("what C's people said is elsewhere", SOON, async || {
            end(&stage.fleet.servers[other], "c.example", &stage.room).await == said
        })
        .await;
    }
    // Its positions go on from elsewhere: who watches there begins anew.
    drop(stage.watchers.remove(C));
    stage.fleet.servers[C].stop().await;
    let restored = tokio::task::block_in_place(|| {
        stage.fleet.servers[C].cli(&["admin", "restore", &file], "")
    });
    restored.done();
    stage.progress(&[A, B], SOME).await;
    tokio::task::block_in_place(|| stage.fleet.servers[C].launch());
    drop(resting);
    stage.progress(&[A, B, C], SOME).await;
    stage.close().await;
}
