//! Rooms: who gets in, who may do what, and how rooms end.

use serde_json::{Value, json};

use crate::support::{Person, on_both};

fn path(room: &str, rest: &str) -> String {
    format!("/v1/rooms/{room}{rest}")
}

async fn members(person: &Person, room: &str) -> Vec<(String, i64)> {
    let members = person.api.get(&path(room, "/members")).await.data();
    let mut members: Vec<_> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|member| {
            let name = member["participant"]["local_id"]
                .as_str()
                .unwrap()
                .to_owned();
            (name, member["power_level"].as_i64().unwrap())
        })
        .collect();
    members.sort();
    members
}

#[tokio::test]
async fn a_room_begins_with_its_creator_as_owner() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice
            .api
            .post("/v1/rooms", &json!({"name": "Garden", "topic": "Plants"}))
            .await
            .data();
        assert_eq!(room["name"], "Garden");
        assert_eq!(room["topic"], "Plants");
        assert_eq!(room["room_type"], "group");
        assert_eq!(room["state"], "open");
        assert_eq!(room["is_public"], false);
        assert_eq!(room["membership"], "join");
        assert_eq!(room["power_level"], 100);
        assert_eq!(room["member_count"], 1);
        assert_eq!(room["room_alias"], "#garden:localhost");
        assert_eq!(room["creator_id"], alice.id);
        let read = alice
            .api
            .get(&path(room["id"].as_str().unwrap(), ""))
            .await
            .data();
        assert_eq!(read["id"], room["id"]);
        alice
            .api
            .post("/v1/rooms", &json!({}))
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        alice
            .api
            .post("/v1/rooms", &json!({"name": "x", "room_type": "sidekick"}))
            .await
            .refused(400, "SW_ROOM_TYPE_INVARIANT");
    })
    .await;
}

#[tokio::test]
async fn an_invitation_lets_one_person_in() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let room = alice.room_with("Garden", &[]).await;
        bob.api
            .get(&path(&room, "/messages"))
            .await
            .refused(403, "SW_NOT_MEMBER");
        bob.join(&room).await.refused(403, "SW_ROOM_FORBIDDEN");

        let invitation = alice.invite(&room, &bob).await.data();
        assert_eq!(invitation["participant_id"], bob.id);
        assert_eq!(invitation["invited_by"]["id"], alice.id);
        let open = bob.api.get("/v1/me/invitations").await.data();
        assert_eq!(open[0]["room_id"], room);
        carol.join(&room).await.refused(403, "SW_ROOM_FORBIDDEN");

        assert_eq!(bob.join(&room).await.data()["membership"], "join");
        assert_eq!(
            bob.join(&room).await.data()["membership"],
            "join",
            "joining twice is harmless"
        );
        assert_eq!(bob.api.get("/v1/me/invitations").await.data(), json!([]));
        assert_eq!(
            members(&alice, &room).await,
            [("alice".to_owned(), 100), ("bob".to_owned(), 0)]
        );
    })
    .await;
}

#[tokio::test]
async fn an_invitation_can_be_declined_or_withdrawn() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[]).await;
        alice.invite(&room, &bob).await.data();
        let decline = format!("/v1/me/invitations/{room}/decline");
        bob.api.post(&decline, &json!({})).await.data();
        bob.api
            .post(&decline, &json!({}))
            .await
            .refused(404, "SW_NOT_FOUND");
        bob.join(&room).await.refused(403, "SW_ROOM_FORBIDDEN");

        alice.invite(&room, &bob).await.data();
        alice
            .api
            .delete(&path(&room, &format!("/invitations/{}", bob.id)))
            .await
            .data();
        bob.join(&room).await.refused(403, "SW_ROOM_FORBIDDEN");
    })
    .await;
}

