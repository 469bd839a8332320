//! The description as it is served: `GET /v1/openapi.json` for programs, `GET /v1/docs` for people. Neither needs a token.

use std::sync::Arc;

use axum::Extension;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::describe::{Answer, Described, Output};
use super::{Routes, get, page};
use crate::app::App;
use crate::http::caller::Visitor;

/// Both forms of the description, written once.
#[derive(Clone, Debug)]
pub struct Published {
    document: Arc<str>,
    page: Arc<str>,
    /// What the page may load: its own style.
    policy: HeaderValue,
}

impl Published {
    /// Writes both.
    #[must_use]
    pub fn of(document: &Value) -> Self {
        Self {
            document: document.to_string().into(),
            page: page::of(document).into(),
            policy: page::policy(),
        }
    }
}

/// Its routes, which need [`Published`] as an extension.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/openapi.json", get(openapi))
        .route("/v1/docs", get(docs))
}

/// The document, ready to be sent.
struct Document(Arc<str>);

impl IntoResponse for Document {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        ([(header::CONTENT_TYPE, json)], self.0.to_string()).into_response()
    }
}

impl Output for Document {
    fn describe(into: &mut Described) {
        into.answers.push(Answer {
            status: StatusCode::OK,
            about: "This description.",
            content: Some(("application/json", json!({"type": "object"}))),
        });
    }
}

async fn openapi(_: Visitor, Extension(published): Extension<Published>) -> Document {
    Document(published.document)
}

async fn docs(
    _: Visitor,
    Extension(published): Extension<Published>,
) -> ([(HeaderName, HeaderValue); 1], Html<String>) {
    let policy = (header::CONTENT_SECURITY_POLICY, published.policy);
    ([policy], Html(published.page.to_string()))
}
