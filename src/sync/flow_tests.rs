//! Sync and sockets as clients meet them, on a whole server with a wire in memory.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{Sink, Stream, StreamExt};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::reader::Since;
use super::socket::{self, Broken, Incoming, Opening, Outgoing};
use crate::app::test_server::{Answer, PASSWORD, Server};
use crate::auth::Accounts;
use crate::auth::sign_in::Device;
use crate::events::core::hash::Hash;

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

/// The server's end of a socket.
struct Wire {
    from_client: mpsc::UnboundedReceiver<Incoming>,
    to_client: mpsc::UnboundedSender<Outgoing>,
}

impl Stream for Wire {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        self.from_client.poll_next_unpin(cx)
    }
}

impl Sink<Outgoing> for Wire {
    type Error = Broken;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn start_send(self: Pin<&mut Self>, item: Outgoing) -> Result<(), Broken> {
        self.to_client.unbounded_send(item).map_err(|_| Broken)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }
}

/// The client's end of a socket.
struct Socket {
    to_server: mpsc::UnboundedSender<Incoming>,
    from_server: mpsc::UnboundedReceiver<Outgoing>,
    hello: Value,
}

impl Socket {
    async fn open(person: &Person<'_>, since: Since) -> Socket {
        let app = person.server.app.clone();
        let accounts = Accounts::of(&app);
        let device = Device {
            name: None,
            user_agent: None,
            ip: None,
        };
        let caller = accounts.authenticate(app.tenants(), &person.token, &device);
        let opening = Opening {
            caller: caller.await.unwrap(),
            token: Hash::of(person.token.as_bytes()),
            since,
        };
        let (to_server, from_client) = mpsc::unbounded();
        let (to_client, from_server) = mpsc::unbounded();
        let wire = Wire {
            from_client,
            to_client,
        };
        tokio::spawn(socket::serve(app.clone(), opening, wire));
        let mut socket = Socket {
            to_server,
            from_server,
            hello: Value::Null,
        };
        socket.hello = socket.frame().await;
        socket
    }

    /// The next frame, or the close code with its reason.
    async fn next(&mut self) -> Result<Value, (u16, &'static str)> {
        loop {
            let next = tokio::time::timeout(PATIENCE, self.from_server.next()).await;
            match next.expect("a frame in time").expect("an open wire") {
                Outgoing::Text(text) => return Ok(serde_json::from_slice(&text).unwrap()),
                Outgoing::Ping => {}
                Outgoing::Close(code, reason) => return Err((code, reason)),
            }
        }
    }

    async fn frame(&mut self) -> Value {
        self.next().await.unwrap()
    }

    /// The frames up to the message with this body, without presence and notifications.
    async fn until(&mut self, body: &str) -> Vec<Value> {
        let mut frames = Vec::new();
        loop {
            let frame = self.frame().await;
            if frame["type"] == "presence" || frame["type"] == "swp.notification" {
                continue;
            }
            let is_it = frame["content"]["body"] == body;
            frames.push(frame);
            if is_it {
                return frames;
            }
        }
    }

    async fn ending(&mut self) -> (u16, &'static str) {
        loop {
            if let Err(ending) = self.next().await {
                return ending;
            }
        }
    }

    fn say(&self, incoming: Incoming) {
        self.to_server.unbounded_send(incoming).unwrap();
    }
}

struct Person<'a> {
    server: &'a Server,
    id: String,
    token: String,
}

