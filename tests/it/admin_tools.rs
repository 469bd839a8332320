//! The operator's tools: `admin verify` finds what was tampered with, `admin rebuild` arrives at the same tables.

use std::collections::BTreeMap;

use scaiwave::clock::{Clock, iso};
use serde_json::{Value, json};

use crate::support::{Backend, PASSWORD, Person, Server, execute, on_both, rows, tables};

/// A room with one of everything in it.
async fn lively_room(server: &Server) -> (Person, String) {
    let [alice, bob, carol] = server.people(["alice", "bob", "carol"]).await;
    let room = alice.room_with("Garden", &[&bob, &carol]).await;
    let path = format!("/v1/rooms/{room}");
    let keywords = json!({"keyword_alerts": ["seeds"]});
    let preferences = "/v1/me/preferences";
    alice.api.put(preferences, &keywords).await.data();
    let first = alice.says(&room, "first").await;
    let second = bob.says(&room, "second").await;
    let event = |event: &serde_json::Value, rest: &str| {
        format!("{path}/events/{}{rest}", event["id"].as_str().unwrap())
    };
    bob.api
        .post(
            &event(&second, "/edit"),
            &json!({"content": {"body": "Second"}}),
        )
        .await
        .data();
    bob.api
        .post(&event(&first, "/reaction"), &json!({"emoji": "👍"}))
        .await
        .data();
    let third = carol.says(&room, "third").await;
    alice
        .api
        .post(&event(&third, "/redact"), &json!({}))
        .await
        .data();
    alice
        .api
        .put(&format!("{path}/topic"), &json!({"topic": "Plants"}))
        .await
        .data();
    alice
        .api
        .post(
            &format!("{path}/kick"),
            &json!({"participant_id": carol.id}),
        )
        .await
        .data();
    alice
        .api
        .put(&format!("{path}/power-levels"), &json!({"invite": 50}))
        .await
        .data();
    let dm = alice
        .api
        .post("/v1/rooms/dm", &json!({"participant_id": bob.id}))
        .await
        .data();
    bob.says(&room, "Seeds have come #important").await;
    let edited = bob.says(&room, "Which?").await;
    bob.api
        .post(
            &event(&edited, "/edit"),
            &json!({"content": {"body": "Which seeds?", "mentions": [alice.id]}}),
        )
        .await
        .data();
    let reply = json!({"content": {"body": "These?", "reply_to_event_id": first["id"]}});
    let asked = bob.send(&room, &reply).await.data();
    bob.says(dm["id"].as_str().unwrap(), "Are you there?").await;
    let snooze = format!("/v1/messages/{}/snooze", asked["id"].as_str().unwrap());
    let until = json!({"until": iso(Clock::system().now_ms() + 86_400_000)});
    alice.api.post(&snooze, &until).await.data();
    (alice, room)
}

#[tokio::test]
async fn verify_passes_beside_a_running_server_and_finds_tampering() {
    on_both(async |mut server| {
        let (alice, room) = lively_room(&server).await;
        alice.says(&room, "the original text").await;
        server.cli(&["admin", "verify"], "").done();
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();

        let sql =
            "UPDATE events SET content = REPLACE(content, 'the original text', 'the altered text')";
        execute(server.backend(), &server.database_url(), sql).await;
        let outcome = server.cli(&["admin", "verify"], "");
        assert_eq!(outcome.status.code(), Some(1), "{outcome:#?}");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.contains(&room), "names the room: {said}");
    })
    .await;
}

#[tokio::test]
async fn a_rebuilt_database_equals_the_live_one() {
    on_both(async |mut server| {
        let (alice, room) = lively_room(&server).await;
        let refused = server.cli(&["admin", "rebuild"], "");
        assert!(
            !refused.status.success(),
            "rebuild refuses beside a running server: {refused:#?}"
        );
        let (history, state) = (
            alice.history(&room).await,
            alice
                .api
                .get(&format!("/v1/rooms/{room}/state"))
                .await
                .data(),
        );
        let inbox = alice.api.get("/v1/inbox/priority").await.data();
        assert_eq!(inbox.as_array().map(Vec::len), Some(4), "{inbox}");

        server.stop().await;
        let live = tables(server.backend(), &server.database_url()).await;
        server.cli(&["admin", "rebuild"], "").done();
        let rebuilt = tables(server.backend(), &server.database_url()).await;
        assert_eq!(
            live.keys().collect::<Vec<_>>(),
            rebuilt.keys().collect::<Vec<_>>()
        );
        let differing: BTreeMap<_, _> = live
            .iter()
            .filter(|(name, rows)| rebuilt.get(*name) != Some(*rows))
            .collect();
        for (name, rows) in &differing {
            eprintln!(
                "{name}\n live:    {rows:#?}\n rebuilt: {:#?}",
                rebuilt.get(*name)
            );
        }
        assert!(
            differing.is_empty(),
            "these tables differ: {:?}",
            differing.keys()
        );

        server.launch();
        assert_eq!(alice.history(&room).await, history);
        assert_eq!(
            alice
                .api
                .get(&format!("/v1/rooms/{room}/state"))
                .await
                .data(),
            state
        );
        assert_eq!(alice.api.get("/v1/inbox/priority").await.data(), inbox);
    })
    .await;
}

