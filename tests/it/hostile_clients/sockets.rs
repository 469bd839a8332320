//! Sockets that nobody reads, and sockets at the other end of a dead line.

use std::time::Duration;

use futures::join;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Api, Backend, Line, Person, Proxy, Server, Socket, eventually};

/// How long a silent socket may stay, with room to spare: the server gives up after a minute without a pong.
const GIVEN_UP: Duration = Duration::from_secs(180);
/// Sockets that nobody reads, at most as many as a person may have.
const UNREAD: usize = 15;
/// Messages, each nearly as large as one may be.
const MESSAGES: usize = 150;
/// What the sockets may cost the server together, in KiB: the pages and buffers of each, and what is kept for those who
/// are a little behind.
const KEPT_KIB: u64 = 160 * 1024;

/// A socket whose client says hello and then takes nothing.
async fn unread(server: &Server, api: &Api, since: i64) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let at = ([127, 0, 0, 1], server.port()).into();
    let mut stream = socket.connect(at).await.unwrap();
    let token = api.token().unwrap();
    let request = format!(
        "GET /v1/stream?token={token}&since={since} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut byte = [0];
    stream.read_exact(&mut byte).await.unwrap();
    stream
}

async fn connected(api: &Api) -> usize {
    let sessions = api.get("/v1/me/sessions").await.data();
    let sessions = sessions.as_array().unwrap().iter();
    sessions
        .filter(|session| session["connected"] == true)
        .count()
}

async fn devices(person: &Person, number: usize) -> Vec<Api> {
    let mut devices = Vec::new();
    for number in 0..number {
        let name = json!({ "name": format!("device {number}") });
        let token = person.api.post("/v1/me/tokens", &name).await.data();
        devices.push(person.api.with_token(token["token"].as_str().unwrap()));
    }
    devices
}

fn bodies(events: &[Value]) -> Vec<&str> {
    let messages = events
        .iter()
        .filter(|event| event["event_type"] == "swp.room.message");
    messages
        .map(|event| event["content"]["body"].as_str().unwrap())
        .collect()
}

async fn slow_readers(backend: Backend) {
    let server = Server::start(backend, &[]).await;
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.room_with("Garden", &[&bob, &carol]).await;
    let (_, start) = carol.sync_from(0).await;
    let large = "x".repeat(60_000);
    let texts: Vec<String> = (0..MESSAGES)
        .map(|number| format!("{number} {large}"))
        .collect();
    // Half of them ask for what was before, half for what comes.
    let (early, late) = texts.split_at(MESSAGES / 2);
    for text in early {
        alice.says(&room, text).await;
    }
    let before = server.memory_kib();
    let slow = devices(&carol, UNREAD).await;
    let mut open = Vec::new();
    for device in &slow {
        open.push(unread(&server, device, start).await);
    }
    let mut reader = Socket::open(&bob.api, None).await;
    for text in late {
        alice.says(&room, text).await;
        let frame = reader.next_of("swp.room.message").await;
        assert_eq!(frame["content"]["body"], json!(text), "others go on");
    }
    let during = server.memory_kib();
    eprintln!("on {backend}: {before} KiB, with {UNREAD} sockets that nobody reads {during} KiB");
    assert!(
        during < before + KEPT_KIB,
        "{before} KiB, then {during} KiB"
    );
    eventually("those who do not read are dropped", GIVEN_UP, async || {
        connected(&carol.api).await == 0
    })
    .await;
    // The connections are the client's own still; what has been lost is made up for by the cursor.
    let (events, _) = carol.sync_from(start).await;
    assert_eq!(bodies(&events), texts);
    let mut back = Socket::open(&slow[0], Some(start)).await;
    for text in &texts {
        let frame = back.next_of("swp.room.message").await;
        assert_eq!(frame["content"]["body"], json!(text));
    }
    drop(open);
}

async fn dead_lines(backend: Backend) {
    let server = Server::start(backend, &[]).await;
    let [alice, bob] = server.people(["alice", "bob"]).await;
    let room = alice.room_with("Garden", &[&bob]).await;
    let proxy = Proxy::new().await;
    proxy.set_target_port(server.port());
    let far = Api::new(&format!("http://{}", proxy.address()));
    let far = far.with_token(bob.api.token().unwrap());
    let mut socket = Socket::open(&far, None).await;
    let at = socket.hello["stream_position"].as_i64().unwrap();
    assert_eq!(connected(&bob.api).await, 1);
    // No packet passes any more, not even the one that ends a connection.
    proxy.set_line(Line::Silent);
    alice.says(&room, "into the void").await;
    eventually("a silent client is given up", GIVEN_UP, async || {
        connected(&bob.api).await == 0
    })
    .await;
    let log = server.log();
    assert!(log.contains("ping_timeout"), "{log}");
    proxy.restore();
    let (events, _) = bob.sync_from(at).await;
    assert_eq!(bodies(&events), ["into the void"]);
    let ending = socket.ending().await;
    assert_eq!(ending, (4003, "ping_timeout".to_owned()));
}

#[tokio::test]
async fn sockets_that_nobody_reads_are_dropped_and_cost_others_nothing() {
    join!(
        slow_readers(Backend::Sqlite),
        slow_readers(Backend::Postgres)
    );
}

#[tokio::test]
async fn sockets_at_the_end_of_a_dead_line_are_closed() {
    join!(dead_lines(Backend::Sqlite), dead_lines(Backend::Postgres));
}