#[tokio::test]
async fn everybody_joins_a_public_room_until_banned() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice
            .api
            .post("/v1/rooms", &json!({"name": "Square", "is_public": true}))
            .await
            .data();
        assert_eq!(room["room_type"], "public");
        let room = room["id"].as_str().unwrap();
        let listed = bob.api.get("/v1/directory/rooms?q=square").await.data();
        assert_eq!(listed[0]["id"], room);
        bob.join(room).await.data();

        let target = json!({"participant_id": bob.id, "reason": "noise"});
        bob.api
            .post(&path(room, "/kick"), &json!({"participant_id": alice.id}))
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");
        assert_eq!(
            alice.api.post(&path(room, "/kick"), &target).await.data()["membership"],
            "leave"
        );
        bob.join(room).await.data();
        assert_eq!(
            alice.api.post(&path(room, "/ban"), &target).await.data()["membership"],
            "ban"
        );
        bob.join(room).await.refused(403, "SW_ROOM_FORBIDDEN");
        bob.api
            .get(&path(room, "/messages"))
            .await
            .refused(403, "SW_NOT_MEMBER");
        assert_eq!(
            alice.api.post(&path(room, "/unban"), &target).await.data()["membership"],
            "leave"
        );
        bob.join(room).await.data();
    })
    .await;
}

#[tokio::test]
async fn nobody_gives_more_power_than_they_have() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let room = alice.room_with("Garden", &[&bob, &carol]).await;
        let level = |person: &Person| path(&room, &format!("/members/{}/power-level", person.id));
        bob.api
            .put(&level(&carol), &json!({"power_level": 10}))
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");
        assert_eq!(
            alice
                .api
                .put(&level(&bob), &json!({"power_level": 50}))
                .await
                .data()["power_level"],
            50
        );
        bob.api
            .put(&path(&room, "/name"), &json!({"name": "Orchard"}))
            .await
            .data();
        bob.api
            .post(&path(&room, "/kick"), &json!({"participant_id": alice.id}))
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");
        alice
            .api
            .put(&level(&bob), &json!({"power_level": 101}))
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        // The last owner stays one.
        alice
            .api
            .put(&level(&alice), &json!({"power_level": 0}))
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");

        let thresholds = alice.api.get(&path(&room, "/power-levels")).await.data();
        assert_eq!(
            (&thresholds["send"], &thresholds["kick"]),
            (&json!(0), &json!(50))
        );
        alice
            .api
            .put(&path(&room, "/power-levels"), &json!({"send": 10}))
            .await
            .data();
        let message = json!({"content": {"body": "hello"}});
        carol
            .send(&room, &message)
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");
        bob.send(&room, &message).await.data();
    })
    .await;
}

#[tokio::test]
async fn who_left_reads_up_to_the_leave() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        alice.says(&room, "before").await;
        bob.api
            .post(&path(&room, "/leave"), &json!({}))
            .await
            .data();
        alice.says(&room, "after").await;
        assert_eq!(bob.bodies(&room).await, ["before"]);
        bob.send(&room, &json!({"content": {"body": "still here?"}}))
            .await
            .refused(403, "SW_NOT_MEMBER");
        assert_eq!(alice.bodies(&room).await, ["before", "after"]);
    })
    .await;
}

#[tokio::test]
async fn the_last_owner_who_leaves_hands_over() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let room = alice.room_with("Garden", &[&bob, &carol]).await;
        let level = path(&room, &format!("/members/{}/power-level", carol.id));
        alice
            .api
            .put(&level, &json!({"power_level": 10}))
            .await
            .data();
        alice
            .api
            .post(&path(&room, "/leave"), &json!({}))
            .await
            .data();
        assert_eq!(
            members(&bob, &room).await,
            [("bob".to_owned(), 0), ("carol".to_owned(), 100)]
        );

        bob.api
            .post(&path(&room, "/leave"), &json!({}))
            .await
            .data();
        carol
            .api
            .post(&path(&room, "/leave"), &json!({}))
            .await
            .data();
        assert_eq!(
            carol.api.get(&path(&room, "")).await.data()["state"],
            "archived"
        );
    })
    .await;
}

