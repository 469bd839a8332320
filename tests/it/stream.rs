//! The WebSocket stream: every event as a frame, in order, also after a reconnect.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Server, Socket, on_both};

async fn rejected(server: &Server, token: &str) -> String {
    match Socket::try_open(&server.stranger().with_token(token), None, None).await {
        Ok(_) => panic!("a bad token was let in"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn the_stream_begins_with_hello_and_carries_events() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let mut of_alice = Socket::open(&alice.api, None).await;
        let mut of_bob = Socket::open(&bob.api, None).await;
        assert_eq!(of_bob.hello["server_name"], "localhost");
        assert!(of_bob.hello["stream_position"].is_i64() && of_bob.hello["tenant_id"].is_string());

        let sent = alice.says(&room, "hello").await;
        for socket in [&mut of_alice, &mut of_bob] {
            let frame = socket.next_of("swp.room.message").await;
            assert_eq!(
                (&frame["id"], &frame["content"], &frame["room_id"]),
                (&sent["id"], &sent["content"], &json!(room))
            );
            assert_eq!(frame["stream_position"], sent["stream_position"]);
            assert_eq!(frame["sender_id"], alice.id);
        }
        let path = format!("/v1/rooms/{room}/events/{}", sent["id"].as_str().unwrap());
        alice
            .api
            .post(
                &format!("{path}/edit"),
                &json!({"content": {"body": "Hello!"}}),
            )
            .await
            .data();
        let edit = of_bob.next_of("swp.room.message.edit").await;
        assert_eq!(
            (&edit["event_id"], &edit["content"]["body"]),
            (&sent["id"], &json!("Hello!"))
        );
        bob.api
            .post(&format!("{path}/reaction"), &json!({"emoji": "👋"}))
            .await
            .data();
        let reaction = of_alice.next_of("swp.room.reaction").await;
        assert_eq!(
            (&reaction["emoji"], &reaction["action"]),
            (&json!("👋"), &json!("add"))
        );
        alice
            .api
            .post(&format!("{path}/redact"), &json!({}))
            .await
            .data();
        let redaction = of_bob.next_of("swp.room.redaction").await;
        assert_eq!(
            (&redaction["event_id"], &redaction["redacted_by"]),
            (&sent["id"], &json!(alice.id))
        );
        bob.api
            .post(&format!("/v1/rooms/{room}/leave"), &json!({}))
            .await
            .data();
        let member = of_alice.next_of("swp.room.member").await;
        assert_eq!(
            (&member["participant_id"], &member["membership"]),
            (&json!(bob.id), &json!("leave"))
        );
    })
    .await;
}

#[tokio::test]
async fn a_reconnect_from_the_cursor_misses_nothing() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let mut socket = Socket::open(&bob.api, None).await;
        let first = alice.says(&room, "one").await;
        let seen = socket.next_of("swp.room.message").await;
        assert_eq!(seen["id"], first["id"]);
        drop(socket);

        let (two, three) = (
            alice.says(&room, "two").await,
            alice.says(&room, "three").await,
        );
        server.restart();
        let mut socket = Socket::open(&bob.api, seen["stream_position"].as_i64()).await;
        let four = alice.says(&room, "four").await;
        for expected in [two, three, four] {
            assert_eq!(
                socket.next_of("swp.room.message").await["id"],
                expected["id"]
            );
        }
    })
    .await;
}

#[tokio::test]
async fn a_bad_token_is_told_by_the_close_code() {
    on_both(async |server| {
        let said = rejected(&server, "x.y.z").await;
        assert!(
            said.contains("4001") && said.contains("SW_AUTH_INVALID_TOKEN"),
            "{said}"
        );
    })
    .await;
}

#[tokio::test]
async fn a_newer_socket_with_the_same_token_wins() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let other_device = Person::sign_in(&server.stranger(), "alice", PASSWORD).await;
        let mut other = Socket::open(&other_device.api, None).await;
        let mut first = Socket::open(&alice.api, None).await;
        let mut second = Socket::open(&alice.api, None).await;
        assert_eq!(
            first.ending().await,
            (4003, "duplicate_connection".to_owned())
        );
        for socket in [&mut second, &mut other] {
            socket.send(&json!({"type": "ping"}));
            socket.next_of("pong").await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_client_sends_is_bounded_and_otherwise_ignored() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let mut socket = Socket::open(&alice.api, None).await;
        for text in [
            "not json",
            "[]",
            "{\"type\":\"no such frame\"}",
            "{\"type\":7}",
        ] {
            socket.send_text(text.to_owned());
        }
        socket.send(&json!({"type": "ping"}));
        socket.next_of("pong").await;
        socket.send_text("x".repeat(5000));
        assert_eq!(socket.ending().await, (4003, "frame_too_large".to_owned()));
    })
    .await;
}

#[tokio::test]
async fn typing_is_shown_to_members_and_kept_from_others() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let mut of_bob = Socket::open(&bob.api, None).await;
        let mut of_carol = Socket::open(&carol.api, None).await;
        let typing = json!({"room_id": room, "typing": true});
        carol
            .api
            .put("/v1/typing", &typing)
            .await
            .refused(403, "SW_NOT_MEMBER");
        alice.api.put("/v1/typing", &typing).await.data();
        let frame = of_bob.next_of("typing").await;
        assert_eq!(
            (
                &frame["participant_id"],
                &frame["typing"],
                &frame["room_id"]
            ),
            (&json!(alice.id), &json!(true), &json!(room))
        );
        // Sending ends it; then a frame that carol must get shows that none came before.
        alice.says(&room, "done").await;
        assert_eq!(of_bob.next_of("typing").await["typing"], false);
        alice.invite(&room, &carol).await.data();
        let frame: Value = loop {
            let frame = of_carol.next().await;
            if frame["room_id"] == json!(room) {
                break frame;
            }
        };
        assert_eq!(frame["type"], "swp.room.member");
    })
    .await;
}
