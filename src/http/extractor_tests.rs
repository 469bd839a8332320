//! What clients get from the extractors, through a router.

use axum::Router;
use axum::body::Body as HttpBody;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use garde::Validate;
use http::Request;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;
use uuid::Uuid;

use super::envelope::{Data, DataMeta};
use super::fields::refuse;
use super::form::JsonOrForm;
use super::json::Body;
use super::paging::{CursorPage, Next, OffsetPage};
use super::path::{Path, PathId};
use super::query::Query;
use crate::catalogue::Code;
use crate::error::{Reason, Result, render};

#[derive(Deserialize, Serialize, Validate)]
struct Cat {
    #[garde(length(chars, min = 1, max = 10), custom(not_dog))]
    name: String,
    #[garde(range(max = 9))]
    lives: Option<u8>,
    #[garde(skip)]
    mood: Option<Mood>,
    #[garde(dive)]
    #[serde(default)]
    kittens: Vec<Cat>,
    #[garde(skip)]
    owner: Option<Uuid>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Sleepy,
    Hungry,
}

fn not_dog(name: &str, _: &()) -> garde::Result {
    match name {
        "dog" => Err(refuse(Reason::Taken, "belongs to another animal")),
        _ => Ok(()),
    }
}

#[derive(Deserialize, Serialize, Validate)]
#[garde(allow_unvalidated)]
struct Filter {
    lives: Option<u8>,
    asleep: Option<bool>,
    q: Option<String>,
}

fn router() -> Router {
    Router::new()
        .route("/cats", post(async |Body(cat): Body<Cat>| Data(cat)))
        .route(
            "/form",
            post(async |JsonOrForm(cat): JsonOrForm<Cat>| Data(cat)),
        )
        .route(
            "/filter",
            get(async |Query(filter): Query<Filter>| Data(filter)),
        )
        .route(
            "/offset",
            get(async |page: OffsetPage| Data([page.limit, page.offset])),
        )
        .route("/numbers", get(numbers))
        .route(
            "/timeline",
            get(async |page: CursorPage| page.position().map(Data)),
        )
        .route("/cats/{id}", get(one))
        .layer(DefaultBodyLimit::max(300))
}

async fn one(Path(id): Path<PathId<Uuid>>) -> Result<Data<Uuid>> {
    Ok(Data(id.or(Code::RoomNotFound)?))
}

/// Ten numbers, paged by key.
async fn numbers(page: CursorPage<4, 5>) -> Result<impl IntoResponse> {
    let after: i64 = page.key()?.unwrap_or(0);
    let mut rows: Vec<i64> = (1..=10)
        .filter(|n| *n > after)
        .take(page.fetch() as usize)
        .collect();
    let next = Next::of(&mut rows, page.limit, |n| *n);
    Ok(DataMeta(rows, next))
}

async fn answer(request: Request<HttpBody>) -> (u16, Value) {
    let response = router().oneshot(request).await.unwrap();
    let response = render(response, "test-request");
    let status = response.status().as_u16();
    let body = axum::body::to_bytes(response.into_body(), 10_000)
        .await
        .unwrap();
    (status, serde_json::from_slice(&body).unwrap())
}

async fn send(path: &str, content_type: &str, body: impl Into<HttpBody>) -> (u16, Value) {
    let request = Request::post(path).header("content-type", content_type);
    answer(request.body(body.into()).unwrap()).await
}

async fn fetch(path: &str) -> (u16, Value) {
    answer(Request::get(path).body(HttpBody::empty()).unwrap()).await
}

/// `path: reason` of each refused field.
fn refusals(answer: (u16, Value)) -> Vec<String> {
    assert_eq!(answer.0, 422, "{}", answer.1);
    assert_eq!(answer.1["error"]["code"], "SW_VALIDATION_ERROR");
    let fields = answer.1["error"]["details"]["fields"].as_array().unwrap();
    let word = |field: &Value, name: &str| field[name].as_str().unwrap().to_owned();
    fields
        .iter()
        .map(|field| format!("{}: {}", word(field, "path"), word(field, "reason")))
        .collect()
}

