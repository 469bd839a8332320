//! Presence and typing as clients meet them.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::frames::LiveFrame;
use super::live::Listener;
use super::model::State;
use crate::app::test_server::{Answer, PASSWORD, Server};
use crate::events::core::ids::{ParticipantId, RoomId};

/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(20);

struct Person<'a> {
    server: &'a Server,
    id: ParticipantId,
    token: String,
}

impl<'a> Person<'a> {
    async fn named(server: &'a Server, name: &str) -> Person<'a> {
        server.create(name, &[]).await;
        let token = server.sign_in(name, PASSWORD).await.data("access_token");
        let id = server.id_of(&token).await.parse().unwrap();
        Person { server, id, token }
    }

    async fn ask(&self, method: Method, path: &str, body: Value) -> Answer {
        self.server.ask(method, path, Some(&self.token), body).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        let answer = self.ask(Method::POST, path, body).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer
    }

    async fn set(&self, status: &str) -> String {
        let body = json!({ "status": status });
        let answer = self.ask(Method::PUT, "/v1/me/presence", body).await;
        answer.data("presence")
    }

    async fn beats(&self) -> String {
        let answer = self.post("/v1/me/presence/heartbeat", json!({})).await;
        answer.data("presence")
    }

    /// How present another person looks.
    async fn sees(&self, other: &Person<'_>) -> String {
        let path = format!("/v1/presence?ids={}", other.id);
        let answer = self.ask(Method::GET, &path, json!({})).await;
        answer.data(&other.id.to_string())
    }

    async fn room_with(&self, other: &Person<'_>) -> RoomId {
        let room = self.post("/v1/rooms", json!({"name": "Garden"})).await;
        let id = room.data("id");
        let whom = json!({ "participant_id": other.id });
        self.post(&format!("/v1/rooms/{id}/invite"), whom).await;
        other.post(&format!("/v1/rooms/{id}/join"), json!({})).await;
        id.parse().unwrap()
    }

    /// What the person's socket would get, in one room.
    fn listen(&self, room: RoomId) -> Heard {
        let tenant = self.server.app.tenants().first().unwrap();
        let live = self.server.app.presence().live();
        let listener = live.listen(&tenant, self.id);
        listener.set_rooms([room].into());
        Heard {
            listener,
            frames: VecDeque::new(),
        }
    }
}

/// The live frames that came to a person.
struct Heard {
    listener: Listener,
    frames: VecDeque<Bytes>,
}

impl Heard {
    /// The next frame of a type.
    async fn next_of(&mut self, frame_type: &str) -> Value {
        loop {
            while let Some(frame) = self.frames.pop_front() {
                let frame: Value = serde_json::from_slice(&frame).unwrap();
                if frame["type"] == frame_type {
                    return frame;
                }
            }
            let woken = tokio::time::timeout(PATIENCE, self.listener.woken());
            woken.await.expect("a frame in time");
            self.frames = self.listener.take();
        }
    }
}

#[tokio::test]
async fn a_person_is_online_while_a_device_sends_heartbeats() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    assert_eq!(bob.sees(&alice).await, "offline");
    assert_eq!(alice.beats().await, "online");
    assert_eq!(bob.sees(&alice).await, "online");
    server.clock.advance(61_000);
    assert_eq!(bob.sees(&alice).await, "online");
    server.clock.advance(2_000);
    assert_eq!(bob.sees(&alice).await, "offline");
}

#[tokio::test]
async fn a_state_set_by_hand_stays_until_auto_and_shows_while_a_device_is_alive() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    assert_eq!(alice.set("busy").await, "busy");
    server.clock.advance(120_000);
    assert_eq!(bob.sees(&alice).await, "offline");
    assert_eq!(alice.beats().await, "busy");
    assert_eq!(bob.sees(&alice).await, "busy");
    assert_eq!(alice.set("auto").await, "online");
    let wrong = json!({"status": "offline"});
    let refused = alice.ask(Method::PUT, "/v1/me/presence", wrong).await;
    assert_eq!(refused.code(), "SW_VALIDATION_ERROR");
}

