//! Limits and the shape of answers: rates, request ids, sizes, methods.

use serde_json::json;

use crate::support::{Answer, Backend, Person, Server, on_both};

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
