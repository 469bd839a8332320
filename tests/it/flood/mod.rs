//! Hostile servers that flood, and a good one meanwhile.
//!
//! Four of them, all allowed and all in the very room in which people talk, send at once what costs a server most: events
//! behind gaps and of the future, branches, events that do not verify, large bodies side by side, invitations by the hundred,
//! requests with other people's keys, and bodies that never end. Everything that the good server's people say arrives in
//! time with what is said here; and afterwards the flooded server has kept no more than its bounds of it.

mod peer;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::join_all;
use scaiwave::clock::Clock;
use scaiwave::events::core::ids::RoomId;
use scaiwave::events::core::sign::KeyPair;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use self::peer::Peer;
use crate::fleet::{CONVERGENCE, arrives, bring_in};
use crate::support::{Backend, Person, Proxy, Server, eventually, rows};

const HOSTILE: [&str; 4] = ["m1.example", "m2.example", "m3.example", "m4.example"];
/// Events in one request, at most.
const BATCH: usize = 100;
/// Rows that the journal keeps, with those that come between two looks at it; and, in Postgres, what transactions that run
/// side by side do not see of each other: a batch of each hostile server.
const JOURNAL: usize = 10_000 + 64 + HOSTILE.len() * BATCH;
/// Branches of a log that are kept as evidence, whoever signed how many.
const BRANCHES: usize = 16;
/// Events that do not verify, of each hostile server: together more than the journal keeps.
const UNBELIEVABLE: usize = 2_800;
/// Other events of each kind and server.
const MANY: usize = 1_000;
/// Invitations of each: many more than a peer may send in a minute.
const INVITATIONS: usize = 300;
/// Large bodies of each at one time.
const SIDE_BY_SIDE: usize = 24;
/// Connections of each whose body never ends.
const SLOW: usize = 20;
/// What a server may keep in memory after all that: 64 MiB.
const KEPT_KIB: u64 = 64 * 1024;

/// How often each status came.
type Tally = BTreeMap<u16, usize>;

fn add(tally: &mut Tally, status: u16) {
    *tally.entry(status).or_default() += 1;
}

/// Sends events a hundred at a time.
async fn sends(peer: &Peer, events: Vec<Value>) -> Tally {
    let mut tally = Tally::new();
    for batch in events.chunks(BATCH) {
        let (status, _) = peer.ask("/send", &json!({"events": batch})).await;
        add(&mut tally, status);
    }
    tally
}

/// Events that nothing leads to, and events of tomorrow.
async fn pending(peer: &Peer, room: RoomId) -> Tally {
    let now = Clock::system().now_ms();
    let behind_gap = (0..MANY).map(|number| {
        let seq = 1_000 + i64::try_from(number).unwrap();
        peer.event(room, seq, now, "behind a gap")
    });
    let tomorrow = (0..MANY).map(|_| peer.event(room, 2, now + 86_400_000, "tomorrow"));
    sends(peer, behind_gap.chain(tomorrow).collect()).await
}

/// One event for a place, and many others for the same one.
async fn forks(peer: &Peer, room: RoomId) -> Tally {
    let now = Clock::system().now_ms();
    let branches = (0..MANY).map(|number| peer.event(room, 1, now, &format!("branch {number}")));
    sends(peer, branches.collect()).await
}

/// Events whose signatures are others', each of which is refused and written down.
async fn unbelievable(peer: &Peer, room: RoomId) -> Tally {
    let now = Clock::system().now_ms();
    let right = peer.event(room, 1, now, "signed");
    let others = (0..UNBELIEVABLE).map(|number| {
        let mut event = peer.event(room, 1, now, &format!("unsigned {number}"));
        event["signature"] = right["signature"].clone();
        event
    });
    sends(peer, others.collect()).await
}

/// Bodies of nearly 1 MiB, all at one time.
async fn large(peer: &Peer, room: RoomId) -> Tally {
    let (now, text) = (Clock::system().now_ms(), "x".repeat(70_000));
    let events: Vec<Value> = (5_000..5_014)
        .map(|seq| peer.event(room, seq, now, &text))
        .collect();
    let body = json!({"events": events});
    let asked = (0..SIDE_BY_SIDE).map(|_| peer.ask("/send", &body));
    let mut tally = Tally::new();
    for (status, _) in join_all(asked).await {
        add(&mut tally, status);
    }
    tally
}

