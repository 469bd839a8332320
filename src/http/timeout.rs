//! How long a request may take, reading its body included. Long polls, sockets, uploads and downloads are not under this layer.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::catalogue::Code;
use crate::error::Error;

/// The layer: 503 `SW_SERVICE_UNAVAILABLE` once `limit` has passed.
pub async fn limit(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Error::new(Code::ServiceUnavailable)
            .message("The request took too long.")
            .source(format!("not finished after {} s", limit.as_secs()))
            .into_response(),
    }
}