#[tokio::test]
async fn a_good_body_reaches_the_handler() {
    for content_type in ["application/json", "Application/JSON; charset=utf-8"] {
        let body = r#"{"name": "Mia", "mood": "sleepy", "later": "ignored"}"#;
        let (status, answer) = send("/cats", content_type, body).await;
        assert_eq!(status, 200, "{answer}");
        assert_eq!(answer["data"]["name"], "Mia");
    }
}

#[tokio::test]
async fn each_wrong_field_is_named_with_its_reason() {
    for (body, refusal) in [
        ("{}", "body.name: missing"),
        ("", "body.name: missing"),
        (r#"{"name": 3}"#, "body.name: type"),
        (r#"{"name": null}"#, "body.name: type"),
        (r#"{"name": "Mia", "mood": "angry"}"#, "body.mood: enum"),
        (r#"{"name": "Mia", "lives": -1}"#, "body.lives: range"),
        (r#"{"name": "Mia", "owner": "x"}"#, "body.owner: format"),
        (r#"{"name": ""}"#, "body.name: length"),
        (r#"{"name": "ABCDEFGHIJK"}"#, "body.name: length"),
        (r#"{"name": "dog"}"#, "body.name: taken"),
        (r#"{"name": "Mia", "lives": 10}"#, "body.lives: range"),
        (
            r#"{"name": "Mia", "kittens": [{"name": "Tom"}, {"name": ""}]}"#,
            "body.kittens[1].name: length",
        ),
        (
            r#"{"name": "Mia", "kittens": [{"lives": 1}]}"#,
            "body.kittens[0].name: missing",
        ),
        (r#"["Mia"]"#, "body: type"),
        (r#"{"name": "#, "body: json"),
        ("\u{feff}{}", "body: json"),
        (r#"{"name": "Mia", "name": "Tom"}"#, "body.name: duplicate"),
        (r#"{"name": "M\u0000"}"#, "body.name: json"),
        (r#"{"name": "\ud83d"}"#, "body.name: json"),
        (
            r#"{"name": "Mia", "lives": 9007199254740992}"#,
            "body.lives: range",
        ),
    ] {
        assert_eq!(
            refusals(send("/cats", "application/json", body).await),
            [refusal],
            "{body}"
        );
    }
}

#[tokio::test]
async fn all_broken_rules_are_listed_at_once() {
    let body = r#"{"name": "", "lives": 10}"#;
    let refused = refusals(send("/cats", "application/json", body).await);
    assert_eq!(refused, ["body.lives: range", "body.name: length"]);
}

#[tokio::test]
async fn what_was_sent_is_never_repeated() {
    for body in [
        r#"{"name": "Mia", "mood": "s3cret, expected s3cret"}"#,
        r#"{"name": "Mia", "lives": "s3cret, expected s3cret"}"#,
        r#"{"name": "Mia", "owner": "s3cret"}"#,
        r#"{"name": "s3crets3cret"}"#,
    ] {
        let (status, answer) = send("/cats", "application/json", body).await;
        assert_eq!(status, 422);
        assert!(!answer.to_string().contains("s3cret"), "{answer}");
    }
}

#[tokio::test]
async fn another_content_type_is_refused() {
    for content_type in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "",
    ] {
        let refused = refusals(send("/cats", content_type, r#"{"name": "Mia"}"#).await);
        assert_eq!(refused, ["header.content-type: format"], "{content_type}");
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large_whether_or_not_it_says_its_length() {
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(300));
    let stream = futures::stream::iter([Ok::<_, std::io::Error>(large.clone())]);
    for body in [HttpBody::from(large), HttpBody::from_stream(stream)] {
        let (status, answer) = send("/cats", "application/json", body).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (413, &json!("SW_CONTENT_TOO_LARGE"))
        );
    }
}

#[tokio::test]
async fn a_form_does_where_json_does() {
    let form = "application/x-www-form-urlencoded";
    let (status, answer) = send("/form", form, "name=M+%C3%AF%61&lives=7").await;
    assert_eq!(
        (status, &answer["data"]["name"]),
        (200, &json!("M ïa")),
        "{answer}"
    );
    let (status, _) = send("/form", "application/json", r#"{"name": "Mia"}"#).await;
    assert_eq!(status, 200);
    for (body, refusal) in [
        ("lives=7", "body.name: missing"),
        ("name=Mia&name=Tom", "body.name: duplicate"),
        ("name=%FF", "body: format"),
        ("name=%00", "body: format"),
    ] {
        assert_eq!(
            refusals(send("/form", form, body).await),
            [refusal],
            "{body}"
        );
    }
}

#[tokio::test]
async fn query_fields_are_named_with_their_reason() {
    let (status, answer) = fetch("/filter?lives=9&asleep=true&q=a%20b&other=1").await;
    assert_eq!(
        (status, answer),
        (
            200,
            json!({"data": {"lives": 9, "asleep": true, "q": "a b"}})
        )
    );
    for (query, refusal) in [
        ("lives=x", "query.lives: type"),
        ("lives=", "query.lives: type"),
        ("lives=300", "query.lives: range"),
        ("asleep=1", "query.asleep: type"),
        ("q=1&q=2", "query.q: duplicate"),
        ("q=%C3", "query: format"),
    ] {
        assert_eq!(
            refusals(fetch(&format!("/filter?{query}")).await),
            [refusal],
            "{query}"
        );
    }
    let long = format!("/filter?q={}", "x".repeat(8 * 1024));
    assert_eq!(refusals(fetch(&long).await), ["query: length"]);
}

#[tokio::test]
async fn a_page_is_lowered_when_too_large_and_refused_when_senseless() {
    for (query, page) in [
        ("", [50, 0]),
        ("?limit=1&offset=10000", [1, 10_000]),
        ("?limit=200", [200, 0]),
        ("?limit=201", [200, 0]),
        ("?limit=99999999999999999999999", [200, 0]),
    ] {
        assert_eq!(
            fetch(&format!("/offset{query}")).await,
            (200, json!({ "data": page })),
            "{query}"
        );
    }
    for (query, refusal) in [
        ("limit=0", "query.limit: range"),
        ("limit=-1", "query.limit: range"),
        ("limit=abc", "query.limit: type"),
        ("limit=1.5", "query.limit: type"),
        ("limit=", "query.limit: type"),
        ("offset=10001", "query.offset: range"),
        ("offset=-1", "query.offset: range"),
    ] {
        assert_eq!(
            refusals(fetch(&format!("/offset?{query}")).await),
            [refusal],
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_with_cursors_tile_the_list() {
    let mut seen = Vec::new();
    let mut from = String::new();
    loop {
        let (status, answer) = fetch(&format!("/numbers?limit=3{from}")).await;
        assert_eq!(status, 200);
        seen.extend(
            answer["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(Value::as_i64),
        );
        match answer["meta"]["next_cursor"].as_str() {
            Some(cursor) => from = format!("&from={cursor}"),
            None => {
                assert_eq!(
                    answer["meta"],
                    json!({"has_more": false, "next_cursor": null})
                );
                break;
            }
        }
        assert_eq!(answer["meta"]["has_more"], true);
    }
    assert_eq!(seen, (1..=10).collect::<Vec<i64>>());
}

#[tokio::test]
async fn a_cursor_of_no_list_is_refused() {
    for from in ["x", "%20", "eyJ4IjoxfQ", &"A".repeat(2_000)] {
        assert_eq!(
            refusals(fetch(&format!("/numbers?from={from}")).await),
            ["query.from: format"]
        );
    }
    assert_eq!(fetch("/timeline?from=17").await, (200, json!({"data": 17})));
    for from in ["abc", "-1", "", "99999999999999999999"] {
        assert_eq!(
            refusals(fetch(&format!("/timeline?from={from}")).await),
            ["query.from: format"]
        );
    }
}

#[tokio::test]
async fn a_malformed_id_answers_like_a_missing_resource() {
    let (status, _) = fetch("/cats/01890a5d-ac96-774b-bcce-b302099a8057").await;
    assert_eq!(status, 200);
    let (status, answer) = fetch("/cats/whiskers").await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &json!("SW_ROOM_NOT_FOUND"))
    );
    for undecodable in ["/cats/%FF", "/cats/%00"] {
        let (status, answer) = fetch(undecodable).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (404, &json!("SW_NOT_FOUND"))
        );
    }
}

#[tokio::test]
async fn nesting_is_bounded() {
    let nested = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"name": "Mia", "deep": {open}{close}}}"#)
    };
    let (status, _) = send("/cats", "application/json", nested(63)).await;
    assert_eq!(status, 200);
    let (status, _) = send("/cats", "application/json", nested(64)).await;
    assert_eq!(status, 422);
}