impl<'a> Person<'a> {
    async fn named(server: &'a Server, name: &str) -> Person<'a> {
        server.create(name, &[]).await;
        let token = server.sign_in(name, PASSWORD).await.data("access_token");
        let id = server.id_of(&token).await;
        Person { server, id, token }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        let answer = self.server.ask(method, path, Some(&self.token), body);
        answer.await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let answer = self.ask(Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer
    }

    async fn room(&self, name: &str) -> String {
        let room = self.post("/v1/rooms", json!({ "name": name })).await;
        room.data("id")
    }

    async fn invite(&self, room: &str, other: &Person<'_>) {
        let whom = json!({ "participant_id": other.id });
        self.post(&format!("/v1/rooms/{room}/invite"), whom).await;
    }

    async fn let_in(&self, room: &str, other: &Person<'_>) {
        self.invite(room, other).await;
        other
            .post(&format!("/v1/rooms/{room}/join"), json!({}))
            .await;
    }

    async fn says(&self, room: &str, body: &str) -> String {
        let content = json!({"content": {"body": body}});
        let sent = self.post(&format!("/v1/rooms/{room}/send"), content).await;
        sent.data("id")
    }

    async fn sync(&self, query: &str) -> Answer {
        let path = format!("/v1/sync?{query}");
        self.ask(Method::GET, &path, json!({})).await
    }

    /// Everything after a position, in pages of seven.
    async fn all_since(&self, mut since: i64) -> Vec<Value> {
        let mut all = Vec::new();
        loop {
            let page = self.sync(&format!("since={since}&limit=7&timeout=0")).await;
            let data = &page.body["data"];
            let events = data["events"].as_array().unwrap();
            all.extend(events.iter().cloned());
            since = data["next_cursor"].as_i64().unwrap();
            if data["has_more"] == false {
                return all;
            }
            assert_eq!(events.len(), 7, "a page with more behind it is full");
        }
    }
}

fn bodies(events: &[Value]) -> Vec<&str> {
    let bodies = events.iter().map(|event| &event["content"]["body"]);
    bodies.filter_map(Value::as_str).collect()
}

#[tokio::test]
async fn a_socket_sees_a_room_from_the_join_to_the_leave() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let room = alice.room("Garden").await;
    let mut socket = Socket::open(&bob, Since::Latest).await;
    alice.says(&room, "before").await;
    alice.invite(&room, &bob).await;
    alice.says(&room, "while invited").await;
    bob.post(&format!("/v1/rooms/{room}/join"), json!({})).await;
    alice.says(&room, "inside").await;
    let frames = socket.until("inside").await;
    let seen: Vec<&Value> = frames.iter().map(|frame| &frame["type"]).collect();
    assert_eq!(
        seen,
        ["swp.room.member", "swp.room.member", "swp.room.message"]
    );

    bob.post(&format!("/v1/rooms/{room}/leave"), json!({}))
        .await;
    alice.says(&room, "after").await;
    let own = bob.room("Own").await;
    bob.says(&own, "alone").await;
    let frames = socket.until("alone").await;
    assert_eq!(frames[0]["membership"], "leave");
    let rest = &frames[1..];
    assert!(
        rest.iter().all(|frame| frame["room_id"] == own),
        "only the new room from then on, its beginning included: {rest:?}"
    );
    assert_eq!(rest[0]["type"], "swp.room.create");
}

#[tokio::test]
async fn who_is_banned_sees_the_ban_and_nothing_else() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let room = alice.room("Garden").await;
    alice.let_in(&room, &bob).await;
    alice.says(&room, "hello").await;
    let mut socket = Socket::open(&bob, Since::Latest).await;
    let whom = json!({ "participant_id": bob.id });
    alice.post(&format!("/v1/rooms/{room}/ban"), whom).await;
    alice.says(&room, "secret").await;
    let own = bob.room("Own").await;
    bob.says(&own, "alone").await;
    let frames = socket.until("alone").await;
    assert_eq!(frames[0]["membership"], "ban");
    assert!(frames[1..].iter().all(|frame| frame["room_id"] == own));
    let events = bob.all_since(0).await;
    let of_room = events.iter().filter(|event| event["room_id"] == room);
    let seen: Vec<&Value> = of_room
        .map(|event| &event["content"]["membership"])
        .collect();
    assert_eq!(
        seen,
        ["invite", "join", "ban"],
        "what is about him, nothing else"
    );
}

