//! DMs with people of other servers, hosted here.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Asked, BOB, Home, Log, Peer, shared};
use crate::app::test_server::START;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::federation::core::policy::{DefaultMode, PolicyChange};
use crate::federation::store::outbox;
use crate::rooms::store::members;

const ALICE: &str = "@alice:a.example";

/// The DM of the two, with bob in it.
async fn dm() -> (Home, Peer, RoomId) {
    let (home, peer, ..) = shared().await;
    let room = home.dm().await;
    let log = Log::of(&home, room).await;
    peer.join(&home, room, "bob", &log).await;
    (home, peer, room)
}

impl Home {
    async fn dm(&self) -> RoomId {
        let room = self.dm_data().await;
        room["id"].as_str().unwrap().parse().unwrap()
    }

    async fn dm_data(&self) -> Value {
        let bob = ParticipantId::derive(&BOB.parse().unwrap());
        let body = json!({ "participant_id": bob });
        self.ask(Method::POST, "/v1/rooms/dm", body).await
    }

    /// The invitation to a room that waits for a peer; what comes before it is taken away.
    async fn invitation(&self, peer: &Peer, room: RoomId) -> Value {
        let (db, tenant) = (self.server.app.db(), self.tenant());
        loop {
            let job = outbox::next_job(&tenant, db, &peer.name, i64::MAX)
                .await
                .unwrap();
            let job = job.unwrap();
            let body: Value = serde_json::from_str(&job.body).unwrap();
            if body["event"]["room_id"] == json!(room) {
                assert_eq!(job.path, "/invite");
                return body;
            }
            let mut tx = db.begin().await.unwrap();
            outbox::remove_job(&tenant, &mut tx, job.id).await.unwrap();
            tx.commit(()).await.unwrap();
        }
    }

    /// The code with which alice is refused a DM.
    async fn no_dm(&self, path: &str, body: Value) -> String {
        let token = self
            .server
            .sign_in("alice", crate::app::test_server::PASSWORD)
            .await
            .data("access_token");
        let answer = self
            .server
            .ask(Method::POST, path, Some(&token), body)
            .await;
        answer.code().to_owned()
    }

    /// What a person is in a room, and at which level.
    async fn relation(&self, room: RoomId, person: &str) -> (String, i64) {
        let id = ParticipantId::derive(&person.parse().unwrap());
        let reader = self.server.app.db().reader();
        let row = members::get(&self.tenant(), reader, room, id).await;
        let row = row.unwrap().unwrap();
        (row.membership.as_str().to_owned(), row.power_level.into())
    }
}

fn joined() -> (String, i64) {
    ("join".to_owned(), 100)
}

fn invited() -> (String, i64) {
    ("invite".to_owned(), 100)
}

