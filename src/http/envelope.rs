//! The envelope of successful answers: `{"data": …, "meta": {…}}`, `meta` only where there is something to say.

#![expect(
    clippy::disallowed_types,
    reason = "this module is what wraps axum's Json for answers"
)]

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::db::Committed;

/// Answers 200 with `{"data": T}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data<T>(pub T);

/// Answers 200 with `{"data": T, "meta": M}`; `M` is an object, such as [`Total`](super::paging::Total) or
/// [`Next`](super::paging::Next).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataMeta<T, M>(pub T, pub M);

/// The answer of an endpoint that has nothing to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Done {
    ok: bool,
}

/// Answers 200 with `{"data": {"ok": true}}`.
#[must_use]
pub const fn ok() -> Data<Done> {
    Data(Done { ok: true })
}

#[derive(Serialize)]
struct Envelope<T, M> {
    data: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<M>,
}

impl<T: Serialize> IntoResponse for Data<T> {
    fn into_response(self) -> Response {
        let meta: Option<()> = None;
        Json(Envelope { data: self.0, meta }).into_response()
    }
}

impl<T: Serialize, M: Serialize> IntoResponse for DataMeta<T, M> {
    fn into_response(self) -> Response {
        let Self(data, meta) = self;
        let meta = Some(meta);
        Json(Envelope { data, meta }).into_response()
    }
}

impl<R: IntoResponse> IntoResponse for Committed<R> {
    fn into_response(self) -> Response {
        self.into_inner().into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::http::paging::Total;

    async fn body(answer: impl IntoResponse) -> Value {
        let response = answer.into_response();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
        let body = to_bytes(response.into_body(), 1_000).await.unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[tokio::test]
    async fn meta_appears_only_where_there_is_something_to_say() {
        assert_eq!(body(Data([1, 2])).await, json!({"data": [1, 2]}));
        assert_eq!(
            body(DataMeta([1, 2], Total { total: 7 })).await,
            json!({"data": [1, 2], "meta": {"total": 7}})
        );
    }

    #[tokio::test]
    async fn nothing_to_show_is_ok() {
        assert_eq!(body(ok()).await, json!({"data": {"ok": true}}));
    }
}