/// Invitations, of which a person and a server are to be spared most; how many were taken.
async fn invitations(peer: &Peer, person: &str) -> Tally {
    let mut tally = Tally::new();
    for number in 0..INVITATIONS {
        let invitation = peer.invitation(number, person);
        let (status, _) = peer.ask("/invite", &invitation).await;
        add(&mut tally, status);
    }
    tally
}

/// Requests in a peer's name that somebody else signed.
async fn forged(peer: &Peer) -> Tally {
    let mut tally = Tally::new();
    for _ in 0..INVITATIONS {
        add(&mut tally, peer.ask_forged("/ephemeral", &json!({})).await);
    }
    tally
}

/// Connections that begin a request and never end it; open until dropped.
async fn slow(port: u16) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for _ in 0..SLOW {
        let at = SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = TcpStream::connect(at).await.unwrap();
        let head = "POST /_scaiwave/federation/v1/send HTTP/1.1\r\nhost: a.example\r\n\
             content-type: application/json\r\ncontent-length: 1000000\r\n\r\n{\"events\": [";
        stream.write_all(head.as_bytes()).await.unwrap();
        open.push(stream);
    }
    open
}

/// People say something here and there, one thing after another, until the attack is over; how much it was.
async fn talk(people: [&Person; 2], room: &str, is_over: &AtomicBool) -> usize {
    let mut said = 0;
    while !is_over.load(Ordering::SeqCst) || said < 50 {
        for (number, person) in people.iter().enumerate() {
            person.says(room, &format!("word {said} of {number}")).await;
        }
        said += 1;
    }
    for (number, person) in people.iter().enumerate() {
        person.says(room, &format!("last word of {number}")).await;
    }
    2 * (said + 1)
}

/// Everything at once, of one hostile server.
async fn attacks(peer: &Peer, room: RoomId, person: &str, port: u16) {
    let slow = slow(port).await;
    let (pending, forks, unbelievable, large, invited, forged) = tokio::join!(
        pending(peer, room),
        forks(peer, room),
        unbelievable(peer, room),
        large(peer, room),
        invitations(peer, person),
        forged(peer),
    );
    drop(slow);
    let all = [&pending, &forks, &unbelievable, &large];
    for tally in all {
        let known = tally.keys().all(|status| [200, 429, 503].contains(status));
        assert!(known, "{tally:?}");
    }
    // A server has few places at one time: which of its requests get them is a matter of who comes first.
    assert!(all.iter().any(|tally| tally.contains_key(&200)), "{all:?}");
    let taken = invited.get(&200).copied().unwrap_or(0);
    assert!(taken > 0 && taken < INVITATIONS / 2, "{invited:?}");
    assert_eq!(invited.get(&429), Some(&(INVITATIONS - taken)));
    assert_eq!(forged.get(&401), Some(&INVITATIONS), "{forged:?}");
}

/// How many rows a table has.
async fn count(server: &Server, table: &str) -> usize {
    let sql = format!("SELECT CAST(count(*) AS TEXT) FROM {table}");
    let found = rows(server.backend(), &server.database_url(), &sql).await;
    found[0].parse().unwrap()
}

