//! Two servers, one room, real texts, and everything that goes wrong between them.
//!
//! A keeps its data in SQLite, B in Postgres; they speak TLS with certificates of a private CA, through proxies that
//! can be cut. Two people on each side write every text of the fortune packages from 32 connections, with replies,
//! reactions, edits and redactions among them. Meanwhile B is killed, later A, later the network is cut. At the end
//! both servers must have the same room, with everything that was ever acknowledged in it, exactly once.

mod behind_nginx;
mod dms;
mod forks;
mod invitations;
mod live;
mod long_rooms;
mod managed;
mod media;
mod peers;
mod people;
mod restored;
mod rotation;

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::fleet::compare;
use crate::fleet::watchers::Watcher;
use crate::fleet::writers::{self, Ledger, Pace};
use crate::fleet::{CONVERGENCE, arrives, bring_in, progress, start};
use crate::support::{Backend, Person, PrivateCa, Proxy, Server, eventually, fortunes};

const A: usize = 0;
const B: usize = 1;
/// How many messages the other side gets through while one is down, and each side while the network is cut.
const MEANWHILE: usize = 300;

/// The two servers and the proxies that each reaches the other through.
struct Pair {
    a: Server,
    b: Server,
    to_a: Proxy,
    to_b: Proxy,
}

impl Pair {
    async fn start(ca: &PrivateCa) -> Self {
        let (to_a, to_b) = (Proxy::new().await, Proxy::new().await);
        let a = start(
            Backend::Sqlite,
            "a.example",
            &[("b.example", to_b.address())],
            ca,
        )
        .await;
        let b = start(
            Backend::Postgres,
            "b.example",
            &[("a.example", to_a.address())],
            ca,
        )
        .await;
        to_a.set_target_port(a.port());
        to_b.set_target_port(b.port());
        Self { a, b, to_a, to_b }
    }

    fn cut(&self) {
        self.to_a.cut();
        self.to_b.cut();
    }

    fn restore(&self) {
        self.to_a.restore();
        self.to_b.restore();
    }
}

/// A room of alice on A that all four are in.
async fn shared_room(alice: &Person, anton: &Person, of_b: &[Person; 2]) -> String {
    let room = alice.room_with("Fortunes", &[anton]).await;
    bring_in(alice, of_b, &room).await;
    room
}

/// Kills each server once and cuts the network once, at a quarter, half and three quarters of the texts.
async fn troubles(pair: &mut Pair, ledger: &Ledger) {
    let at = async |share: usize| {
        let goal = ledger.len() * share / 4;
        eventually(
            "the senders get on",
            Duration::from_secs(1200),
            async || ledger.acknowledged() >= goal,
        )
        .await;
        assert!(
            !ledger.is_exhausted(),
            "there must be texts left while things go wrong"
        );
    };
    at(1).await;
    pair.b.kill();
    progress(ledger, A, MEANWHILE).await;
    tokio::task::block_in_place(|| pair.b.launch());

    at(2).await;
    pair.a.kill();
    progress(ledger, B, MEANWHILE).await;
    tokio::task::block_in_place(|| pair.a.launch());

    at(3).await;
    pair.cut();
    // A message never waits for another server.
    progress(ledger, A, MEANWHILE).await;
    progress(ledger, B, MEANWHILE).await;
    pair.restore();
}

#[tokio::test]
async fn what_was_redacted_before_it_crossed_over_is_shown_as_redacted() {
    let pair = Pair::start(&PrivateCa::new()).await;
    let [alice, anton] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let room = shared_room(&alice, &anton, &of_b).await;

    pair.cut();
    let regretted = alice.says(&room, "Forget this").await;
    let regretted = regretted["id"].as_str().unwrap();
    alice
        .api
        .post(
            &format!("/v1/rooms/{room}/events/{regretted}/redact"),
            &json!({}),
        )
        .await
        .data();
    let last = alice.says(&room, "Remember this").await;
    let last = last["id"].as_str().unwrap();
    pair.restore();

    let shown = async |person: &Person, event: &str| {
        let path = format!("/v1/rooms/{room}/events/{event}");
        let answer = person.api.get(&path).await;
        (answer.status == 200).then(|| answer.data())
    };
    eventually("both cross over", CONVERGENCE, async || {
        shown(&of_b[0], last).await.is_some() && shown(&of_b[0], regretted).await.is_some()
    })
    .await;
    let event = shown(&of_b[0], regretted).await.unwrap();
    assert_eq!(event["content"], json!({}));
    assert_eq!(event["redacted_by"], json!(alice.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_end_with_the_same_room() {
    let texts = fortunes();
    let ca = PrivateCa::new();
    let mut pair = Pair::start(&ca).await;
    let of_a: [Person; 2] = pair.a.people(["alice", "anton"]).await;
    let of_b: [Person; 2] = pair.b.people(["bea", "ben"]).await;
    let [alice, anton] = &of_a;
    let room = shared_room(alice, anton, &of_b).await;

    let tls = ca.client_config();
    let mut watchers = Vec::new();
    for person in of_a.iter().chain(&of_b) {
        watchers.push(Watcher::start(person, &room, tls.clone()).await);
    }
    let ledger = Arc::new(Ledger::new(texts, 2));
    let seen = [watchers[0].messages(), watchers[2].messages()];
    let writing = writers::write_everything([&of_a[..], &of_b], &room, &ledger, seen, Pace::FULL);
    tokio::join!(writing, troubles(&mut pair, &ledger));
    eprintln!(
        "{} messages sent, {}",
        ledger.acknowledged(),
        ledger.summary()
    );

    compare::converge(&[alice, &of_b[0]], &room, &ledger).await;
    for watcher in watchers {
        watcher.saw_everything_once_and_in_order(None).await;
    }
    pair.a.stop().await;
    pair.b.stop().await;
    compare::logs_are_equal(&[&pair.a, &pair.b], &room, &ledger).await;
    for server in [&pair.a, &pair.b] {
        server.cli(&["admin", "verify"], "").done();
    }
}
