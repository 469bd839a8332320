//! A server that was put back to a backup does not write over what others hold of it.

use std::time::Duration;

use super::{Pair, arrives, bring_in, shared_room};
use crate::support::{Person, PrivateCa, Server, rows};

/// How long something may take that nothing is in the way of.
const AT_ONCE: Duration = Duration::from_secs(30);

fn backup(server: &Server) -> String {
    let file = server.scratch().join("backup").display().to_string();
    server.cli(&["admin", "backup", &file], "").done();
    file
}

/// Where the logs of shared rooms end at a server.
async fn heads(server: &Server) -> Vec<String> {
    let sql =
        "SELECT room_id || ' ' || origin || ' ' || epoch || ' ' || seq || ' ' || hash FROM logs";
    rows(server.backend(), &server.database_url(), sql).await
}

/// Case F-04: what B said after the backup comes back from A, and the next message follows on it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn its_own_later_messages_come_back_before_it_says_anything() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    let room = shared_room(&alice, &anton, &of_b).await;
    bea.says(&room, "before the backup").await;
    let file = backup(&pair.b);
    for number in 41..=45 {
        bea.says(&room, &format!("message {number}")).await;
    }
    arrives(&alice, &room, "message 45", AT_ONCE).await;

    pair.b.stop().await;
    let told = pair.b.cli(&["admin", "restore", &file], "").done();
    assert!(told.stdout.contains("asks 1 other servers"), "{told:?}");
    pair.b.launch();
    bea.says(&room, "message 46").await;
    arrives(&alice, &room, "message 46", AT_ONCE).await;
    let expected = alice.bodies(&room).await;
    assert_eq!(bea.bodies(&room).await, expected);
    assert_eq!(expected.len(), 7);
    for server in [&mut pair.a, &mut pair.b] {
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
    assert_eq!(heads(&pair.a).await, heads(&pair.b).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_was_first_shared_after_the_backup_goes_on_too() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    shared_room(&alice, &anton, &of_b).await;
    let room = alice.room_with("Later", &[&anton]).await;
    alice.says(&room, "before the backup").await;
    let file = backup(&pair.a);
    bring_in(&alice, &of_b, &room).await;
    of_b[0].says(&room, "of bea").await;
    arrives(&alice, &room, "of bea", AT_ONCE).await;
    alice.says(&room, "after the backup").await;
    arrives(&of_b[0], &room, "after the backup", AT_ONCE).await;

    pair.a.stop().await;
    pair.a.cli(&["admin", "restore", &file], "").done();
    pair.a.launch();
    alice.says(&room, "after the restore").await;
    arrives(&of_b[0], &room, "after the restore", AT_ONCE).await;
    // What comes back of other logs comes after what came back of its own.
    let mut all = [alice.bodies(&room).await, of_b[0].bodies(&room).await];
    all.iter_mut().for_each(|bodies| bodies.sort());
    assert_eq!(all[0], all[1]);
    assert_eq!(all[0].len(), 4);
    for server in [&mut pair.a, &mut pair.b] {
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
    assert_eq!(heads(&pair.a).await, heads(&pair.b).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_waits_for_a_silent_server_until_that_answers_or_is_paused() {
    let mut pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let bea = &of_b[0];
    let room = shared_room(&alice, &anton, &of_b).await;
    let file = backup(&pair.b);
    pair.b.stop().await;
    pair.b.cli(&["admin", "restore", &file], "").done();
    pair.cut();
    pair.b.launch();
    let message = serde_json::json!({"content": {"msgtype": "swp.text", "body": "too early"}});
    bea.send(&room, &message)
        .await
        .refused(503, "SW_SERVICE_UNAVAILABLE");
    let own = bea.room_with("Mine", &[]).await;
    bea.says(&own, "rooms of its own go on").await;

    let pause = ["admin", "federation", "peer", "pause", "a.example"];
    pair.b.cli(&pause, "").done();
    pair.b.restart();
    bea.says(&room, "without the other").await;
    pair.restore();
    let resume = ["admin", "federation", "peer", "resume", "a.example"];
    pair.b.cli(&resume, "").done();
    arrives(&alice, &room, "without the other", AT_ONCE).await;
}
