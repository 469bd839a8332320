//! What no route answers: unknown paths and methods, and panics.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt;

use crate::catalogue::Code;
use crate::error::Error;

/// For unknown paths: 404 `SW_NOT_FOUND`.
pub async fn no_such_path() -> Error {
    Error::new(Code::NotFound)
}

/// For known paths with another method: 404 `SW_NOT_FOUND`; the router adds `Allow`.
pub async fn no_such_method() -> Error {
    Error::new(Code::NotFound).message("This method does not exist here.")
}

/// The layer that turns a panic into 500 `SW_INTERNAL_ERROR`.
pub async fn catch_panic(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => Error::new(Code::InternalError)
            .source(format!("panic: {}", text_of(panic.as_ref())))
            .into_response(),
    }
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text,
        (None, None) => "no message",
    }
}
