//! Two tenants of one process are two servers to each other: they share rooms over the same requests as strangers do.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Backend, PASSWORD, Person, Server, Socket, eventually};

const AT_ONCE: Duration = Duration::from_secs(30);

/// A server with the tenants `a.example` and `other.example`, which reach each other at its own address.
async fn two_tenants(backend: Backend) -> Server {
    let mut server = Server::start(backend, &[("SCAIWAVE_SERVER_NAME", "a.example")]).await;
    let url = server.url().to_owned();
    server.set(
        "SCAIWAVE_FEDERATION_PEER_URLS",
        &format!("a.example={url},other.example={url}"),
    );
    server.restart();
    server
        .cli(
            &[
                "admin",
                "create-tenant",
                "--slug",
                "other",
                "--name",
                "Other",
                "--server-name",
                "other.example",
            ],
            "",
        )
        .done();
    server
}

/// The administrator of the second tenant.
async fn other_admin(server: &Server) -> Person {
    server
        .cli(
            &[
                "admin",
                "create-user",
                "--local-id",
                "admin",
                "--name",
                "Admin",
                "--tenant",
                "other",
            ],
            &format!("{PASSWORD}\n"),
        )
        .done();
    sign_in_to_other(server, "admin").await
}

async fn sign_in_to_other(server: &Server, name: &str) -> Person {
    let form = json!({
        "grant_type": "password", "username": name, "password": PASSWORD, "tenant": "other",
    });
    let tokens = server.stranger().post("/v1/auth/token", &form).await.data();
    Person::with_token(&server.stranger(), &tokens).await
}

async fn allows(admin: &Person, peer: &str) {
    let policy = json!({ "allowed_peers": [peer] });
    admin
        .api
        .put("/v1/admin/federation/policy", &policy)
        .await
        .data();
}

async fn is_shown(person: &Person, room: &str, body: &str) -> bool {
    let path = format!("/v1/rooms/{room}/messages");
    let answer = person.api.get(&path).await;
    answer.status == 200 && answer.text.contains(body)
}

async fn room(person: &Person, room: &str) -> Value {
    let answer = person.api.get(&format!("/v1/rooms/{room}")).await;
    match answer.status == 200 {
        true => answer.data(),
        false => Value::Null,
    }
}

#[tokio::test]
async fn two_tenants_of_one_process_share_rooms_like_two_servers() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let mut server = two_tenants(backend).await;
        let [alice] = server.people(["alice"]).await;
        let admin_of_other = other_admin(&server).await;
        let account =
            json!({"local_id": "alice", "display_name": "Other Alice", "password": PASSWORD});
        admin_of_other
            .api
            .post("/v1/admin/users", &account)
            .await
            .data();
        let namesake = sign_in_to_other(&server, "alice").await;
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
            room(&namesake, &shared).await["membership"] == "invite"
        })
        .await;
        let mut socket = Socket::open(&alice.api, None).await;
        namesake.join(&shared).await.data();
        let there = room(&namesake, &shared).await;
        assert_eq!(there["server_name"], "a.example");
        assert_eq!(there["member_count"], 2);
        for (sender, reader, text) in [
            (&alice, &namesake, "from the first"),
            (&namesake, &alice, "from the second"),
        ] {
            sender.says(&shared, text).await;
            eventually("the message crosses over", AT_ONCE, async || {
                is_shown(reader, &shared, text).await
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
            room(&alice, dm).await["membership"] == "invite"
        })
        .await;
        let same = alice.api.post(dms, &named).await.data();
        assert_eq!(same["id"], json!(dm));
        assert_eq!(same["membership"], "join");

        // Neither sees what the other does not share.
        let private = alice.room_with("Private", &[]).await;
        assert_eq!(room(&namesake, &private).await, Value::Null);
        let peers = admin_of_other
            .api
            .get("/v1/admin/federation/peers")
            .await
            .data();
        assert_eq!(peers[0]["server_name"], "a.example");

        server.restart();
        alice.says(&shared, "after a restart").await;
        eventually("the room goes on", AT_ONCE, async || {
            is_shown(&namesake, &shared, "after a restart").await
        })
        .await;
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    }
}
