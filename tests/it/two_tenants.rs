//! Two tenants of one process are two servers to each other: they share rooms over the same requests as strangers do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Backend, PASSWORD, Person, Server, Socket, eventually};

const AT_ONCE: Duration = Duration::from_secs(30);

/// A server whose tenants `a.example` and `other.example` will reach each other at its own address.
async fn two_tenants(backend: Backend) -> Server {
    let mut server = Server::start(backend, &[("SCAIWAVE_SERVER_NAME", "a.example")]).await;
    let url = server.url().to_owned();
    server.set(
        "SCAIWAVE_FEDERATION_PEER_URLS",
        &format!("a.example={url},other.example={url}"),
    );
    server.restart();
    server
}

async fn allows(admin: &Person, peer: &str) {
    let policy = json!({ "allowed_peers": [peer] });
    admin
        .api
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();
}

#[tokio::test]
async fn two_tenants_of_one_process_share_rooms_like_two_servers() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let mut server = two_tenants(backend).await;
        let [alice] = server.people(["alice"]).await;
        let admin_of_other = Person::first_of_other(&server).await;
        let account =
            json!({"local_id": "alice", "display_name": "Other Alice", "password": PASSWORD});
        admin_of_other
            .api
            .post("/v1/admin/users", &account)
            .await
            .data();
        let namesake = Person::sign_in_to_other(&server, "alice").await;
        assert_eq!(namesake.fqid, "@alice:other.example");
        let named = json!({ "fqid": namesake.fqid });
        let dms = "/v1/me/federated-dms";
        let refused = alice.api.post(dms, &named).await;
        refused.refused(403, "SW_FED_PEER_UNKNOWN");
        allows(server.admin().await, "other.example").await;
        allows(&admin_of_other, "a.example").await;

        let shared = alice.room_with("Shared", &[]).await;
        let invite = format!("/v1/rooms/{shared}/invite");
        alice.api.post(&invite, &named).await.data();
        eventually("the invitation crosses over", AT_ONCE, async || {
            namesake.room(&shared).await["membership"] == "invite"
        })
        .await;
        let mut socket = Socket::open(&alice.api, None).await;
        namesake.join(&shared).await.data();
        let there = namesake.room(&shared).await;
        assert_eq!(there["server_name"], "a.example");
        assert_eq!(there["member_count"], 2);
        for (sender, reader, text) in [
            (&alice, &namesake, "from the first"),
            (&namesake, &alice, "from the second"),
        ] {
            sender.says(&shared, text).await;
            eventually("the message crosses over", AT_ONCE, async || {
                reader.reads(&shared, text).await
            })
            .await;
        }
        let typing = json!({"room_id": shared, "typing": true});
        namesake.api.put("/v1/typing", &typing).await.data();
        let frame = socket.next_of("typing").await;
        assert_eq!(frame["participant_id"], json!(namesake.id));

        let dm = namesake
            .api
            .post(dms, &json!({ "fqid": alice.fqid }))
            .await
            .data();
        let dm = dm["id"].as_str().unwrap();
        eventually("the DM crosses over", AT_ONCE, async || {
            alice.room(dm).await["membership"] == "invite"
        })
        .await;
        let same = alice.api.post(dms, &named).await.data();
        assert_eq!(same["id"], json!(dm));
        assert_eq!(same["membership"], "join");

        // Neither sees what the other does not share.
        let private = alice.room_with("Private", &[]).await;
        assert_eq!(namesake.room(&private).await, Value::Null);
        let peers = admin_of_other
            .api
            .get("/v1/admin/federation/peers")
            .await
            .data();
        assert_eq!(peers[0]["server_name"], "a.example");

        server.restart();
        alice.says(&shared, "after a restart").await;
        eventually("the room goes on", AT_ONCE, async || {
            namesake.reads(&shared, "after a restart").await
        })
        .await;
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
}

#[tokio::test]
async fn people_are_told_at_home_of_what_is_said_elsewhere_and_not_of_the_past() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let server = two_tenants(backend).await;
        let [alice] = server.people(["alice"]).await;
        let admin_of_other = Person::first_of_other(&server).await;
        let bob = Person::made_in_other(&server, &admin_of_other, "bob").await;
        allows(server.admin().await, "other.example").await;
        allows(&admin_of_other, "a.example").await;
        let shared = alice.room_with("Shared", &[]).await;
        let said = async |body: &str| {
            let content = json!({"body": body, "mentions": [bob.id]});
            let sent = alice.send(&shared, &json!({ "content": content })).await;
            sent.data()["id"].clone()
        };
        said("deploy before").await;

        let mut socket = Socket::open(&bob.api, None).await;
        let wants = json!({"keyword_alerts": ["deploy"]});
        bob.api.put("/v1/me/preferences", &wants).await.data();
        let invite = format!("/v1/rooms/{shared}/invite");
        let named = json!({ "fqid": bob.fqid });
        alice.api.post(&invite, &named).await.data();
        let told = socket.next_of("swp.notification").await;
        assert_eq!(told["reason"], "invite");
        assert_eq!(told["snippet"], "Shared");
        bob.join(&shared).await.data();
        eventually("the history is here", AT_ONCE, async || {
            bob.reads(&shared, "deploy before").await
        })
        .await;
        let after = said("after").await;
        alice.says(&shared, "we DEPLOY").await;
        let told = socket.next_of("swp.notification").await;
        assert_eq!(told["event_id"], after, "nobody is told of the history");
        assert_eq!(told["reason"], "direct_mention");
        let told = socket.next_of("swp.notification").await;
        assert_eq!(told["reason"], "keyword_alert");
        assert_eq!(told["sender_name"], "Alice");
        let inbox = bob.api.get("/v1/inbox/priority").await.data();
        let reasons: Vec<&Value> = inbox
            .as_array()
            .unwrap()
            .iter()
            .map(|item| &item["reason"])
            .collect();
        assert_eq!(reasons, ["keyword_alert", "direct_mention"]);
        assert_eq!(bob.room(&shared).await["mention_count"], 2);
    }
}
