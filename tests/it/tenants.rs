//! Tenants: several on one server, each blind to the others.

use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, Socket, on_both};

#[tokio::test]
async fn another_tenants_resources_answer_like_missing_ones() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let other_admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &other_admin, "mallory").await;
        let public = alice
            .api
            .post("/v1/rooms", &json!({"name": "Square", "is_public": true}))
            .await
            .data();
        let room = public["id"].as_str().unwrap();
        let event = alice.says(room, "for us").await;
        let missing = "00000000-0000-8000-8000-000000000000";

        let alike = async |of: &dyn Fn(&str) -> String, theirs: &str| {
            let (foreign, unknown) = (
                mallory.api.get(&of(theirs)).await,
                mallory.api.get(&of(missing)).await,
            );
            assert_eq!(foreign.status, unknown.status, "{}", foreign.request);
            let shown = |answer: &crate::support::Answer| {
                let error = &answer.body()["error"];
                (
                    error["code"].clone(),
                    error["message"].clone(),
                    error["details"].clone(),
                )
            };
            assert_eq!(shown(&foreign), shown(&unknown), "{}", foreign.request);
            assert_eq!(foreign.status, 404, "{}: {}", foreign.request, foreign.text);
        };
        for rest in ["", "/messages", "/members", "/state", "/power-levels"] {
            alike(&|id| format!("/v1/rooms/{id}{rest}"), room).await;
        }
        alike(
            &|id| format!("/v1/rooms/{room}/events/{id}"),
            event["id"].as_str().unwrap(),
        )
        .await;
        alike(&|id| format!("/v1/profiles/{id}"), &alice.id).await;
        mallory.join(room).await.refused(404, "SW_ROOM_NOT_FOUND");
        mallory
            .send(room, &json!({"content": {"body": "hi"}}))
            .await
            .refused(404, "SW_ROOM_NOT_FOUND");
        mallory
            .api
            .post("/v1/rooms/dm", &json!({"participant_id": alice.id}))
            .await
            .refused(404, "SW_NOT_FOUND");
        let own = mallory.room_with("Own", &[]).await;
        mallory
            .invite(&own, &alice)
            .await
            .refused(404, "SW_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn lists_and_streams_end_at_the_tenant() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let other_admin = Person::first_of_other(&server).await;
        let namesake = Person::made_in_other(&server, &other_admin, "alice").await;
        assert_eq!(namesake.fqid, "@alice:other.example");
        assert_ne!(namesake.id, alice.id);

        let mut socket = Socket::open(&namesake.api, None).await;
        let room = alice
            .api
            .post("/v1/rooms", &json!({"name": "Square", "is_public": true}))
            .await
            .data();
        let room = room["id"].as_str().unwrap();
        alice.says(room, "for us").await;
        let own = namesake.room_with("Own", &[]).await;
        let frame: Value = socket.next_of("swp.room.create").await;
        assert_eq!(
            frame["room_id"],
            json!(own),
            "nothing of the first tenant came before"
        );

        assert_eq!(
            namesake.api.get("/v1/directory/rooms?q=square").await.ok()["meta"]["total"],
            0
        );
        let people = namesake.api.get("/v1/directory/participants").await.data();
        assert!(
            people
                .as_array()
                .unwrap()
                .iter()
                .all(|person| person["server_name"] == "other.example")
        );
        let (events, _) = namesake.sync_from(0).await;
        assert!(events.iter().all(|event| event["room_id"] == json!(own)));
        let users = other_admin.api.get("/v1/admin/users").await.data();
        assert_eq!(users.as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_request_that_names_another_tenant_is_refused() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        Person::first_of_other(&server).await;
        alice
            .api
            .with_header("x-scaiwave-tenant", "other")
            .get("/v1/me")
            .await
            .refused(403, "SW_AUTH_TENANT_MISMATCH");
        alice
            .api
            .get("/v1/me?tenant=other")
            .await
            .refused(403, "SW_AUTH_TENANT_MISMATCH");
        alice.api.with_header("x-scaiwave-tenant", "default").get("/v1/me").await.data();

        let form = |tenant: &str| json!({"grant_type": "password", "username": "alice", "password": PASSWORD, "tenant": tenant});
        let stranger = server.stranger();
        stranger.post("/v1/auth/token", &form("nowhere")).await.refused(404, "SW_TENANT_NOT_FOUND");
        stranger.post("/v1/auth/token", &form("other")).await.refused(401, "SW_AUTH_INVALID_TOKEN");
        stranger.post("/v1/auth/token", &form("default")).await.data();
    })
    .await;
}

#[tokio::test]
async fn each_tenant_counts_its_own_stream() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let of_other = Person::first_of_other(&server).await;
        let (_, before) = of_other.sync_from(0).await;
        let room = alice.room_with("Garden", &[]).await;
        for _ in 0..10 {
            alice.says(&room, "only here").await;
        }
        let (_, after) = of_other.sync_from(before).await;
        assert_eq!(after, before);
    })
    .await;
}
