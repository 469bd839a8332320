//! Files: what was acknowledged survives SIGKILL, what was not leaves nothing.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::support::{Backend, Server, eventually, on_both, skipped};

/// Larger than the body of any other request may be.
const LARGE: usize = 5 * 1024 * 1024;

/// Bytes that repeat nowhere near each other.
fn bytes(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    };
    (0..length).map(|_| next()).collect()
}

/// Files in a folder, in it or below.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { files(&path) } else { 1 }
        })
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_files_survive_being_killed_and_unfinished_ones_leave_nothing() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Album", &[&bob]).await;
        let mut acknowledged = Vec::new();
        for round in 0..3 {
            let unfinished = alice.api.begin_upload("half.bin", bytes(99, LARGE));
            let incoming = server.data().join("media/incoming");
            eventually("it is arriving", Duration::from_secs(30), async || {
                files(&incoming) > 0
            })
            .await;
            let large = bytes(round, LARGE);
            let media_id = alice.api.upload("album.bin", &large).await;
            let content = json!({"msgtype": "swp.media", "media_id": media_id});
            alice
                .send(&room, &json!({ "content": content }))
                .await
                .data();
            acknowledged.push((media_id, large));
            server.kill();
            unfinished.abort();
            server.launch();
            assert_eq!(files(&incoming), 0);
        }
        for (media_id, large) in &acknowledged {
            for person in [&alice, &bob] {
                assert!(person.api.download(media_id).await.as_ref() == Ok(large));
            }
        }
        assert_eq!(files(&server.data().join("media")), acknowledged.len());
        server.cli(&["admin", "verify"], "").done();
    })
    .await;
}

#[tokio::test]
async fn a_backup_put_back_has_the_files_that_were_copied_beside_it() {
    let mut server = Server::start(Backend::Sqlite, &[]).await;
    let [alice] = server.people(["alice"]).await;
    let copied = alice.api.upload("a.txt", b"copied").await;
    let backup = server.scratch().join("backup");
    let backup = backup.to_str().unwrap().to_owned();
    server.cli(&["admin", "backup", &backup], "").done();
    server.stop().await;
    let media = server.data().join("media");
    let aside = server.scratch().join("media-aside");
    std::fs::rename(&media, &aside).unwrap();
    server.cli(&["admin", "restore", &backup], "").done();
    server.launch();
    assert_eq!(alice.api.download(&copied).await, Err(404));
    std::fs::create_dir_all(&media).unwrap();
    std::fs::rename(aside.join("tenant"), media.join("tenant")).unwrap();
    assert_eq!(alice.api.download(&copied).await.unwrap(), b"copied");
}

#[tokio::test]
async fn a_nearly_full_disk_takes_no_files() {
    let mut server = Server::prepare(Backend::Sqlite, &[]).await;
    if !server.keep_data_on_small_disk(64) {
        skipped(
            "media::a_nearly_full_disk",
            "it takes root to mount a small disk",
        );
        return;
    }
    server.launch();
    let [alice] = server.people(["alice"]).await;
    let answer = alice.api.try_upload("a.txt", b"no room").await.unwrap();
    assert!(answer.headers.contains_key("retry-after"));
    answer.refused(503, "SW_SERVICE_UNAVAILABLE");
    assert_eq!(files(&server.data().join("media")), 0);
}
