//! Bodies made to cost much, to break, or to be read in two ways.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::raw::posted;
use crate::support::{Answer, Api, Person, on_both};

const JSON: &str = "application/json";
/// Bytes of a canonical content, at most.
const MAX_CONTENT: usize = 65_536;
/// Longest that a refusal may take: an upper bound for slow machines, far below what work on each element would take.
const AT_ONCE: Duration = Duration::from_secs(10);

async fn raw(api: &Api, path: &str, body: impl Into<String>) -> Answer {
    api.post_raw(path, JSON, body.into()).await
}

/// Opening brackets, and the closing ones.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

#[tokio::test]
async fn deep_and_doubled_json_is_refused() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let send = format!("/v1/rooms/{room}/send");
        let of = |content: &str| format!(r#"{{"content": {{"body": "x", "n": {content}}}}}"#);
        raw(&alice.api, &send, of(&nested(59))).await.ok();
        for body in [
            of(&nested(60)),
            of(&nested(100_000)),
            of(&"[".repeat(500_000)),
            of(&r#"{"a":"#.repeat(100_000)),
            nested(64),
            "[".repeat(1_000_000),
            r#"{"content": {"body": "a"}, "content": {"body": "b"}}"#.to_owned(),
            r#"{"content": {"body": "a", "body": "b"}}"#.to_owned(),
            r#"{"content": {"body": "a", "bod\u0079": "b"}}"#.to_owned(),
            of("9007199254740993"),
            of("1e400"),
            of("-"),
            of(r#""\ud800""#),
            of(r#""\u0000""#),
            of("\"\0\""),
            of("NaN"),
            of("01"),
            format!("\u{feff}{}", of("1")),
            format!("{}{}", of("1"), of("2")),
            String::new(),
        ] {
            let began = Instant::now();
            let answer = raw(&alice.api, &send, body.clone()).await;
            let start: String = body.chars().take(60).collect();
            assert_eq!(answer.status, 422, "{start}: {}", answer.text);
            assert!(began.elapsed() < AT_ONCE, "{start}");
        }
        let not_utf8 =
            alice
                .api
                .post_raw(&send, JSON, b"{\"content\": {\"body\": \"\xff\"}}".to_vec());
        not_utf8.await.refused(422, "SW_VALIDATION_ERROR");
        assert_eq!(alice.bodies(&room).await, ["x"]);
    })
    .await;
}

#[tokio::test]
async fn content_is_as_large_as_it_may_be_and_not_a_byte_larger() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let room = alice.room_with("Garden", &[]).await;
        let frame = r#"{"body":""}"#.len();
        let message = |length: usize| json!({"content": {"body": "x".repeat(length - frame)}});
        let sent = alice.send(&room, &message(MAX_CONTENT)).await.data();
        let over = message(MAX_CONTENT + 1);
        let too_large = alice.send(&room, &over).await;
        too_large.refused(413, "SW_CONTENT_TOO_LARGE");
        let edit = format!(
            "/v1/rooms/{room}/events/{}/edit",
            sent["id"].as_str().unwrap()
        );
        alice
            .api
            .post(&edit, &over)
            .await
            .refused(413, "SW_CONTENT_TOO_LARGE");
        // What is not needed is not counted; what needs more bytes than characters is.
        let send = format!("/v1/rooms/{room}/send");
        let spaced = message(MAX_CONTENT).to_string().replace(':', ":      ");
        raw(&alice.api, &send, spaced).await.ok();
        let umlauts = json!({"content": {"body": "ä".repeat(MAX_CONTENT / 2)}});
        alice
            .send(&room, &umlauts)
            .await
            .refused(413, "SW_CONTENT_TOO_LARGE");

        let before = server.memory_kib();
        let just_over = json!({"content": {"body": "x".repeat(1 << 20)}}).to_string();
        let refused = alice.api.post_raw(&send, JSON, just_over).await;
        refused.refused(413, "SW_CONTENT_TOO_LARGE");
        let token = alice.api.token().unwrap();
        let endless = json!({"content": {"body": "x".repeat(20 << 20)}}).to_string();
        let began = Instant::now();
        let answers = posted(&server, token, &send, &endless).await;
        assert!(answers.iter().all(|status| *status == 413), "{answers:?}");
        assert!(began.elapsed() < AT_ONCE);
        let after = server.memory_kib();
        assert!(after < before + 32 * 1024, "{before} KiB, then {after} KiB");
    })
    .await;
}

