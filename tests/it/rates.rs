//! Rates: which requests count together, for whom, and what an answer tells of them (client specification, section 1).

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Answer, Api, Backend, PASSWORD, Person, Server, eventually, execute, on_both,
};

/// A minute's worth is small here, so that a test can use it up; meanwhile one or two come back.
const FEW: usize = 4;

fn number(answer: &Answer, name: &str) -> Option<i64> {
    let value = answer.headers.get(name)?;
    Some(value.to_str().unwrap().parse().unwrap())
}

/// Asks until it is refused; the refusal, which has to come after `at_least` requests that were not, and soon after.
async fn used_up(at_least: usize, ask: impl AsyncFn() -> Answer) -> Value {
    for asked in 0..at_least + 3 {
        let answer = ask().await;
        if answer.status != 429 {
            continue;
        }
        assert!(asked >= at_least, "refused after {asked}");
        assert!(number(&answer, "retry-after").unwrap() >= 1);
        assert_eq!(number(&answer, "x-ratelimit-remaining"), Some(0));
        let error = answer.refused(429, "SW_RATE_LIMIT_EXCEEDED");
        assert!(error["details"]["retry_after_ms"].as_i64() > Some(0));
        return error["details"]["bucket"].clone();
    }
    panic!("not refused after {at_least} and some more");
}

/// Restarts with these rates, a minute.
fn limited(server: &mut Server, rates: &[(&str, usize)]) {
    for (name, rate) in rates {
        server.set(&format!("SCAIWAVE_RATE_{name}"), &rate.to_string());
    }
    server.restart();
}

#[tokio::test]
async fn each_bucket_counts_for_one_person_and_one_kind_of_request() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &admin, "mallory").await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let elsewhere = mallory.room_with("Elsewhere", &[]).await;
        let message = json!({"content": {"body": "x"}});
        let event = alice.says(&room, "first").await;
        let event = format!("/v1/rooms/{room}/events/{}", event["id"].as_str().unwrap());
        let rates = ["SENDS", "WRITES", "READS", "TYPING"].map(|name| (name, FEW));
        limited(&mut server, &rates);

        let sends = async |api: &Api| api.post(&format!("/v1/rooms/{room}/send"), &message).await;
        let writes = async |api: &Api| api.put("/v1/me", &json!({})).await;
        let reads = async |api: &Api| api.get("/v1/me").await;
        let typing = async |api: &Api| {
            let typing = json!({"room_id": room, "typing": true});
            api.put("/v1/typing", &typing).await
        };
        assert_eq!(
            used_up(FEW, async || sends(&alice.api).await).await,
            "sends"
        );
        // What counts as sending too.
        for (rest, body) in [
            ("/edit", message.clone()),
            ("/redact", json!({})),
            ("/reaction", json!({"emoji": "👍"})),
        ] {
            let answer = alice.api.post(&format!("{event}{rest}"), &body).await;
            assert_eq!(answer.status, 429, "{rest}");
        }
        assert_eq!(
            used_up(FEW, async || writes(&alice.api).await).await,
            "writes"
        );
        assert_eq!(
            used_up(FEW, async || typing(&alice.api).await).await,
            "typing"
        );
        assert_eq!(
            used_up(FEW, async || reads(&alice.api).await).await,
            "reads"
        );
        sends(&bob.api).await.data();
        writes(&bob.api).await.data();
        typing(&bob.api).await.data();
        reads(&bob.api).await.data();
        mallory.send(&elsewhere, &message).await.data();
        reads(&mallory.api).await.data();
        // Another device of the same person is the same person.
        let stranger = server.stranger();
        let again = stranger.sign_in("alice", PASSWORD).await.data();
        let again = stranger.with_token(again["access_token"].as_str().unwrap());
        assert_eq!(reads(&again).await.status, 429);
    })
    .await;
}

#[tokio::test]
async fn a_tenants_sends_are_counted_together_and_apart_from_other_tenants() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let admin = Person::first_of_other(&server).await;
        let mallory = Person::made_in_other(&server, &admin, "mallory").await;
        let mildred = Person::made_in_other(&server, &admin, "mildred").await;
        let room = alice.room_with("Garden", &[]).await;
        let elsewhere = mallory.room_with("Elsewhere", &[&mildred]).await;
        server.stop().await;
        let own = format!(
            "UPDATE tenants SET limits = '{{\"sends_per_minute\": {FEW}}}' WHERE slug = 'other'"
        );
        execute(server.backend(), &server.database_url(), &own).await;
        server.set("SCAIWAVE_RATE_TENANT_SENDS", "1000");
        server.launch();

        let message = json!({"content": {"body": "x"}});
        mallory.send(&elsewhere, &message).await.data();
        mallory.send(&elsewhere, &message).await.data();
        let bucket = used_up(FEW - 2, async || mildred.send(&elsewhere, &message).await).await;
        assert_eq!(bucket, "tenant_sends");
        assert_eq!(mallory.send(&elsewhere, &message).await.status, 429);
        for _ in 0..3 * FEW {
            let answer = alice.send(&room, &message).await;
            assert_eq!(number(&answer, "x-ratelimit-limit"), Some(1000));
            answer.data();
        }
        // What was refused is nowhere.
        assert!(mallory.bodies(&elsewhere).await.len() <= FEW + 3);
        // Reading is not sending.
        mallory.api.get("/v1/me").await.data();
    })
    .await;
}

