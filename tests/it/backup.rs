//! Backups: taken while the server works, verified, and put back.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use crate::support::{Backend, Outcome, Person, Server, on_both};

/// Those who write while a backup is taken.
const SENDERS: usize = 32;

fn backup(server: &Server, name: &str) -> (PathBuf, Outcome) {
    let file = server.scratch().join(name);
    let outcome = server.cli(&["admin", "backup", &file.display().to_string()], "");
    (file, outcome)
}

fn restore(server: &Server, file: &std::path::Path) -> Outcome {
    server.cli(&["admin", "restore", &file.display().to_string()], "")
}

fn said(outcome: &Outcome, what: &str) {
    assert_eq!(outcome.status.code(), Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains(what), "{outcome:?}");
}

#[tokio::test]
async fn a_backup_brings_back_what_was_and_no_client_misses_what_comes() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        alice.says(&room, "before").await;
        let (file, made) = backup(&server, "garden.backup");
        made.done();
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds private keys");
        alice.says(&room, "after").await;
        let (_, cursor) = bob.sync_from(0).await;

        said(&restore(&server, &file), "stop it first");
        assert_eq!(alice.bodies(&room).await, ["before", "after"]);
        server.stop().await;
        restore(&server, &file).done();
        server.launch();

        assert_eq!(alice.bodies(&room).await, ["before"]);
        alice.says(&room, "again").await;
        let (events, _) = bob.sync_from(cursor).await;
        let new: Vec<_> = events
            .iter()
            .filter_map(|event| event["content"]["body"].as_str())
            .collect();
        assert_eq!(new, ["again"]);
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    })
    .await;
}

/// Case D-03.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_holds_every_message_that_was_acknowledged_before_it_began() {
    on_both(async |server| {
        let people: [Person; 4] = server.people(["ann", "ben", "cem", "dag"]).await;
        let [ann, others @ ..] = &people;
        let room = ann
            .room_with("Busy", &others.iter().collect::<Vec<_>>())
            .await;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let senders = (0..SENDERS).zip(people.iter().cycle());
        let senders = senders.map(async |(sender, person)| {
            let mut acknowledged = Vec::new();
            while !*stopped.borrow() {
                let text = format!("{sender} {}", acknowledged.len());
                person.says(&room, &text).await;
                acknowledged.push(text);
            }
            acknowledged
        });
        let taking = async {
            let before = loop {
                let bodies = ann.bodies(&room).await;
                if bodies.len() >= 4 * SENDERS {
                    break bodies;
                }
            };
            // Somebody copies the folder meanwhile, which is no backup and disturbs none.
            let copy = server.scratch().join("copy");
            let (file, made) = tokio::task::block_in_place(|| {
                let copying = std::process::Command::new("cp")
                    .arg("-r")
                    .args([&server.data(), &copy])
                    .spawn();
                let taken = backup(&server, "busy.backup");
                drop(copying.unwrap().wait());
                taken
            });
            stop.send_replace(true);
            made.done();
            (before, file)
        };
        let (all, (before, file)) =
            futures::future::join(futures::future::join_all(senders), taking).await;
        assert!(all.iter().map(Vec::len).sum::<usize>() >= before.len());

        // A new machine, on the other database.
        let other = match server.backend() {
            Backend::Sqlite => Backend::Postgres,
            Backend::Postgres => Backend::Sqlite,
        };
        let mut new = Server::prepare(other, &[]).await;
        restore(&new, &file).done();
        new.cli(&["admin", "verify"], "").done();
        new.launch();
        let ann = Person::sign_in(&new.stranger(), "ann", crate::support::PASSWORD).await;
        let there = ann.bodies(&room).await;
        for body in &before {
            assert!(there.contains(body), "{body} is missing");
        }
    })
    .await;
}

#[tokio::test]
async fn what_is_no_backup_changes_nothing() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        alice.says(&room, "still here").await;
        let (file, made) = backup(&server, "garden.backup");
        made.done();
        let (_, again) = backup(&server, "garden.backup");
        said(&again, "exists already");
        server.stop().await;
        let wrong = server.scratch().join("wrong");
        std::fs::write(&wrong, "no database at all").unwrap();
        said(&restore(&server, &wrong), "belongs to another program");
        let half = std::fs::read(&file).unwrap();
        std::fs::write(&wrong, &half[..half.len() / 2]).unwrap();
        assert!(!restore(&server, &wrong).status.success());
        let stranger = Server::start(server.backend(), &[]).await;
        stranger.admin().await;
        let (of_stranger, made) = backup(&stranger, "theirs.backup");
        made.done();
        said(&restore(&server, &of_stranger), "belongs to another server");

        server.launch();
        assert_eq!(alice.bodies(&room).await, ["still here"]);
    })
    .await;
}

#[tokio::test]
async fn a_write_ahead_log_of_before_does_not_come_into_what_was_put_back() {
    let mut server = Server::start(Backend::Sqlite, &[]).await;
    let [alice] = server.people(["alice"]).await;
    let room = alice.room_with("Garden", &[]).await;
    alice.says(&room, "before").await;
    let (file, made) = backup(&server, "garden.backup");
    made.done();
    alice.says(&room, "after").await;
    // Killed, it leaves a log behind that is not in the file yet.
    server.kill();
    let log = server.data().join("scaiwave.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    let told = server.cli(
        &["--json", "admin", "restore", &file.display().to_string()],
        "",
    );
    let told: serde_json::Value = serde_json::from_str(&told.done().stdout).unwrap();
    let former = server.data().join("scaiwave.db.before-restore");
    assert_eq!(told["former"], json!(former));
    assert!(former.exists() && !log.exists());
    server.launch();
    assert_eq!(alice.bodies(&room).await, ["before"]);
    server.stop().await;
    server.cli(&["admin", "verify"], "").done();
}

/// Case D-03: a client comes back with a cursor of after the backup, at once or when much has been said since.
#[tokio::test]
async fn a_cursor_from_before_a_restore_neither_skips_nor_locks_out() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let say = async |what: &str, number: usize| {
            for number in 0..number {
                alice.says(&room, &format!("{what} {number}")).await;
            }
        };
        let read = async |cursor: i64| -> (Vec<String>, i64) {
            let (events, end) = bob.sync_from(cursor).await;
            let bodies = events
                .iter()
                .filter_map(|event| event["content"]["body"].as_str());
            (bodies.map(str::to_owned).collect(), end)
        };
        say("kept", 400).await;
        let (file, made) = backup(&server, "garden.backup");
        made.done();
        say("lost", 100).await;
        let (_, cursor) = bob.sync_from(0).await;
        server.stop().await;
        restore(&server, &file).done();
        server.launch();

        let (nothing, next) = read(cursor).await;
        assert_eq!(nothing, Vec::<String>::new());
        assert!(next >= cursor);
        say("new", 200).await;
        let new: Vec<String> = (0..200).map(|number| format!("new {number}")).collect();
        // The one that has come back before, and one that comes only now.
        assert_eq!(read(next).await.0, new);
        assert_eq!(read(cursor).await.0, new);
        let all = bob.bodies(&room).await;
        assert_eq!(all.len(), 600);
        assert!(!all.iter().any(|body| body.starts_with("lost")));
    })
    .await;
}

#[test]
fn the_page_on_backups_names_what_is_none() {
    let page = include_str!("../../docs/backup.md");
    assert!(
        page.contains("A plain copy of the data folder of a running server is **not** a backup")
    );
}