#[tokio::test]
async fn a_list_of_mentions_without_end_costs_nothing() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let mention =
            |number: usize| json!({"content": {"body": "x", "mentions": vec![&bob.id; number]}});
        alice.send(&room, &mention(500)).await.data();
        let refused = alice.send(&room, &mention(501)).await;
        refused.refused(422, "SW_VALIDATION_ERROR");
        let send = format!("/v1/rooms/{room}/send");
        let before = server.memory_kib();
        for number in [1_000, 20_000] {
            let began = Instant::now();
            let answer = raw(&alice.api, &send, mention(number).to_string()).await;
            let status = answer.status.as_u16();
            assert!([413, 422].contains(&status), "{number}: {}", answer.text);
            assert!(answer.text.len() < 4096, "nothing is repeated");
            assert!(began.elapsed() < AT_ONCE, "{number}");
        }
        let began = Instant::now();
        let million = mention(1_000_000).to_string();
        let answers = posted(&server, alice.api.token().unwrap(), &send, &million).await;
        assert!(answers.iter().all(|status| *status == 413), "{answers:?}");
        assert!(began.elapsed() < AT_ONCE);
        let zeros = format!(
            r#"{{"content": {{"body": "x", "mentions": [{}0]}}}}"#,
            "0,".repeat(500_000)
        );
        let answer = raw(&alice.api, &send, zeros).await;
        assert!(
            [413, 422].contains(&answer.status.as_u16()),
            "{}",
            answer.text
        );
        let after = server.memory_kib();
        assert!(after < before + 64 * 1024, "{before} KiB, then {after} KiB");
        assert_eq!(alice.bodies(&room).await, ["x"]);
    })
    .await;
}

#[tokio::test]
async fn names_hold_no_nul_and_no_end() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let admin: &Person = server.admin().await;
        let at = |rest: &str| format!("/v1/rooms/{room}{rest}");
        let account = |name: &str, value: &str| {
            let mut account = json!({"local_id": "carol", "display_name": "Carol", "password": "a long password"});
            account[name] = json!(value);
            account
        };
        for text in ["a\0b", "\0", &"x".repeat(100_000)] {
            let named: [(&Api, &str, String, Value); 12] = [
                (&alice.api, "POST", "/v1/rooms".to_owned(), json!({"name": text})),
                (&alice.api, "POST", "/v1/rooms".to_owned(), json!({"name": "x", "topic": text})),
                (&alice.api, "PUT", at("/name"), json!({"name": text})),
                (&alice.api, "PUT", at("/topic"), json!({"topic": text})),
                (&alice.api, "POST", at("/kick"), json!({"participant_id": bob.id, "reason": text})),
                (&alice.api, "PUT", "/v1/me".to_owned(), json!({"display_name": text})),
                (&alice.api, "PUT", "/v1/me".to_owned(), json!({"bio": text})),
                (&alice.api, "POST", "/v1/me/tokens".to_owned(), json!({"name": text})),
                (&alice.api, "PUT", "/v1/me/preferences".to_owned(), json!({"keyword_alerts": [text]})),
                (&admin.api, "POST", "/v1/admin/users".to_owned(), account("local_id", text)),
                (&admin.api, "POST", "/v1/admin/users".to_owned(), account("display_name", text)),
                (&admin.api, "POST", "/v1/admin/users".to_owned(), account("email", text)),
            ];
            for (api, method, path, body) in named {
                let answer = api.try_call(method.parse().unwrap(), &path, Some(&body));
                let answer = answer.await.unwrap();
                let start: String = body.to_string().chars().take(60).collect();
                assert_eq!(answer.status, 422, "{method} {path} {start}: {}", answer.text);
            }
            let form = format!("grant_type=password&username={}&password=x", text.replace('\0', "%00"));
            let form_type = "application/x-www-form-urlencoded";
            let answer = server.stranger().post_raw("/v1/auth/token", form_type, form).await;
            assert!([401, 422].contains(&answer.status.as_u16()), "{}", answer.text);
        }
        assert_eq!(alice.room(&room).await["name"], "Garden");
        assert_eq!(alice.room(&room).await["member_count"], 2);
    })
    .await;
}