#[tokio::test]
async fn the_headers_count_down_and_say_when_to_come_back() {
    on_both(async |mut server| {
        let [alice] = server.people(["alice"]).await;
        let answer = alice.api.get("/v1/me").await;
        assert_eq!(
            number(&answer, "x-ratelimit-limit"),
            None,
            "no limit, no header"
        );
        limited(&mut server, &[("READS", 12), ("WRITES", 1_000)]);
        let before = scaiwave::clock::Clock::system().now_ms() / 1000;
        let mut last = 12;
        for _ in 0..5 {
            let answer = alice.api.get("/v1/me").await;
            assert_eq!(number(&answer, "x-ratelimit-limit"), Some(12));
            let remaining = number(&answer, "x-ratelimit-remaining").unwrap();
            // One comes back every five seconds.
            assert!(
                remaining < 12 && remaining <= last,
                "{remaining} after {last}"
            );
            last = remaining;
            let reset = number(&answer, "x-ratelimit-reset").unwrap();
            assert!(reset > before && reset <= before + 3600, "{reset}");
            assert_eq!(number(&answer, "retry-after"), None);
        }
        let answer = alice.api.put("/v1/me", &json!({})).await;
        assert_eq!(number(&answer, "x-ratelimit-limit"), Some(1_000));
        // Also where it is refused for another reason.
        let missing = alice.api.get("/v1/rooms/none").await;
        assert!(number(&missing, "x-ratelimit-remaining").is_some());
        missing.refused(404, "SW_ROOM_NOT_FOUND");

        let mut refused = alice.api.get("/v1/me").await;
        while refused.status != 429 {
            refused = alice.api.get("/v1/me").await;
        }
        assert!((1..=5).contains(&number(&refused, "retry-after").unwrap()));
        eventually("the time is over", Duration::from_secs(30), async || {
            alice.api.get("/v1/me").await.status == 200
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn an_address_without_a_token_is_counted_and_people_behind_it_are_not() {
    for backend in Backend::ALL {
        let mut server = Server::start(backend, &[]).await;
        let [alice] = server.people(["alice"]).await;
        server.set("SCAIWAVE_TRUSTED_PROXIES", "127.0.0.1");
        limited(&mut server, &[("ADDRESS", FEW)]);
        let forged = server.stranger().with_token("x.y.z");
        let bucket = used_up(FEW, async || forged.get("/v1/me").await).await;
        assert_eq!(bucket, "address");
        let config = server.stranger().get("/v1/auth/config").await;
        assert_eq!(config.status, 429, "{}", config.text);
        let guess = server.stranger().sign_in("alice", "a wrong guess").await;
        assert_eq!(guess.status, 429);
        alice.api.get("/v1/me").await.data();
        // Somebody else behind the same proxy; and what a client writes there itself is not believed.
        for (forwarded, status) in [("198.51.100.7", 401), ("198.51.100.9, 127.0.0.1", 401)] {
            let other = forged.with_header("x-forwarded-for", forwarded);
            assert_eq!(other.get("/v1/me").await.status, status, "{forwarded}");
        }
        let other = forged.with_header("x-forwarded-for", "1.2.3.4, 198.51.100.7");
        let bucket = used_up(FEW - 1, async || other.get("/v1/me").await).await;
        assert_eq!(bucket, "address");
        server.stranger().get("/health/live").await.ok();
    }
}

#[tokio::test]
async fn sign_ins_are_counted_by_account() {
    for backend in Backend::ALL {
        let mut server = Server::start(backend, &[]).await;
        server.people(["alice", "bob"]).await;
        limited(&mut server, &[("LOGINS", FEW)]);
        let stranger = server.stranger();
        let bucket = used_up(FEW, async || stranger.sign_in("alice", PASSWORD).await).await;
        assert_eq!(bucket, "logins");
        stranger.sign_in("bob", PASSWORD).await.data();
    }
}
