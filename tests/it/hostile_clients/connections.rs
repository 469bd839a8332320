//! Many connections, and slow ones.

use std::process::Command;
use std::time::Duration;

use futures::future::join_all;
use futures::stream::{self, StreamExt};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::raw::{connect, statuses, until_closed};
use crate::support::{Api, Backend, Person, Server, Socket, eventually, on_both};

/// Idle connections, where the machine lets a process have so many.
const IDLE: usize = 9_000;
/// People with many devices each.
const PEOPLE: usize = 50;
const DEVICES: usize = 20;
/// What is left of the limit of files for everything else.
const OTHER_FILES: usize = 1_000;
/// Memory for a connection on which nothing happens, and for a socket, in KiB.
const IDLE_KIB: usize = 24;
const SOCKET_KIB: usize = 96;
const AT_ONCE: Duration = Duration::from_secs(60);

/// Raises the limit of open files of a process to the highest that it may have, and returns it.
fn most_files(process: u32) -> usize {
    let limit = || {
        let limits = std::fs::read_to_string(format!("/proc/{process}/limits")).ok()?;
        let line = limits
            .lines()
            .find(|line| line.starts_with("Max open files"))?;
        let mut words = line.split_whitespace().skip(3);
        let word = |word: Option<&str>| word.and_then(|word| word.parse::<usize>().ok());
        let soft = word(words.next())?;
        Some((soft, word(words.next()).unwrap_or(1 << 20)))
    };
    let Some((soft, hard)) = limit() else {
        return OTHER_FILES;
    };
    let files = format!("--nofile={hard}:{hard}");
    let raised = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &files])
        .status();
    match raised {
        Ok(status) if status.success() => hard,
        _ => soft,
    }
}

/// How many idle connections this machine allows in this process and in the server.
fn idle(server: &Server) -> usize {
    let files = most_files(std::process::id()).min(most_files(server.process()));
    let most = files.saturating_sub(OTHER_FILES + PEOPLE * DEVICES);
    if most < IDLE {
        eprintln!("{most} idle connections instead of {IDLE}: a process may have {files} files");
    }
    IDLE.min(most)
}

/// A connection that has asked once and goes on being there.
async fn idle_connection(server: &Server) -> TcpStream {
    let mut stream = connect(server).await;
    let request = b"GET /health/live HTTP/1.1\r\nhost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut some = [0; 2048];
    let length = stream.read(&mut some).await.unwrap();
    let answer = String::from_utf8_lossy(&some[..length]);
    assert_eq!(statuses(&answer), [200], "{answer}");
    stream
}

/// As many devices as a person may have sockets.
async fn devices(person: &Person) -> Vec<Api> {
    let mut devices = Vec::new();
    for number in 0..DEVICES {
        let name = json!({ "name": format!("device {number}") });
        let token = person.api.post("/v1/me/tokens", &name).await.data();
        devices.push(person.api.with_token(token["token"].as_str().unwrap()));
    }
    devices
}

#[tokio::test]
async fn ten_thousand_idle_connections_keep_nobody_out() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let idle_most = idle(&server);
        let mut crowd = Vec::new();
        for number in 0..PEOPLE {
            let person = Person::new(&server, &format!("person-{number}")).await;
            crowd.extend(devices(&person).await);
        }
        let before = server.memory_kib();
        let opened = stream::iter(0..idle_most).map(|_| idle_connection(&server));
        let connections: Vec<TcpStream> = opened.buffer_unordered(64).collect().await;
        let with_idle = server.memory_kib();
        let opened = stream::iter(&crowd).map(|device| Socket::open(device, None));
        let sockets: Vec<Socket> = opened.buffer_unordered(32).collect().await;
        let with_sockets = server.memory_kib();
        eprintln!(
            "{before} KiB, with {idle_most} idle connections {with_idle} KiB, with {} sockets {with_sockets} KiB",
            sockets.len()
        );
        let bound = |number: usize, each: usize| u64::try_from(number * each).unwrap();
        assert!(with_idle < before + bound(idle_most, IDLE_KIB) + 64 * 1024);
        assert!(with_sockets < with_idle + bound(sockets.len(), SOCKET_KIB) + 64 * 1024);

        let mut socket = Socket::open(&bob.api, None).await;
        alice.says(&room, "in the crowd").await;
        let frame = socket.next_of("swp.room.message").await;
        assert_eq!(frame["content"]["body"], "in the crowd");
        assert_eq!(bob.bodies(&room).await, ["in the crowd"]);
        // All of them are still there.
        let answered = join_all(sockets.into_iter().map(async |mut socket| {
            socket.send(&json!({"type": "ping"}));
            socket.next_of("pong").await;
        }))
        .await;
        assert_eq!(answered.len(), PEOPLE * DEVICES);
        drop(connections);
    })
    .await;
}

