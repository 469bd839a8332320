//! Limits and the shape of answers: rates, request ids, sizes, methods.

use serde_json::json;

use crate::support::{Answer, Backend, PASSWORD, Person, Server, execute, on_both};

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    let value = answer
        .headers
        .get(name)
        .unwrap_or_else(|| panic!("{name} in {answer:?}"));
    value.to_str().unwrap()
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    on_both(async |server| {
        let stranger = server.stranger();
        let own = stranger
            .with_header("x-request-id", "my.request-0001")
            .get("/v1/me")
            .await;
        assert_eq!(header(&own, "x-request-id"), "my.request-0001");
        assert_eq!(
            own.refused(401, "SW_AUTH_INVALID_TOKEN")["request_id"],
            "my.request-0001"
        );
        for unfit in ["short", "not a request id", &"x".repeat(65)] {
            let answer = stranger
                .with_header("x-request-id", unfit)
                .get("/health")
                .await;
            assert_ne!(header(&answer, "x-request-id"), unfit);
        }
        assert_ne!(
            header(&stranger.get("/health").await, "x-request-id"),
            header(&stranger.get("/health").await, "x-request-id")
        );
    })
    .await;
}

#[tokio::test]
async fn a_wrong_method_names_the_right_ones() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let answer = alice.api.delete("/v1/me").await;
        let allow = header(&answer, "allow").to_owned();
        assert!(allow.contains("GET") && allow.contains("PUT"), "{allow}");
        answer.refused(404, "SW_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_come_back() {
    for backend in Backend::ALL {
        let server = Server::start(backend, &[("SCAIWAVE_RATE_SENDS", "5")]).await;
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let message = json!({"content": {"body": "again"}});
        let mut refused = None;
        for _ in 0..7 {
            let answer = alice.send(&room, &message).await;
            assert_eq!(header(&answer, "x-ratelimit-limit"), "5");
            header(&answer, "x-ratelimit-remaining")
                .parse::<u32>()
                .unwrap();
            header(&answer, "x-ratelimit-reset").parse::<u64>().unwrap();
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused = refused.expect("the sixth or seventh is too much");
        assert!(header(&refused, "retry-after").parse::<u64>().unwrap() >= 1);
        let error = refused.refused(429, "SW_RATE_LIMIT_EXCEEDED");
        assert_eq!(error["details"]["bucket"], "sends");
        assert!(error["details"]["retry_after_ms"].as_i64() > Some(0));
        bob.send(&room, &message).await.data();
        assert!(
            bob.bodies(&room).await.len() <= 7,
            "what was refused is not in the room"
        );
    }
}

#[tokio::test]
async fn guessing_passwords_is_slow() {
    let server = Server::start(Backend::Sqlite, &[("SCAIWAVE_RATE_LOGINS", "10")]).await;
    server.people(["alice"]).await;
    let stranger = server.stranger();
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(stranger.sign_in("alice", "a wrong guess").await);
    }
    assert!(
        answers.iter().any(|answer| answer.status == 429),
        "{answers:?}"
    );
    let right: Person = {
        // Another account is not held up.
        server.people(["bob"]).await.into_iter().next().unwrap()
    };
    right.api.get("/v1/me").await.data();
}