#[tokio::test]
async fn who_appears_offline_does_so_but_for_who_wrote_in_a_dm_lately() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let carol = Person::named(&server, "carol").await;
    let whom = json!({ "participant_id": alice.id });
    let dm = bob.post("/v1/rooms/dm", whom).await.data("id");
    assert_eq!(alice.set("appear_offline").await, "appear_offline");
    assert_eq!(bob.sees(&alice).await, "offline", "no message yet");
    let hello = json!({"content": {"body": "hello"}});
    bob.post(&format!("/v1/rooms/{dm}/send"), hello).await;
    assert_eq!(bob.sees(&alice).await, "appear_offline");
    assert_eq!(carol.sees(&alice).await, "offline");
    assert_eq!(alice.sees(&alice).await, "appear_offline");
}

#[tokio::test]
async fn others_in_the_room_are_told_and_hidden_changes_are_not() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let room = alice.room_with(&bob).await;
    let mut of_bob = bob.listen(room);
    let mut of_alice = alice.listen(room);
    alice.beats().await;
    let frame = of_bob.next_of("presence").await;
    assert_eq!(frame["participant_id"], alice.id.to_string());
    assert_eq!(frame["status"], "online");
    server.clock.advance(2_000);
    alice.set("appear_offline").await;
    assert_eq!(of_bob.next_of("presence").await["status"], "offline");
    assert_eq!(of_alice.next_of("presence").await["status"], "online");
    let own = of_alice.next_of("presence").await;
    assert_eq!(own["status"], "appear_offline");
    server.clock.advance(2_000);
    alice.set("busy").await;
    let frame = of_bob.next_of("presence").await;
    assert_eq!(frame["status"], "busy", "nothing in between");
}

#[tokio::test]
async fn unknown_people_are_offline_and_two_hundred_may_be_asked_for() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let ask = async |ids: &str| {
        let path = format!("/v1/presence?ids={ids}");
        alice.ask(Method::GET, &path, json!({})).await
    };
    let nobody = "018f0000-0000-8000-8000-000000000001";
    let answer = ask(&format!("{nobody},nonsense")).await;
    let expected = json!({nobody: "offline", "nonsense": "offline"});
    assert_eq!(answer.body["data"], expected);
    let many = vec!["x"; 201].join(",");
    assert_eq!(ask(&many).await.code(), "SW_VALIDATION_ERROR");
}

#[tokio::test]
async fn typing_is_for_members_of_open_rooms_and_ends_with_a_send() {
    let server = Server::local().await;
    let alice = Person::named(&server, "alice").await;
    let bob = Person::named(&server, "bob").await;
    let carol = Person::named(&server, "carol").await;
    let room = alice.room_with(&bob).await;
    let mut of_bob = bob.listen(room);
    let typing = json!({"room_id": room, "typing": true});
    let put = async |person: &Person<'_>, body: &Value| {
        person.ask(Method::PUT, "/v1/typing", body.clone()).await
    };
    assert_eq!(put(&carol, &typing).await.code(), "SW_NOT_MEMBER");
    let unknown = json!({"room_id": alice.id, "typing": true});
    assert_eq!(put(&alice, &unknown).await.code(), "SW_ROOM_NOT_FOUND");
    let malformed = json!({"room_id": "x", "typing": true});
    assert_eq!(put(&alice, &malformed).await.code(), "SW_VALIDATION_ERROR");

    assert_eq!(put(&alice, &typing).await.status, StatusCode::OK);
    let frame = of_bob.next_of("typing").await;
    assert_eq!(
        (&frame["typing"], &frame["room_id"]),
        (&json!(true), &json!(room))
    );
    // Sends are noticed by the feed, which runs once somebody reads.
    let path = "/v1/sync?since=latest";
    assert_eq!(
        bob.ask(Method::GET, path, json!({})).await.status,
        StatusCode::OK
    );
    let hello = json!({"content": {"body": "hello"}});
    alice.post(&format!("/v1/rooms/{room}/send"), hello).await;
    assert_eq!(of_bob.next_of("typing").await["typing"], false);

    alice
        .post(&format!("/v1/rooms/{room}/archive"), json!({}))
        .await;
    assert_eq!(put(&alice, &typing).await.code(), "SW_ROOM_FROZEN");
}

#[test]
fn a_state_has_one_word() {
    let frame = LiveFrame::Presence {
        participant_id: ParticipantId(uuid::Uuid::nil()),
        status: State::AppearOffline,
    };
    let word = serde_json::to_value(frame).unwrap()["status"].clone();
    assert_eq!(word, State::AppearOffline.as_str());
}