#[tokio::test]
async fn accounts_and_tenants_are_listed_and_passwords_replaced_on_the_command_line() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let of_other = Person::first_of_other(&server).await;
        let users = server.cli(&["admin", "list-users"], "").done().stdout;
        assert!(
            users.contains("alice") && users.contains("tenant_admin"),
            "{users}"
        );
        let users = ["--json", "admin", "list-users", "--tenant", "other"];
        let users: Value = serde_json::from_str(&server.cli(&users, "").done().stdout).unwrap();
        assert_eq!(users["users"].as_array().unwrap().len(), 1);
        assert_eq!(users["users"][0]["local_id"], "admin");
        let tenants = server.cli(&["admin", "list-tenants"], "").done().stdout;
        for word in ["localhost", "other", "other.example"] {
            assert!(tenants.contains(word), "{word} in {tenants}");
        }

        let reset = ["admin", "reset-password", "alice"];
        server.cli(&reset, "another good password\n").done();
        let gone = alice.api.get("/v1/me").await;
        gone.refused(401, "SW_AUTH_INVALID_TOKEN");
        let form = |password: &str| {
            json!({"grant_type": "password", "username": "alice", "password": password})
        };
        let client = server.stranger();
        let old = client.post("/v1/auth/token", &form(PASSWORD)).await;
        assert_eq!(old.status, 401);
        let new = form("another good password");
        client.post("/v1/auth/token", &new).await.data();
        of_other.api.get("/v1/me").await.data();
    })
    .await;
}

#[tokio::test]
async fn generating_a_key_where_there_is_one_changes_nothing() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    server.admin().await;
    let key = |action| server.cli(&["--json", "admin", "federation", "key", action], "");
    let before = key("show").done().stdout;
    key("generate").done();
    assert_eq!(key("show").done().stdout, before);
}

/// Changes one event of a stopped server's store, and names the event that a verification is to blame.
struct Tampering {
    what: &'static str,
    sql: &'static str,
}

#[tokio::test]
async fn verify_names_the_first_event_that_is_not_as_it_should_be() {
    let of = "type = 'swp.room.message' AND seq = (SELECT MIN(seq) FROM events WHERE type = 'swp.room.message')";
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        for text in ["first", "second", "third"] {
            alice.says(&room, text).await;
        }
        server.stop().await;
        let file = server.scratch().join("sound").display().to_string();
        server.cli(&["admin", "backup", &file], "").done();
        let (backend, url) = (server.backend(), server.database_url());
        let id = format!("SELECT event_id FROM events WHERE {of}");
        let id = rows(backend, &url, &id).await.concat();
        for Tampering { what, sql } in [
            Tampering {
                what: "signature",
                sql: "signature = (SELECT MAX(signature) FROM events e WHERE e.event_id <> events.event_id)",
            },
            Tampering {
                what: "content",
                sql: "content = '{\"body\":\"forged\",\"msgtype\":\"swp.text\"}'",
            },
            Tampering {
                what: "time",
                sql: "ts = ts + 1",
            },
            Tampering {
                what: "state",
                sql: "state_seq = state_seq - 1",
            },
        ] {
            let tamper = format!("UPDATE events SET {sql} WHERE {of}");
            execute(backend, &url, &tamper).await;
            let found = server.cli(&["admin", "verify"], "");
            assert_eq!(found.status.code(), Some(1), "{what}: {found:?}");
            assert!(found.stderr.contains(id.trim()), "{what}: {found:?}");
            server.cli(&["admin", "restore", &file], "").done();
            server.cli(&["admin", "verify"], "").done();
        }
        execute(backend, &url, &format!("DELETE FROM events WHERE {of}")).await;
        let found = server.cli(&["admin", "verify"], "");
        assert_eq!(found.status.code(), Some(1), "a missing event: {found:?}");
    })
    .await;
}

#[tokio::test]
async fn what_a_projection_lost_is_made_anew() {
    on_both(async |mut server| {
        let (alice, room) = lively_room(&server).await;
        let history = alice.history(&room).await;
        server.stop().await;
        let (backend, url) = (server.backend(), server.database_url());
        let damage = "DELETE FROM reactions; DELETE FROM message_changes; UPDATE members SET power_level = 7";
        execute(backend, &url, damage).await;
        server.cli(&["admin", "rebuild"], "").done();
        server.launch();
        assert_eq!(alice.history(&room).await, history);
        let me = format!("/v1/rooms/{room}");
        assert_eq!(alice.api.get(&me).await.data()["power_level"], 100);
    })
    .await;
}
