//! Saying something, through the router.

use http::{Method, StatusCode};
use serde_json::json;

use super::House;
use crate::participants::{Kind, store};

#[tokio::test]
async fn a_message_comes_back_whole() {
    let house = House::build().await;
    let uuid = "0d3b9a60-3c5c-4f7a-9a51-000000000001";
    let content = json!({"body": "hi", "x": {"y": [1, null]}});
    let sent = house
        .post(
            "bob",
            "send",
            json!({"content": content, "event_uuid": uuid}),
        )
        .await
        .ok();
    assert_eq!(sent["content"], content);
    assert_eq!(sent["sender_id"], house.id_of("bob").await.as_str());
    assert_eq!(sent["event_type"], "swp.room.message");
    assert_eq!(sent["event_uuid"], uuid);
    assert_eq!(sent["origin_ts"], 1_795_600_800);
    assert_eq!(sent["created_at"], "2026-11-25T10:00:00.000Z");
    for absent in [
        "edited_at",
        "redacted_at",
        "sent_by",
        "redacted_by",
        "redaction_reason",
        "thread",
    ] {
        assert!(sent[absent].is_null(), "{absent}");
        assert!(sent.as_object().unwrap().contains_key(absent), "{absent}");
    }
    assert_eq!(sent["reactions"], json!([]));
    assert_eq!(sent["pinned"], false);
    assert!(sent.get("original_content").is_none());
    let read = house.event("carol", sent["id"].as_str().unwrap()).await;
    assert_eq!(read, sent);
}

#[tokio::test]
async fn a_repeat_returns_the_first_message_whatever_it_says() {
    let house = House::build().await;
    let uuid = "0d3b9a60-3c5c-4f7a-9a51-000000000001";
    let send = async |who: &str, body: &str| {
        let message = json!({"content": {"body": body}, "event_uuid": uuid});
        house.post(who, "send", message).await.ok()
    };
    let first = send("bob", "one").await;
    assert_eq!(send("bob", "two").await, first);
    // The key belongs to the sender.
    assert_ne!(send("carol", "one").await["id"], first["id"]);
}

#[tokio::test]
async fn refusals_come_in_the_specification_s_order() {
    let house = House::build().await;
    let send =
        async |who: &str, content| house.post(who, "send", json!({"content": content})).await;
    let reserved = send("dave", json!({"msgtype": "swp.system"})).await;
    assert_eq!(
        reserved.body["error"]["details"]["fields"][0]["reason"],
        "reserved"
    );
    assert_eq!(
        send("dave", json!({"body": "x"})).await.code(),
        "SW_NOT_MEMBER"
    );
    let media = json!({"media_id": "018f0000-0000-7000-8000-000000000001"});
    assert_eq!(send("dave", media.clone()).await.code(), "SW_NOT_MEMBER");
    assert_eq!(send("bob", media).await.code(), "SW_NOT_FOUND");
    let large = json!({"body": "x".repeat(65_536)});
    let large = send("dave", large).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(large.code(), "SW_CONTENT_TOO_LARGE");
    let body = json!({"content": {"body": "x"}, "event_uuid": "1"});
    assert_eq!(
        house.post("bob", "send", body).await.code(),
        "SW_VALIDATION_ERROR"
    );
    let levels = json!({"send": 50});
    house.put("alice", "power-levels", levels).await.ok();
    assert_eq!(
        send("bob", json!({"body": "x"})).await.code(),
        "SW_ROOM_FORBIDDEN"
    );
    house.post("alice", "archive", json!({})).await.ok();
    assert_eq!(
        send("alice", json!({"body": "x"})).await.code(),
        "SW_ROOM_FROZEN"
    );
    let elsewhere = House {
        room: "x".to_owned(),
        ..house
    };
    let body = json!({"content": {"body": "x"}});
    assert_eq!(
        elsewhere.post("alice", "send", body).await.code(),
        "SW_ROOM_NOT_FOUND"
    );
}

/// A room of Alice's with an AI, which no route of this part makes; the AI's id.
async fn with_model(house: House) -> (House, String) {
    let app = &house.server.app;
    let tenant = app.tenants().first().unwrap();
    let mut tx = app.db().begin().await.unwrap();
    let new = store::NewParticipant {
        local_id: &"helper.ai".parse().unwrap(),
        kind: Kind::Model,
        display_name: "Helper",
        avatar_url: None,
        model_id: Some("model"),
        email: None,
    };
    let model = store::insert_local(&tenant, &mut tx, &new, 0).await;
    tx.commit(()).await.unwrap();
    let id = model.unwrap().unwrap().id.to_string();
    let path = "/v1/rooms/dm";
    let room = house
        .ask("alice", Method::POST, path, json!({"participant_id": id}))
        .await
        .data("id");
    (House { room, ..house }, id)
}

#[tokio::test]
async fn an_owner_sends_as_an_ai_of_the_room_and_as_nobody_else() {
    let house = House::build().await;
    let send = async |house: &House, who: &str, id: &str| {
        let body = json!({"content": {"body": "x"}, "as_participant_id": id});
        house.post(who, "send", body).await
    };
    let (bob, dave) = (house.id_of("bob").await, house.id_of("dave").await);
    let refused = [
        ("alice", &bob, "SW_ROOM_FORBIDDEN"),
        ("alice", &dave, "SW_NOT_FOUND"),
        ("bob", &dave, "SW_ROOM_FORBIDDEN"),
        ("dave", &bob, "SW_NOT_MEMBER"),
    ];
    for (who, id, code) in refused {
        assert_eq!(send(&house, who, id).await.code(), code, "{who}");
    }
    let (house, model) = with_model(house).await;
    let sent = send(&house, "alice", &model).await.ok();
    assert_eq!(sent["sender_id"], model.as_str());
    assert_eq!(sent["sent_by"], house.id_of("alice").await.as_str());
    let read = house.event("alice", sent["id"].as_str().unwrap()).await;
    assert_eq!(read["sent_by"], sent["sent_by"]);
}
