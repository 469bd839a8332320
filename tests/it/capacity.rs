//! How many people and rooms a tenant may have, and how many people a room: each tenant its own number.

use serde_json::{Value, json};

use crate::support::{Answer, PASSWORD, Person, Server, execute, on_both};

/// Gives the second tenant limits, and starts again.
async fn limit(server: &mut Server, limits: Value) {
    server.stop().await;
    let set = format!("UPDATE tenants SET limits = '{limits}' WHERE slug = 'other'");
    execute(server.backend(), &server.database_url(), &set).await;
    server.launch();
}

async fn make(admin: &Person, name: &str) -> Answer {
    let account = json!({"local_id": name, "display_name": name, "password": PASSWORD});
    admin.api.post("/v1/admin/users", &account).await
}

#[tokio::test]
async fn a_tenant_that_is_full_takes_nobody_in_and_others_do() {
    on_both(async |mut server| {
        let admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &admin, "mallory").await;
        limit(&mut server, json!({"max_participants": 2})).await;
        let refused = make(&admin, "mildred").await;
        refused.refused(409, "SW_TENANT_CAPACITY");
        make(server.admin().await, "alice").await.data();
        make(server.admin().await, "bob").await.data();
        // Whoever is there goes on.
        mallory.room_with("Elsewhere", &[]).await;
        // A limit below today's number only stops growth.
        limit(&mut server, json!({"max_participants": 1})).await;
        mallory.api.get("/v1/me").await.data();
        make(&admin, "mildred")
            .await
            .refused(409, "SW_TENANT_CAPACITY");
        limit(&mut server, json!({})).await;
        make(&admin, "mildred").await.data();
    })
    .await;
}

#[tokio::test]
async fn a_tenant_has_so_many_rooms_and_closed_ones_do_not_count() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &admin, "mallory").await;
        limit(&mut server, json!({"max_rooms": 2})).await;
        let first = mallory.room_with("One", &[]).await;
        let dm = json!({"participant_id": admin.id});
        mallory.api.post("/v1/rooms/dm", &dm).await.data();
        let third = json!({"name": "Three"});
        let refused = mallory.api.post("/v1/rooms", &third).await;
        refused.refused(409, "SW_TENANT_CAPACITY");
        let refused = admin.api.post("/v1/rooms", &third).await;
        refused.refused(409, "SW_TENANT_CAPACITY");
        // The DM is there already.
        mallory.api.post("/v1/rooms/dm", &dm).await.data();
        alice.room_with("Mine", &[]).await;
        let archive = format!("/v1/rooms/{first}/archive");
        mallory.api.post(&archive, &json!({})).await.data();
        let refused = mallory.api.post("/v1/rooms", &third).await;
        refused.refused(409, "SW_TENANT_CAPACITY");
        let close = format!("/v1/rooms/{first}/close");
        mallory.api.post(&close, &json!({})).await.data();
        mallory.api.post("/v1/rooms", &third).await.data();
    })
    .await;
}

#[tokio::test]
async fn a_room_has_so_many_places_and_invitations_take_them() {
    on_both(async |mut server| {
        let admin = Person::first_of_other(&server).await;
        let mut people = Vec::new();
        for name in ["ann", "ben", "cem", "dag"] {
            people.push(Person::made_in_other(&server, &admin, name).await);
        }
        let [ann, ben, cem, dag] = &people[..] else {
            unreachable!("four people")
        };
        let [alice, bob, carol, dora] = server.people(["alice", "bob", "carol", "dora"]).await;
        limit(&mut server, json!({"max_participants": 3})).await;
        let full = |answer: Answer| drop(answer.refused(409, "SW_ROOM_CAPACITY"));

        let public = json!({"name": "Square", "is_public": true});
        let square = ann.api.post("/v1/rooms", &public).await.data();
        let square = square["id"].as_str().unwrap();
        ann.invite(square, ben).await.data();
        cem.join(square).await.data();
        full(dag.join(square).await);
        full(ann.invite(square, dag).await);
        // The invitation holds a place already; asking once more takes none.
        ann.invite(square, ben).await.data();
        ben.join(square).await.data();
        let kick = format!("/v1/rooms/{square}/kick");
        let put_out = json!({"participant_id": cem.id});
        ann.api.post(&kick, &put_out).await.data();
        dag.join(square).await.data();
        full(cem.join(square).await);

        let too_many = json!({"name": "Full", "invite": [ben.id, cem.id, dag.id]});
        full(ann.api.post("/v1/rooms", &too_many).await);
        let just = json!({"name": "Just right", "invite": [ben.id, cem.id]});
        ann.api.post("/v1/rooms", &just).await.data();

        // Lowering removes nobody; whoever leaves does not come back.
        limit(&mut server, json!({"max_participants": 2})).await;
        assert_eq!(ann.room(square).await["member_count"], 3);
        ann.says(square, "still three").await;
        let archive = format!("/v1/rooms/{square}/archive");
        let leave = format!("/v1/rooms/{square}/leave");
        dag.api.post(&leave, &json!({})).await.data();
        full(dag.join(square).await);
        ann.api.post(&archive, &json!({})).await.data();
        ann.api.post(&leave, &json!({})).await.data();
        let rejoin = format!("/v1/rooms/{square}/rejoin");
        ben.api.post(&rejoin, &json!({})).await.data();
        // Another tenant's rooms have no limit.
        alice.room_with("Four", &[&bob, &carol, &dora]).await;
    })
    .await;
}