#[tokio::test]
async fn an_archived_room_is_read_only_and_can_be_reopened() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        alice.says(&room, "last words").await;
        bob.api
            .post(&path(&room, "/archive"), &json!({}))
            .await
            .refused(403, "SW_ROOM_FORBIDDEN");
        assert_eq!(
            alice
                .api
                .post(&path(&room, "/archive"), &json!({}))
                .await
                .data()["state"],
            "archived"
        );
        let message = json!({"content": {"body": "more"}});
        bob.send(&room, &message)
            .await
            .refused(409, "SW_ROOM_FROZEN");
        assert_eq!(bob.bodies(&room).await, ["last words"]);
        let archived = bob.api.get("/v1/rooms/archived").await.data();
        assert_eq!(archived[0]["id"], room);

        assert_eq!(
            alice
                .api
                .post(&path(&room, "/rejoin"), &json!({}))
                .await
                .data()["state"],
            "open"
        );
        bob.send(&room, &message).await.data();
        assert_eq!(
            alice
                .api
                .post(&path(&room, "/close"), &json!({}))
                .await
                .data()["state"],
            "closed"
        );
        bob.send(&room, &message)
            .await
            .refused(409, "SW_ROOM_FROZEN");
        alice
            .api
            .post(&path(&room, "/rejoin"), &json!({}))
            .await
            .refused(409, "SW_ROOM_FROZEN");
    })
    .await;
}

#[tokio::test]
async fn two_people_have_one_direct_room() {
    on_both(async |server| {
        let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
        let dm = async |from: &Person, to: &Person| -> Value {
            from.api
                .post("/v1/rooms/dm", &json!({"participant_id": to.id}))
                .await
                .data()
        };
        let room = dm(&alice, &bob).await;
        assert_eq!(room["room_type"], "dm");
        assert_eq!(room["name"], Value::Null);
        assert_eq!(room["display_name"], "Bob");
        assert_eq!(dm(&bob, &alice).await["id"], room["id"]);
        let id = room["id"].as_str().unwrap();
        alice.says(id, "psst").await;
        assert_eq!(bob.bodies(id).await, ["psst"]);
        for (rest, body) in [
            ("/invite", json!({"participant_id": carol.id})),
            ("/kick", json!({"participant_id": bob.id})),
            ("/archive", json!({})),
        ] {
            alice
                .api
                .post(&path(id, rest), &body)
                .await
                .refused(400, "SW_ROOM_TYPE_INVARIANT");
        }
        alice
            .api
            .put(&path(id, "/name"), &json!({"name": "Us"}))
            .await
            .refused(400, "SW_ROOM_TYPE_INVARIANT");
        alice
            .api
            .post("/v1/rooms/dm", &json!({"participant_id": alice.id}))
            .await
            .refused(422, "SW_VALIDATION_ERROR");
    })
    .await;
}

#[tokio::test]
async fn a_repeated_creation_with_one_idempotency_key_makes_one_room() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let create = async |person: &Person| -> Value {
            let body = json!({"name": "Garden"}).to_string();
            let api = person.api.with_header("idempotency-key", "one-and-only");
            api.post_raw("/v1/rooms", "application/json", body)
                .await
                .data()["id"]
                .take()
        };
        let first = create(&alice).await;
        assert_eq!(first, create(&alice).await);
        assert_ne!(first, create(&bob).await, "the key is each person's own");
    })
    .await;
}

#[tokio::test]
async fn the_checks_answer_in_their_order() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let missing = "00000000-0000-8000-8000-000000000000";
        for unknown in [missing, "not-an-id"] {
            bob.api
                .get(&path(unknown, "/messages"))
                .await
                .refused(404, "SW_ROOM_NOT_FOUND");
        }
        // Shape before membership, membership before power.
        bob.send(&room, &json!({"content": 7}))
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        bob.api
            .put(&path(&room, "/name"), &json!({"name": "x"}))
            .await
            .refused(403, "SW_NOT_MEMBER");
        let wrong = server.stranger().with_token("x.y.z");
        wrong
            .post(&path(missing, "/send"), &json!({}))
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
    })
    .await;
}
