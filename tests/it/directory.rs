//! Where rooms and people are found: by name, and by workspace.

use serde_json::{Value, json};

use crate::support::{Person, on_both};

fn settings(room: &str) -> String {
    format!("/v1/rooms/{room}/workspace")
}

async fn personal(person: &Person) -> Value {
    let me = person.api.get("/v1/me").await.data();
    me["personal_workspace_id"].clone()
}

async fn in_workspace(person: &Person, workspace: &Value) -> Vec<Value> {
    let workspace = workspace.as_str().unwrap();
    let path = format!("/v1/directory/rooms?workspace_id={workspace}");
    let rooms = person.api.get(&path).await.data();
    let rooms = rooms.as_array().unwrap().iter();
    rooms.map(|room| room["id"].clone()).collect()
}

#[tokio::test]
async fn a_name_leads_to_a_person_or_to_a_room_that_one_may_see() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let garden = alice.room_with("Garden", &[]).await;
        let square = json!({"name": "Town square", "is_public": true});
        let square = alice.api.post("/v1/rooms", &square).await.data();
        let ask = async |person: &Person, name: &str| {
            let path = format!("/v1/directory/alias/{name}");
            person.api.get(&path).await
        };
        for name in ["%23garden", "%23garden:localhost"] {
            let found = ask(&alice, name).await.data();
            let expected = json!({
                "kind": "room", "room_id": garden, "fqid": null, "note_id": null,
            });
            assert_eq!(found, expected);
            ask(&bob, name).await.refused(404, "SW_NOT_FOUND");
        }
        let found = ask(&bob, "%23town-square").await.data();
        assert_eq!(found["room_id"], square["id"]);
        for name in ["@bob", "@bob:localhost", "%40bob"] {
            let found = ask(&alice, name).await.data();
            let expected = json!({
                "kind": "participant", "fqid": bob.fqid, "room_id": null, "note_id": null,
            });
            assert_eq!(found, expected);
        }
        for name in [
            "@nobody",
            "@",
            "%23",
            "%23none:elsewhere.example",
            "a/note/in/a/folder",
            "garden",
            "%00",
            &"x".repeat(2000),
        ] {
            ask(&alice, name).await.refused(404, "SW_NOT_FOUND");
        }
    })
    .await;
}

#[tokio::test]
async fn a_room_moves_to_the_workspace_of_an_owner() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let (of_alice, of_bob) = (personal(&alice).await, personal(&bob).await);
        assert_eq!(in_workspace(&bob, &of_alice).await, [json!(room)]);
        assert_eq!(in_workspace(&bob, &of_bob).await, Vec::<Value>::new());
        let to = |workspace: &Value| json!({"workspace_id": workspace});
        let refused = bob.api.put(&settings(&room), &to(&of_bob)).await;
        refused.refused(403, "SW_ROOM_FORBIDDEN");
        // Nobody puts rooms into another's personal workspace.
        let refused = alice.api.put(&settings(&room), &to(&of_bob)).await;
        refused.refused(404, "SW_WORKSPACE_NOT_FOUND");
        let level = format!("/v1/rooms/{room}/members/{}/power-level", bob.id);
        let owner = json!({"power_level": 100});
        alice.api.put(&level, &owner).await.data();

        let (_, end) = alice.sync_from(0).await;
        for _ in 0..2 {
            let moved = bob.api.put(&settings(&room), &to(&of_bob)).await.data();
            assert_eq!(moved["workspace_id"], of_bob);
        }
        let (events, _) = alice.sync_from(end).await;
        assert_eq!(
            events.len(),
            1,
            "the second time it was so already: {events:?}"
        );
        assert_eq!(events[0]["event_type"], "swp.room.settings");
        assert_eq!(events[0]["content"], json!({"workspace_id": of_bob}));
        assert_eq!(alice.room(&room).await["workspace_id"], of_bob);
        assert_eq!(in_workspace(&alice, &of_bob).await, [json!(room)]);
        assert_eq!(in_workspace(&alice, &of_alice).await, Vec::<Value>::new());

        let dm = json!({"participant_id": bob.id});
        let dm = alice.api.post("/v1/rooms/dm", &dm).await.data();
        let dm = settings(dm["id"].as_str().unwrap());
        let refused = alice.api.put(&dm, &to(&of_alice)).await;
        refused.refused(400, "SW_ROOM_TYPE_INVARIANT");
        let archive = format!("/v1/rooms/{room}/archive");
        alice.api.post(&archive, &json!({})).await.data();
        let refused = alice.api.put(&settings(&room), &to(&of_alice)).await;
        refused.refused(409, "SW_ROOM_FROZEN");
        server.stop().await;
        server.cli(&["admin", "rebuild"], "").done();
        server.launch();
        assert_eq!(alice.room(&room).await["workspace_id"], of_bob);
    })
    .await;
}