#[tokio::test]
async fn the_other_person_is_invited_as_an_owner_and_its_server_is_told() {
    let (home, peer, ..) = shared().await;
    let room = home.dm_data().await;
    assert_eq!(room["room_type"], "dm");
    assert_eq!(room["federated"], true);
    assert_eq!(room["display_name"], "bob");
    let id: RoomId = room["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(home.relation(id, ALICE).await, joined());
    assert_eq!(home.relation(id, BOB).await, invited());
    assert_eq!(home.dm().await, id, "one room a pair");
    let body = home.invitation(&peer, id).await;
    assert_eq!(body["event"]["content"]["participant"], BOB);
    assert_eq!(body["event"]["content"]["power_level"], 100);
    assert_eq!(body["room"]["room_type"], "dm");

    let log = Log::of(&home, id).await;
    peer.join(&home, id, "bob", &log).await;
    assert_eq!(home.relation(id, BOB).await, joined());
}

#[tokio::test]
async fn a_dm_needs_federation_with_the_others_server() {
    let (home, ..) = shared().await;
    let bob = json!({ "participant_id": ParticipantId::derive(&BOB.parse().unwrap()) });
    let named = json!({ "fqid": BOB });
    let refused = async |code: &str| {
        assert_eq!(home.no_dm("/v1/rooms/dm", bob.clone()).await, code);
        assert_eq!(
            home.no_dm("/v1/me/federated-dms", named.clone()).await,
            code
        );
    };
    let policy = |change: PolicyChange| home.policy(change);
    policy(PolicyChange {
        max_foreign_participants_per_room: Some(0),
        ..PolicyChange::default()
    })
    .await;
    refused("SW_ROOM_CAPACITY").await;
    policy(PolicyChange {
        denied_peers: Some(vec!["b.example".to_owned()]),
        ..PolicyChange::default()
    })
    .await;
    refused("SW_FED_PEER_UNKNOWN").await;
    policy(PolicyChange {
        default_mode: Some(DefaultMode::Closed),
        ..PolicyChange::default()
    })
    .await;
    refused("SW_FED_REFUSED").await;
}

#[tokio::test]
async fn a_name_of_this_server_is_looked_up_here() {
    let (home, ..) = shared().await;
    home.server.create("anton", &[]).await;
    let path = "/v1/me/federated-dms";
    let room = home
        .ask(Method::POST, path, json!({"fqid": "@anton:a.example"}))
        .await;
    assert_eq!(room["member_count"], 2);
    for (fqid, code) in [
        (ALICE, "SW_VALIDATION_ERROR"),
        ("@nobody:a.example", "SW_NOT_FOUND"),
        ("nobody", "SW_VALIDATION_ERROR"),
    ] {
        assert_eq!(
            home.no_dm(path, json!({ "fqid": fqid })).await,
            code,
            "{fqid}"
        );
    }
}

#[tokio::test]
async fn nobody_else_comes_in_and_nothing_of_it_can_be_changed() {
    let (home, peer, room) = dm().await;
    let person = json!({"participant": ALICE});
    let third = json!({"participant": "@eve:b.example"});
    for (action, content) in [
        ("invite", third.clone()),
        ("kick", person.clone()),
        ("ban", person.clone()),
        ("unban", person),
        ("name", json!({"name": "Ours"})),
        ("topic", json!({"topic": "ours"})),
        ("settings", json!({"edit_window_seconds": 5})),
        (
            "member_level",
            json!({"participant": BOB, "power_level": 50}),
        ),
        ("power_levels", json!({"power_levels": {"send": 50}})),
        ("archive", json!({})),
    ] {
        let asked = Asked::new("bob", action, content);
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{action}: {body}");
        assert_eq!(body["error"]["code"], "SW_ROOM_TYPE_INVARIANT", "{action}");
    }
    let content = json!({ "profile": null, "key": peer.public(), "after": Log::of(&home, room).await.head() });
    let eve = Asked::new("eve", "join", content);
    let (_, body) = peer.request(&home, room, &eve).await;
    assert_eq!(body["error"]["code"], "SW_ROOM_TYPE_INVARIANT");
}

#[tokio::test]
async fn a_message_brings_back_who_left_from_either_side() {
    let (home, peer, room) = dm().await;
    let mut log = Log::of(&home, room).await;
    log.hear(&home).await;
    let left = log.write(&peer, BOB, EventType::ROOM_LEAVE, json!({}));
    peer.deliver(&home, &[left]).await;
    assert_eq!(home.relation(room, BOB).await.0, "leave");
    home.say(room, "Come back").await;
    assert_eq!(home.relation(room, BOB).await, joined());

    let path = format!("/v1/rooms/{room}/leave");
    home.ask(Method::POST, &path, json!({})).await;
    log.hear(&home).await;
    let message = json!({"msgtype": "swp.text", "body": "You, too"});
    let message = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message);
    let results = peer.deliver(&home, &[message]).await;
    assert_eq!(results[0]["status"], "accepted");
    assert_eq!(home.relation(room, ALICE).await, joined());
    let data = home
        .ask(Method::GET, &format!("/v1/rooms/{room}"), json!({}))
        .await;
    assert_eq!(data["unread_count"], 1, "the message that brought her back");
}

