use axum::body::{Body as Sent, to_bytes};
use axum::response::IntoResponse;
use garde::Validate;
use http::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::describe::{Answer, Described, Output};
use super::{Routes, document, get, page};
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::RoomId;
use crate::http::envelope::{Data, DataMeta};
use crate::http::json::Body;
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;

/// A cat of a room.
#[derive(Serialize, utoipa::ToSchema)]
struct Cat {
    name: String,
    /// What it is called for short.
    nickname: Option<String>,
}

#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct NewCat {
    name: String,
    nickname: Option<String>,
}

#[derive(Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct Which {
    colour: Option<String>,
}

async fn cats(
    _: Path<PathId<RoomId>>,
    Query(which): Query<Which>,
    _: OffsetPage,
) -> Result<DataMeta<Vec<Cat>, Total>> {
    let cats = which.colour.map(|colour| Cat {
        name: colour,
        nickname: None,
    });
    let cats: Vec<_> = cats.into_iter().collect();
    Ok(DataMeta(cats, Total { total: 1 }))
}

async fn adopt(Path(room): Path<PathId<RoomId>>, Body(new): Body<NewCat>) -> Result<Data<Cat>> {
    room.or(Code::RoomNotFound)?;
    Ok(Data(Cat {
        name: new.name,
        nickname: new.nickname,
    }))
}

fn routes() -> Routes<()> {
    Routes::new().route("/v1/rooms/{room_id}/cats", get(cats).post(adopt))
}

fn described() -> Value {
    document::of(routes().documented())
}

#[test]
fn a_description_comes_from_the_types_alone() {
    let document = described();
    let list = &document["paths"]["/v1/rooms/{room_id}/cats"]["get"];
    assert_eq!(list["operationId"], "get_rooms_room_id_cats");
    assert_eq!(list["summary"], "Cats");
    assert_eq!(list["security"], json!([]));
    let parameters = list["parameters"].as_array().unwrap();
    let names: Vec<_> = parameters.iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["room_id", "colour", "limit", "offset"]);
    assert_eq!(
        parameters[1],
        json!({"in": "query", "name": "colour", "required": false, "schema": {"type": "string"}})
    );
    assert_eq!(
        list["responses"]["200"]["content"]["application/json"]["schema"],
        json!({
            "type": "object",
            "properties": {
                "data": {"type": "array", "items": {"$ref": "#/components/schemas/Cat"}},
                "meta": {"$ref": "#/components/schemas/Total"},
            },
            "required": ["data", "meta"],
        })
    );
    let statuses: Vec<_> = list["responses"].as_object().unwrap().keys().collect();
    assert_eq!(statuses, ["200", "404", "422", "500", "503"]);
}

#[test]
fn what_is_left_out_of_requests_is_null_in_answers() {
    let schemas = &described()["components"]["schemas"];
    assert_eq!(schemas["NewCat"]["required"], json!(["name"]));
    assert_eq!(schemas["Cat"]["required"], json!(["name", "nickname"]));
}

#[test]
fn what_changes_something_can_be_refused_for_the_state_of_things() {
    let document = described();
    let adopt = &document["paths"]["/v1/rooms/{room_id}/cats"]["post"];
    assert_eq!(
        adopt["requestBody"],
        json!({
            "required": true,
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewCat"}}},
        })
    );
    for status in ["400", "401", "403", "404", "409", "413", "422"] {
        assert!(adopt["responses"][status].is_object(), "{status}");
    }
    let conflict = document["components"]["responses"]["Conflict"]["description"].as_str();
    assert!(conflict.unwrap().contains("`SW_ROOM_FROZEN`"));
}

#[test]
fn the_page_shows_every_operation_and_runs_nothing() {
    let page = page::of(&described());
    assert_eq!(page.matches("<details").count(), 2);
    assert!(page.contains("A cat of a room."));
    assert!(page.contains("/v1/rooms/{room_id}/cats"));
    for forbidden in [
        "<script", "<link", "src=", "http://", "https://", "style=\"",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    let policy = page::policy();
    assert!(policy.to_str().unwrap().contains("style-src 'sha256-"));
}

/// An answer that its description keeps back.
struct Surprise;

impl IntoResponse for Surprise {
    fn into_response(self) -> axum::response::Response {
        StatusCode::IM_A_TEAPOT.into_response()
    }
}

impl Output for Surprise {
    fn describe(into: &mut Described) {
        into.answers.push(Answer {
            status: StatusCode::OK,
            about: "Tea.",
            content: None,
        });
    }
}

async fn tea() -> Surprise {
    Surprise
}

async fn gone() -> Result<Data<bool>> {
    Err(Error::new(Code::CallEnded))
}

async fn asked(method: Method, path: &str) -> (StatusCode, String) {
    let routes = routes()
        .route("/v1/tea", get(tea))
        .route("/v1/gone", get(gone));
    let request = Request::builder().method(method).uri(path);
    let request = request.body(Sent::empty()).unwrap();
    let response = routes.into_router().oneshot(request).await.unwrap();
    let response = crate::error::render(response, "request-1");
    let status = response.status();
    let body = to_bytes(response.into_body(), 10_000).await.unwrap();
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn an_answer_that_the_description_lacks_fails_in_tests() {
    let room = format!("/v1/rooms/{}/cats", uuid::Uuid::nil());
    assert_eq!(asked(Method::GET, &room).await.0, 200);
    assert_eq!(asked(Method::GET, &format!("{room}?limit=0")).await.0, 422);
    assert_eq!(asked(Method::PUT, &room).await.0, 405);
    for path in ["/v1/tea", "/v1/gone"] {
        let (status, body) = asked(Method::GET, path).await;
        assert_eq!(status, 500, "{path}");
        assert!(body.contains("SW_INTERNAL_ERROR"), "{body}");
    }
}
