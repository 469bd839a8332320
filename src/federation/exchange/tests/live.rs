//! What a peer tells live of its people, and whom it reaches.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{BOB, Home, Peer, shared};
use crate::events::core::ids::RoomId;
use crate::presence::live::Listener;

impl Peer {
    async fn tells(&self, home: &Home, notices: &Value) -> (StatusCode, Value) {
        let body = notices.to_string();
        self.ask(home, "POST", "/ephemeral", body.as_bytes()).await
    }

    async fn says_is(&self, home: &Home, person: &str, status: &str) {
        let about = json!({"presence": [{"participant": person, "status": status}]});
        let (status, body) = self.tells(home, &about).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"ok": true})));
    }

    async fn types(&self, home: &Home, room: RoomId, person: &str, typing: bool) {
        let about = json!({"room_id": room, "participant": person, "typing": typing});
        let (status, body) = self.tells(home, &json!({ "typing": [about] })).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"ok": true})));
    }
}

impl Home {
    /// How present somebody looks to alice.
    async fn presence(&self, person: &str) -> Value {
        let path = format!("/v1/profiles/{person}");
        self.ask(Method::GET, &path, json!({})).await["presence"].clone()
    }

    /// What alice's socket would get, in one room.
    async fn listen(&self, room: RoomId) -> Listener {
        let me = self.ask(Method::GET, "/v1/me", json!({})).await;
        let id = me["participant_id"].as_str().unwrap().parse().unwrap();
        let listener = self.server.app.presence().live().listen(&self.tenant(), id);
        listener.set_rooms([room].into());
        listener
    }
}

/// Who types, by the frames that have come: the last word of each.
fn typing(listener: &Listener) -> Vec<bool> {
    let frames = listener.take().into_iter();
    let frames = frames.map(|frame| serde_json::from_slice::<Value>(&frame).unwrap());
    let typing = frames.filter(|frame| frame["type"] == "typing");
    typing
        .map(|frame| frame["typing"].as_bool().unwrap())
        .collect()
}

#[tokio::test]
async fn a_peers_people_are_as_it_says_until_it_falls_silent() {
    let (home, peer, ..) = shared().await;
    assert_eq!(home.presence(BOB).await, "offline");
    for status in ["online", "busy", "idle", "offline", "online"] {
        peer.says_is(&home, BOB, status).await;
        assert_eq!(home.presence(BOB).await, status);
    }
    home.server.clock.advance(149_000);
    assert_eq!(home.presence(BOB).await, "online");
    peer.says_is(&home, BOB, "online").await;
    home.server.clock.advance(149_000);
    assert_eq!(home.presence(BOB).await, "online");
    home.server.clock.advance(1_000);
    assert_eq!(home.presence(BOB).await, "offline");
}

#[tokio::test]
async fn who_appears_offline_at_home_does_so_here() {
    let (home, peer, ..) = shared().await;
    peer.says_is(&home, BOB, "appear_offline").await;
    assert_eq!(home.presence(BOB).await, "offline");
}

#[tokio::test]
async fn a_peer_speaks_only_for_its_own_people() {
    let (home, peer, room, _) = shared().await;
    let listener = home.listen(room).await;
    let others = [
        json!({"presence": [{"participant": "@alice:a.example", "status": "busy"}]}),
        json!({"presence": [
            {"participant": BOB, "status": "busy"},
            {"participant": "@carol:c.example", "status": "busy"},
        ]}),
        json!({"typing": [{"room_id": room, "participant": "@alice:a.example", "typing": true}]}),
        json!({"chunks": [{"room_id": room, "participant": "@alice:a.example", "content": {}}]}),
        json!({"ai_status": [{"room_id": room, "participant": "@alice:a.example", "status": null}]}),
    ];
    for notices in others {
        let (status, body) = peer.tells(&home, &notices).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{body}");
        assert_eq!(body["error"]["code"], "SW_FED_SIGNATURE_MISMATCH");
    }
    assert_eq!(home.presence(BOB).await, "offline");
    assert!(typing(&listener).is_empty());
}

#[tokio::test]
async fn no_list_is_longer_than_500() {
    let (home, peer, room, _) = shared().await;
    let entries = [
        ("presence", json!({"participant": BOB, "status": "idle"})),
        (
            "typing",
            json!({"room_id": room, "participant": BOB, "typing": false}),
        ),
        (
            "chunks",
            json!({"room_id": room, "participant": BOB, "content": {"chunk_text": "Hel"}}),
        ),
        (
            "ai_status",
            json!({"room_id": room, "participant": BOB, "status": "thinking"}),
        ),
    ];
    for (list, entry) in entries {
        let (status, body) = peer.tells(&home, &json!({ list: vec![&entry; 500] })).await;
        assert_eq!((status, body), (StatusCode::OK, json!({"ok": true})));
        let (status, body) = peer.tells(&home, &json!({ list: vec![&entry; 501] })).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{list}: {body}");
    }
}

#[tokio::test]
async fn who_is_not_in_a_room_here_is_passed_over() {
    let (home, peer, room, _) = shared().await;
    let other = home.room(json!({ "name": "Other" })).await;
    home.invite(other, BOB).await;
    home.invite(other, "@eve:b.example").await;
    let listener = home.listen(other).await;
    peer.says_is(&home, "@eve:b.example", "online").await;
    assert_eq!(home.presence("@eve:b.example").await, "offline");
    peer.says_is(&home, "@nobody:b.example", "online").await;
    peer.types(&home, other, BOB, true).await;
    peer.types(&home, room, "@eve:b.example", true).await;
    assert!(typing(&listener).is_empty());
}

#[tokio::test]
async fn a_peers_people_type_in_rooms_that_they_are_in() {
    let (home, peer, room, _) = shared().await;
    let listener = home.listen(room).await;
    peer.types(&home, room, BOB, true).await;
    peer.types(&home, room, BOB, false).await;
    peer.types(&home, room, BOB, false).await;
    assert_eq!(typing(&listener), [true, false]);

    let path = format!("/v1/rooms/{room}/archive");
    home.ask(Method::POST, &path, json!({})).await;
    peer.types(&home, room, BOB, true).await;
    assert!(typing(&listener).is_empty());
}

#[tokio::test]
async fn a_request_holds_a_bounded_number_of_words_of_the_right_form() {
    let (home, peer, room, _) = shared().await;
    let word = json!({"participant": BOB, "status": "online"});
    let typed = json!({"room_id": room, "participant": BOB, "typing": true});
    let wrong = [
        json!({ "presence": vec![&word; 501] }),
        json!({ "typing": vec![&typed; 501] }),
        json!({"presence": [{"participant": BOB, "status": "asleep"}]}),
        json!({"presence": [{"participant": "bob", "status": "online"}]}),
        json!({"typing": [{"room_id": "x", "participant": BOB, "typing": true}]}),
    ];
    for notices in wrong {
        let (status, body) = peer.tells(&home, &notices).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    let (status, _) = peer
        .tells(&home, &json!({ "presence": vec![&word; 500] }))
        .await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_flood_is_refused() {
    let (home, peer, ..) = shared().await;
    let word = json!({"participant": BOB, "status": "online"});
    let many = json!({ "presence": vec![&word; 500] });
    let mut statuses = Vec::new();
    for _ in 0..121 {
        statuses.push(peer.tells(&home, &many).await.0);
    }
    assert!(
        statuses
            .iter()
            .take(120)
            .all(|status| *status == StatusCode::OK)
    );
    assert_eq!(statuses.last(), Some(&StatusCode::TOO_MANY_REQUESTS));
}