#[tokio::test]
async fn right_after_a_start_a_message_does_not_wait_and_the_next_one_brings_back() {
    let (home, peer, room) = dm().await;
    let mut log = Log::of(&home, room).await;
    log.hear(&home).await;
    let left = log.write(&peer, BOB, EventType::ROOM_LEAVE, json!({}));
    peer.deliver(&home, &[left]).await;
    let wait = home.server.app.federation().host_wait();
    wait.begin(&home.tenant(), [room], START + 10_000);
    home.say(room, "Are you there?").await;
    assert_eq!(home.relation(room, BOB).await.0, "leave", "state waits");

    wait.heard(&home.tenant(), room);
    home.say(room, "Come back").await;
    assert_eq!(home.relation(room, BOB).await, joined());
}

#[tokio::test]
async fn a_message_that_gets_its_content_later_brings_nobody_back_a_second_time() {
    let (home, peer, room) = dm().await;
    let path = format!("/v1/rooms/{room}/leave");
    home.ask(Method::POST, &path, json!({})).await;
    let mut log = Log::of(&home, room).await;
    let message = json!({"msgtype": "swp.text", "body": "Come back"});
    let message = log.write(&peer, BOB, EventType::ROOM_MESSAGE, message);
    let mut bare = message.clone();
    let members = bare.as_object_mut().unwrap();
    members.remove("content");
    members.remove("salt");
    peer.deliver(&home, &[bare]).await;
    assert_eq!(home.relation(room, ALICE).await, joined());

    home.ask(Method::POST, &path, json!({})).await;
    let results = peer.deliver(&home, &[message]).await;
    assert_eq!(results[0]["status"], "duplicate");
    assert_eq!(home.relation(room, ALICE).await.0, "leave");
}

#[tokio::test]
async fn who_declined_is_not_brought_back_but_may_be_asked_again_and_may_come() {
    let (home, peer, ..) = shared().await;
    let room = home.dm().await;
    let decline = async || {
        let asked = Asked::new("bob", "decline", json!({}));
        let (status, body) = peer.request(&home, room, &asked).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(home.relation(room, BOB).await.0, "leave");
    };
    decline().await;
    home.say(room, "Hello?").await;
    assert_eq!(home.relation(room, BOB).await.0, "leave");
    assert_eq!(home.dm().await, room);
    assert_eq!(home.relation(room, BOB).await, invited());
    decline().await;
    let log = Log::of(&home, room).await;
    let content = json!({ "profile": null, "key": peer.public(), "after": log.head() });
    let rejoin = Asked::new("bob", "rejoin", content);
    let (status, body) = peer.request(&home, room, &rejoin).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    assert_eq!(home.relation(room, BOB).await, joined());
}

#[tokio::test]
async fn both_gone_either_reopens_it() {
    let (home, peer, room) = dm().await;
    let mut log = Log::of(&home, room).await;
    log.hear(&home).await;
    let left = log.write(&peer, BOB, EventType::ROOM_LEAVE, json!({}));
    peer.deliver(&home, &[left]).await;
    let path = format!("/v1/rooms/{room}");
    let leave = async || {
        home.ask(Method::POST, &format!("{path}/leave"), json!({}))
            .await;
        let data = home.ask(Method::GET, &path, json!({})).await;
        assert_eq!(data["state"], "archived");
    };
    leave().await;
    let again = home.dm_data().await;
    assert_eq!(again["state"], "open");
    assert_eq!(again["membership"], "join");
    leave().await;
    let content = json!({ "profile": null, "key": peer.public(), "after": log.head() });
    let rejoin = Asked::new("bob", "rejoin", content);
    let (status, body) = peer.request(&home, room, &rejoin).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let data = home.ask(Method::GET, &path, json!({})).await;
    assert_eq!(data["state"], "open");
}
