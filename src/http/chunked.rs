//! Bodies in chunks end their connection (RFC 9112, section 6.1).
//!
//! A request with both a length and chunks is read by its chunks. A proxy that reads the length instead takes what follows for
//! the rest of the body, or the other way round: the connection is closed after the answer, so that nobody's words are read as
//! somebody else's request. The length is gone by the time a request can be looked at, so this holds for all chunks.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Version, header};

/// The layer.
pub async fn end_connection(request: Request, next: Next) -> Response {
    let is_chunked = request.version() == Version::HTTP_11
        && request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = next.run(request).await;
    if is_chunked {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}
