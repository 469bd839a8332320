//! Two servers, one room, real texts, and everything that goes wrong between them.
//!
//! A keeps its data in SQLite, B in Postgres; they speak TLS with certificates of a private CA, through proxies that
//! can be cut. Two people on each side write every text of the fortune packages from 32 connections, with replies,
//! reactions, edits and redactions among them. Meanwhile B is killed, later A, later the network is cut. At the end
//! both servers must have the same room, with everything that was ever acknowledged in it, exactly once.

mod behind_nginx;
mod compare;
mod dms;
mod forks;
mod live;
mod long_rooms;
mod managed;
mod peers;
mod people;
mod restored;
mod rotation;
mod watchers;
mod writers;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::support::{Backend, Person, PrivateCa, Proxy, Server, eventually, fortunes};
use watchers::Watcher;
use writers::{Ledger, Side};

/// How long the servers may take to agree once everything is up again.
const CONVERGENCE: Duration = Duration::from_secs(300);
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
            ("b.example", to_b.address()),
            ca,
        )
        .await;
        let b = start(
            Backend::Postgres,
            "b.example",
            ("a.example", to_a.address()),
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

async fn start(backend: Backend, name: &str, peer: (&str, SocketAddr), ca: &PrivateCa) -> Server {
    let mut server = Server::prepare(backend, &[("SCAIWAVE_SERVER_NAME", name)]).await;
    server.speak_tls(name, ca);
    let ca_file = ca.write_to(server.scratch());
    server.set(
        "SCAIWAVE_FEDERATION_CA_FILE",
        &ca_file.display().to_string(),
    );
    server.set(
        "SCAIWAVE_FEDERATION_PEER_URLS",
        &format!("{}=https://{}", peer.0, peer.1),
    );
    server.launch();
    let policy = json!({"allowed_peers": [peer.0]});
    server
        .admin()
        .await
        .api
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();
    server
}

/// Waits until a person is shown a message with exactly this text.
async fn arrives(person: &Person, room: &str, text: &str, within: Duration) {
    eventually(&format!("{text} arrives"), within, async || {
        person.bodies(room).await.iter().any(|body| body == text)
    })
    .await;
}

/// A room of alice on A that all four are in.
async fn shared_room(alice: &Person, anton: &Person, of_b: &[Person; 2]) -> String {
    let room = alice.room_with("Fortunes", &[anton]).await;
    for person in of_b {
        let invite = format!("/v1/rooms/{room}/invite");
        alice
            .api
            .post(&invite, &json!({"fqid": person.fqid}))
            .await
            .data();
        eventually(
            "the invitation crosses over",
            Duration::from_secs(30),
            async || {
                let open = person.api.get("/v1/me/invitations").await.data();
                open.as_array().is_some_and(|open| {
                    open.iter()
                        .any(|invitation| invitation["room_id"] == json!(room))
                })
            },
        )
        .await;
        person.join(&room).await.data();
    }
    room
}

/// Waits until so many more messages of this side were acknowledged.
async fn progress(ledger: &Ledger, side: Side, more: usize) {
    let goal = ledger.acknowledged_on(side) + more;
    eventually("the senders get on", CONVERGENCE, async || {
        ledger.acknowledged_on(side) >= goal || ledger.is_exhausted()
    })
    .await;
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
    progress(ledger, Side::A, MEANWHILE).await;
    tokio::task::block_in_place(|| pair.b.launch());

    at(2).await;
    pair.a.kill();
    progress(ledger, Side::B, MEANWHILE).await;
    tokio::task::block_in_place(|| pair.a.launch());

    at(3).await;
    pair.cut();
    // A message never waits for another server.
    progress(ledger, Side::A, MEANWHILE).await;
    progress(ledger, Side::B, MEANWHILE).await;
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
    let ledger = Arc::new(Ledger::new(texts));
    let seen = [watchers[0].messages(), watchers[2].messages()];
    let writing = writers::write_everything([&of_a, &of_b], &room, &ledger, seen);
    tokio::join!(writing, troubles(&mut pair, &ledger));
    eprintln!(
        "{} messages sent, {}",
        ledger.acknowledged(),
        ledger.summary()
    );

    compare::converge(&of_a, &of_b, &room, &ledger).await;
    for watcher in watchers {
        watcher.saw_everything_once_and_in_order().await;
    }
    pair.a.stop().await;
    pair.b.stop().await;
    compare::heads_are_equal(&pair.a, &pair.b, &room).await;
    for server in [&pair.a, &pair.b] {
        server.cli(&["admin", "verify"], "").done();
    }
}