#[tokio::test]
async fn a_person_has_so_many_sockets_and_the_oldest_goes() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let mut open = Vec::new();
        for device in devices(&alice).await {
            open.push(Socket::open(&device, None).await);
        }
        let mut others = Socket::open(&bob.api, None).await;
        let mut latest = Socket::open(&alice.api, None).await;
        let ending = open.remove(0).ending().await;
        assert_eq!(ending, (4003, "too_many_connections".to_owned()));
        bob.says(&room, "still here").await;
        for socket in open.iter_mut().chain([&mut latest, &mut others]) {
            let frame = socket.next_of("swp.room.message").await;
            assert_eq!(frame["content"]["body"], "still here");
        }
    })
    .await;
}

#[tokio::test]
async fn who_sends_a_request_byte_by_byte_is_disconnected() {
    let server = Server::start(Backend::Sqlite, &[("SCAIWAVE_REQUEST_TIMEOUT", "2")]).await;
    let [alice] = server.people(["alice"]).await;
    let token = alice.api.token().unwrap();
    // Headers that never end; a byte a second is no sign of life.
    let headers = async || {
        let mut stream = connect(&server).await;
        let request = format!("GET /v1/me HTTP/1.1\r\nhost: a\r\nx-a: {}", "x".repeat(600));
        for byte in request.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            let mut none = [0];
            let waited = Duration::from_millis(100);
            // Whatever comes, or the end: the server has had enough.
            if tokio::time::timeout(waited, stream.read(&mut none))
                .await
                .is_ok()
            {
                return;
            }
        }
        panic!("a minute of headers was read");
    };
    let body = async || {
        let mut stream = connect(&server).await;
        let head = format!(
            "PUT /v1/me HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\nconnection: close\r\n\r\n{{"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let answers = statuses(&until_closed(stream).await);
        assert_eq!(answers, [503]);
    };
    let all = join_all((0..20).map(|_| async { futures::join!(headers(), body()) }));
    let meanwhile = async {
        let room = alice.room_with("Garden", &[]).await;
        alice.says(&room, "meanwhile").await;
    };
    futures::join!(all, meanwhile);
}

#[tokio::test]
async fn a_flood_of_typing_is_refused_and_reaches_nobody_twice() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        server.stop().await;
        server.set("SCAIWAVE_RATE_TYPING", "120");
        server.launch();
        let mut socket = Socket::open(&bob.api, None).await;
        let flood = stream::iter(0..1_000).map(|number: u32| {
            let typing = json!({"room_id": room, "typing": number.is_multiple_of(2)});
            let api = &alice.api;
            async move { api.put("/v1/typing", &typing).await }
        });
        let answers: Vec<_> = flood.buffer_unordered(16).collect().await;
        let refused = answers.iter().filter(|answer| answer.status == 429);
        assert!(refused.count() > 500);
        assert!(
            answers
                .iter()
                .all(|answer| [200, 429].contains(&answer.status.as_u16()))
        );
        // Sending is another bucket.
        alice.says(&room, "that was me").await;
        let mut frames = 0;
        loop {
            let frame = socket.next().await;
            match frame["type"].as_str() {
                Some("typing") => frames += 1,
                Some("swp.room.message") => break,
                _ => {}
            }
        }
        assert!(frames < 500, "{frames}");
        eventually("it is over", AT_ONCE, async || {
            let typing = json!({"room_id": room, "typing": false});
            alice.api.put("/v1/typing", &typing).await.status == 200
        })
        .await;
    })
    .await;
}