#[tokio::test]
async fn a_person_has_ten_open_polls_at_most() {
    let server = Server::start(Backend::Sqlite, &[]).await;
    let [alice] = server.people(["alice"]).await;
    let (_, end) = alice.sync_from(0).await;
    let poll = format!("/v1/sync?since={end}&timeout=3000");
    let polls = futures::future::join_all((0..12).map(|_| alice.api.get(&poll))).await;
    let refused = polls.iter().filter(|answer| answer.status == 429).count();
    assert_eq!(refused, 2, "{polls:?}");
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_is_slowed_down() {
    let server = Server::start(Backend::Sqlite, &[("SCAIWAVE_RATE_ADDRESS", "5")]).await;
    let mut refused = None;
    for number in 0..8 {
        let form = json!({"grant_type": "password", "username": format!("person-{number}"), "password": "a guess at it"});
        let answer = server.stranger().post("/v1/auth/token", &form).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("the sixth or seventh is too much");
    let error = refused.refused(429, "SW_RATE_LIMIT_EXCEEDED");
    assert_eq!(error["details"]["bucket"], "address");
}

#[tokio::test]
async fn each_limit_of_rates_holds() {
    for (setting, bucket) in [
        ("SCAIWAVE_RATE_WRITES", "writes"),
        ("SCAIWAVE_RATE_TYPING", "typing"),
        ("SCAIWAVE_RATE_TENANT_SENDS", "tenant_sends"),
    ] {
        let mut server = Server::start(Backend::Sqlite, &[]).await;
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        server.set(setting, "3");
        server.restart();
        let mut refused = None;
        for _ in 0..6 {
            let answer = match bucket {
                "writes" => {
                    let topic = json!({"topic": "Plants"});
                    alice
                        .api
                        .put(&format!("/v1/rooms/{room}/topic"), &topic)
                        .await
                }
                "typing" => {
                    let typing = json!({"room_id": room, "typing": true});
                    alice.api.put("/v1/typing", &typing).await
                }
                _ => alice.send(&room, &json!({"content": {"body": "x"}})).await,
            };
            if answer.status == 429 {
                refused = Some(answer);
                break;
            }
        }
        let refused =
            refused.unwrap_or_else(|| panic!("{bucket}: the fourth or fifth is too much"));
        assert!(header(&refused, "retry-after").parse::<u64>().unwrap() >= 1);
        let error = refused.refused(429, "SW_RATE_LIMIT_EXCEEDED");
        assert_eq!(error["details"]["bucket"], bucket);
    }
}

#[tokio::test]
async fn a_tenant_and_its_rooms_grow_to_their_limits_and_not_beyond() {
    on_both(async |mut server| {
        let [alice, bob, dora] = server.people(["alice", "bob", "dora"]).await;
        let room = alice.room_with("Garden", &[]).await;
        server.stop().await;
        let limits = |limits: serde_json::Value| format!("UPDATE tenants SET limits = '{limits}'");
        let (backend, url) = (server.backend(), server.database_url());
        let full = limits(json!({"max_participants": 4, "max_rooms": 1}));
        execute(backend, &url, &full).await;
        server.launch();
        let account = json!({"local_id": "carol", "display_name": "Carol", "password": PASSWORD});
        let admin = &server.admin().await.api;
        let carol = admin.post("/v1/admin/users", &account).await;
        carol.refused(409, "SW_TENANT_CAPACITY");
        let dora = format!("/v1/admin/users/{}", dora.id);
        let state = async |state: &str| admin.patch(&dora, &json!({"state": state})).await;
        state("suspended").await.data();
        admin.post("/v1/admin/users", &account).await.data();
        state("active").await.refused(409, "SW_TENANT_CAPACITY");
        let second = alice
            .api
            .post("/v1/rooms", &json!({"name": "Second"}))
            .await;
        second.refused(409, "SW_TENANT_CAPACITY");
        alice.invite(&room, &bob).await.data();

        server.stop().await;
        let narrow = limits(json!({"max_participants": 2}));
        execute(backend, &url, &narrow).await;
        server.launch();
        bob.join(&room).await.data();
        let third = alice.invite(&room, server.admin().await).await;
        third.refused(409, "SW_ROOM_CAPACITY");
    })
    .await;
}

#[tokio::test]
async fn the_log_is_structured_and_names_the_request_of_an_internal_error() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        alice.says(&room, "hello").await;
        server.stop().await;
        let damage = "UPDATE events SET content = 'no JSON' WHERE type = 'swp.room.message'";
        execute(server.backend(), &server.database_url(), damage).await;
        server.set("SCAIWAVE_LOG_FORMAT", "json");
        let before = server.log().len();
        server.launch();
        let path = format!("/v1/rooms/{room}/messages");
        let error = alice
            .api
            .with_header("x-request-id", "my.request-0002")
            .get(&path)
            .await
            .refused(500, "SW_INTERNAL_ERROR");
        assert_eq!(error["request_id"], "my.request-0002");
        server.stop().await;
        let log = server.log()[before..].to_owned();
        let lines = log.lines().filter(|line| !line.starts_with("listening on"));
        let lines: Vec<serde_json::Value> = lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("JSON: {line}")))
            .collect();
        let names_it = |line: &&serde_json::Value| line.to_string().contains("my.request-0002");
        let line = lines
            .iter()
            .find(names_it)
            .expect("the log names the request");
        assert_eq!(line["level"], "ERROR", "{line}");
    })
    .await;
}