/// Two servers that deal with each other over these lines, and the first one, with this database, with the hostile ones.
async fn servers(backend: Backend, hostile: SocketAddr) -> (Server, Server, [Proxy; 2]) {
    let (to_a, to_b) = (Proxy::new().await, Proxy::new().await);
    let mut urls = vec![format!("b.example=http://{}", to_b.address())];
    urls.extend(HOSTILE.map(|name| format!("{name}=http://{hostile}")));
    let of_a = [
        ("SCAIWAVE_SERVER_NAME", "a.example"),
        ("SCAIWAVE_FEDERATION_PEER_URLS", &urls.join(",")),
        // As they are by default: without them invitations have no bound.
        ("SCAIWAVE_RATE_PEER_EVENTS", "600000"),
        ("SCAIWAVE_RATE_PEER_REQUESTS", "60000"),
    ];
    let a = Server::start(backend, &of_a).await;
    let url_of_a = format!("a.example=http://{}", to_a.address());
    let of_b = [
        ("SCAIWAVE_SERVER_NAME", "b.example"),
        ("SCAIWAVE_FEDERATION_PEER_URLS", url_of_a.as_str()),
    ];
    let b = Server::start(Backend::Sqlite, &of_b).await;
    to_a.set_target_port(a.port());
    to_b.set_target_port(b.port());
    let others = [&["b.example"], &HOSTILE[..]].concat();
    for (server, peers) in [(&a, others), (&b, vec!["a.example"])] {
        let admin = &server.admin().await.api;
        let policy = json!({"allowed_peers": peers});
        admin
            .put("/v1/admin/federation/policy", &policy)
            .await
            .data();
    }
    (a, b, [to_a, to_b])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_floods_harms_nobody_and_leaves_nothing_behind() {
    for backend in Backend::ALL {
        eprintln!("on {backend}:");
        flood(backend).await;
    }
}

async fn flood(backend: Backend) {
    let keys = HOSTILE.iter().zip(40..);
    let keys: Vec<_> = keys
        .map(|(name, seed)| (name.parse().unwrap(), KeyPair::from_seed(&[seed; 32])))
        .collect();
    let hostile = peer::answer(&keys).await;
    let (mut a, mut b, _lines) = servers(backend, hostile).await;
    let [alice, victim] = a.people(["alice", "victim"]).await;
    let [bea] = b.people(["bea"]).await;
    let room = alice.room_with("Talk", &[]).await;
    bring_in(&alice, [&bea], &room).await;
    let room_id: RoomId = room.parse().unwrap();
    let mut peers = Vec::new();
    for pair in keys {
        let mut peer = Peer::new(pair, a.url());
        let invite = json!({"fqid": peer.person()});
        let path = format!("/v1/rooms/{room}/invite");
        alice.api.post(&path, &invite).await.data();
        peer.join(room_id).await;
        peers.push(peer);
    }
    // What it keeps ready anyhow is there before anybody measures.
    talk([&alice, &bea], &room, &AtomicBool::new(true)).await;
    arrives(&alice, &room, "last word of 1", CONVERGENCE).await;
    let before = a.memory_kib();

    let is_over = AtomicBool::new(false);
    let attack = async {
        let all = peers.iter();
        join_all(all.map(|peer| attacks(peer, room_id, &victim.fqid, a.port()))).await;
        is_over.store(true, Ordering::SeqCst);
    };
    let (said, ()) = tokio::join!(talk([&alice, &bea], &room, &is_over), attack);
    let warm_up = 2 * (50 + 1);
    let mut all = Vec::new();
    for person in [&alice, &bea] {
        eventually("every word arrives", CONVERGENCE, async || {
            person.bodies(&room).await.len() >= warm_up + said
        })
        .await;
        let mut bodies = person.bodies(&room).await;
        bodies.retain(|body| body.contains("word"));
        assert_eq!(bodies.len(), warm_up + said, "each of them once");
        bodies.sort();
        all.push(bodies);
    }
    assert_eq!(all[0], all[1]);
    assert_eq!(a.stranger().get("/health").await.status, 200);
    eventually("memory is given back", CONVERGENCE, async || {
        a.memory_kib() <= before + KEPT_KIB
    })
    .await;

    for server in [&mut a, &mut b] {
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
    let journal = count(&a, "federation_rejected").await;
    assert!((1..=JOURNAL).contains(&journal), "{journal} rows");
    let branches = count(&a, "forks").await;
    assert!((1..=HOSTILE.len() * BRANCHES).contains(&branches));
    let kept = format!("events WHERE origin LIKE 'm_.example' AND room_id = '{room}'");
    assert!(count(&a, &kept).await <= HOSTILE.len());
    assert_eq!(count(&a, "missing_contents").await, 0);
    let invited = "members WHERE membership = 'invite' AND fqid LIKE '@victim:%'";
    let invited = count(&a, invited).await;
    assert!(invited < HOSTILE.len() * INVITATIONS / 2, "{invited}");
    eprintln!(
        "{said} words meanwhile, {before} KiB before, {journal} rows of the journal, {invited} invitations"
    );
}