#[tokio::test]
async fn pages_tile_whether_they_come_from_memory_or_from_the_store() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three"] {
        let room = alice.room(name).await;
        alice.let_in(&room, &bob).await;
        rooms.push(room);
    }
    let elsewhere = alice.room("elsewhere").await;
    let mut last = String::new();
    for number in 0..40 {
        let room = rooms.get(number % 4).unwrap_or(&elsewhere);
        last = alice.says(room, &format!("{number}")).await;
    }
    let expected: Vec<String> = (0..40)
        .filter(|number| number % 4 != 3)
        .map(|number| number.to_string())
        .collect();
    let from_memory = bob.all_since(0).await;
    let mut said = bodies(&from_memory);
    said.retain(|body| body.parse::<u32>().is_ok());
    assert_eq!(said, expected);

    // A redaction makes the server forget what it has in memory: the same pages come from the store now.
    let path = format!("/v1/rooms/{elsewhere}/events/{last}/redact");
    alice.post(&path, json!({})).await;
    assert_eq!(bob.all_since(0).await, from_memory);

    let mut socket = Socket::open(&bob, Since::Position(0)).await;
    alice.says(&rooms[0], "live").await;
    let frames = socket.until("live").await;
    let positions = |events: &[Value]| -> Vec<i64> {
        let of = |event: &Value| event["stream_position"].as_i64().unwrap();
        events.iter().map(of).collect()
    };
    let replayed = positions(&frames[..frames.len() - 1]);
    assert_eq!(replayed, positions(&from_memory));
}

#[tokio::test]
async fn a_page_ends_with_so_many_bytes_wherever_it_comes_from() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let room = alice.room("large").await;
    let large = "x".repeat(60_000);
    for number in 0..24 {
        alice.says(&room, &format!("{number} {large}")).await;
    }
    let last = alice.says(&room, "last").await;
    let page = alice.sync("since=0&limit=500&timeout=0").await.ok();
    assert_eq!(page["has_more"], true);
    assert!(page.to_string().len() < 3 << 20);
    let from_memory = alice.all_since(0).await;
    assert_eq!(
        bodies(&from_memory)
            .iter()
            .filter(|body| body.len() > 60_000)
            .count(),
        24
    );

    // From the store.
    let path = format!("/v1/rooms/{room}/events/{last}/redact");
    alice.post(&path, json!({})).await;
    let page = alice.sync("since=0&limit=500&timeout=0").await.ok();
    assert_eq!(page["has_more"], true);
    assert!(page.to_string().len() < 3 << 20);
    let from_store = alice.all_since(0).await;
    let from_store = bodies(&from_store);
    assert_eq!(
        from_store.iter().filter(|body| body.len() > 60_000).count(),
        24
    );
}

#[tokio::test]
async fn what_is_edited_or_redacted_is_shown_as_it_is_now() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let room = alice.room("Garden").await;
    // Somebody reads along, so that the first forms are in memory.
    let mut along = Socket::open(&alice, Since::Latest).await;
    let edited = alice.says(&room, "helo").await;
    let redacted = alice.says(&room, "regret").await;
    along.until("regret").await;
    let content = json!({"content": {"body": "hello"}});
    alice
        .post(&format!("/v1/rooms/{room}/events/{edited}/edit"), content)
        .await;
    let content = json!({"content": {"body": "regret too"}});
    alice
        .post(&format!("/v1/rooms/{room}/events/{redacted}/edit"), content)
        .await;
    alice
        .post(
            &format!("/v1/rooms/{room}/events/{redacted}/redact"),
            json!({}),
        )
        .await;
    let events = alice.all_since(0).await;
    let of = |id: &str| events.iter().find(|event| event["id"] == id).unwrap();
    assert_eq!(of(&edited)["content"], json!({"body": "hello"}));
    assert!(of(&edited)["edited_at"].is_string());
    assert_eq!(of(&redacted)["content"], json!({}));
    assert!(of(&redacted)["redacted_at"].is_string());
    assert!(!json!(events).to_string().contains("regret"));

    let mut socket = Socket::open(&alice, Since::Position(0)).await;
    alice.says(&room, "end").await;
    let frames = socket.until("end").await;
    assert!(!json!(frames).to_string().contains("regret"));
    let edits = frames
        .iter()
        .filter(|frame| frame["type"] == "swp.room.message.edit");
    let contents: Vec<&Value> = edits.map(|frame| &frame["content"]).collect();
    assert_eq!(contents, [&json!({"body": "hello"}), &json!({})]);
}

#[tokio::test]
async fn a_waiting_poll_ends_with_its_session_and_the_eleventh_is_refused() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let latest = alice.sync("since=latest").await;
    let end = latest.body["data"]["next_cursor"].as_i64().unwrap();
    let query = format!("since={end}&timeout=60000");
    let polls = (0..11).map(|_| alice.sync(&query));
    let mut polls: futures::stream::FuturesUnordered<_> = polls.collect();
    let refused = polls.next().await.unwrap();
    assert_eq!(refused.code(), "SW_RATE_LIMIT_EXCEEDED");
    let logout = alice.ask(Method::POST, "/v1/auth/logout", json!({}));
    assert_eq!(logout.await.status, StatusCode::OK);
    for _ in 0..10 {
        let ended = polls.next().await.unwrap();
        assert_eq!(ended.code(), "SW_AUTH_INVALID_TOKEN");
    }
}

#[tokio::test]
async fn a_socket_ends_with_its_session_and_with_the_server() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let mut of_alice = Socket::open(&alice, Since::Latest).await;
    let mut of_bob = Socket::open(&bob, Since::Latest).await;
    let logout = alice.ask(Method::POST, "/v1/auth/logout", json!({}));
    assert_eq!(logout.await.status, StatusCode::OK);
    assert_eq!(of_alice.ending().await, (4001, "SW_AUTH_INVALID_TOKEN"));
    server.app.stop().cancel();
    assert_eq!(of_bob.ending().await.0, 1001);
}

#[tokio::test]
async fn a_client_is_answered_and_a_large_frame_is_not() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let mut socket = Socket::open(&alice, Since::Latest).await;
    assert_eq!(socket.hello["type"], "hello");
    let text = |text: &'static str| Incoming::Text(Bytes::from_static(text.as_bytes()));
    socket.say(text("nonsense"));
    socket.say(text(r#"{"type":"ping"}"#));
    loop {
        let frame = socket.frame().await;
        if frame["type"] == "pong" {
            break;
        }
        assert_eq!(frame["type"], "presence");
    }
    socket.say(Incoming::TooLarge);
    assert_eq!(socket.ending().await, (4003, "frame_too_large"));
}

#[tokio::test]
async fn a_client_is_pinged_and_a_silent_one_dropped() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let mut socket = Socket::open(&alice, Since::Latest).await;
    // From here on time jumps to whatever is due next.
    tokio::time::pause();
    let mut pings = 0;
    let mut answered = 0;
    loop {
        match socket.from_server.next().await.unwrap() {
            Outgoing::Ping if answered < 3 => {
                answered += 1;
                socket.say(Incoming::Pong);
            }
            Outgoing::Ping => pings += 1,
            Outgoing::Text(_) => {}
            Outgoing::Close(code, reason) => {
                assert_eq!((code, reason), (4003, "ping_timeout"));
                break;
            }
        }
    }
    assert_eq!(answered, 3);
    assert!((1..=2).contains(&pings), "{pings} pings within a minute");
}

#[tokio::test]
async fn a_socket_ends_with_its_token() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let mut socket = Socket::open(&alice, Since::Latest).await;
    server.clock.advance(3_600_000);
    tokio::time::pause();
    // The socket looks at the clock again when the hour is over for the runtime, too.
    loop {
        match socket.from_server.next().await.unwrap() {
            Outgoing::Ping => socket.say(Incoming::Pong),
            Outgoing::Text(_) => {}
            Outgoing::Close(code, reason) => {
                assert_eq!((code, reason), (4001, "SW_AUTH_EXPIRED_TOKEN"));
                break;
            }
        }
    }
}
