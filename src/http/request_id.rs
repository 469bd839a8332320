//! The request's id, and the log span that carries it: the outermost layer.
//!
//! Every response has `X-Request-Id`: what the caller sent, if it is 8 to 64 of `A-Za-z0-9._-`, or a new one. Errors get their body
//! here, because it names the id.

use axum::extract::{FromRequestParts, MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::request::Parts;
use http::{HeaderName, HeaderValue};
use rand::RngExt;
use tracing::Instrument;
use tracing::field::Empty;

use crate::catalogue::Code;
use crate::error::{Error, Result, render};

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request. An extractor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    fn of(request: &Request) -> Self {
        match request.headers().get(HEADER) {
            Some(sent) if is_acceptable(sent.as_bytes()) => Self(sent.clone()),
            _ => Self::random(),
        }
    }

    fn random() -> Self {
        let text = format!("{:032x}", rand::rng().random::<u128>());
        Self(HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("unknown-request")))
    }
}

fn is_acceptable(id: &[u8]) -> bool {
    (8..=64).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

impl<S: Send + Sync> FromRequestParts<S> for RequestId {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let id = parts.extensions.get::<Self>().cloned();
        id.ok_or_else(|| {
            Error::new(Code::InternalError).source("the layer of request ids is missing")
        })
    }
}

/// The layer.
pub async fn attach(mut request: Request, next: Next) -> Response {
    let id = RequestId::of(&request);
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("", MatchedPath::as_str);
    let span = tracing::info_span!("request", request_id = id.as_str(), tenant = Empty, method = %request.method(), route);
    request.extensions_mut().insert(id.clone());
    async {
        let response = next.run(request).await;
        tracing::debug!(status = response.status().as_u16(), "answered");
        let mut response = render(response, id.as_str());
        response.headers_mut().insert(HEADER, id.0);
        response
    }
    .instrument(span)
    .await
}

/// Notes the tenant of the request under way in its log span; `slug` is the tenant's.
pub fn note_tenant(slug: &str) {
    tracing::Span::current().record("tenant", slug);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(sent: Option<&str>) -> String {
        let mut request = Request::new(axum::body::Body::empty());
        if let Some(sent) = sent {
            request.headers_mut().insert(HEADER, sent.parse().unwrap());
        }
        RequestId::of(&request).as_str().to_owned()
    }

    #[test]
    fn the_callers_id_is_kept_if_it_has_the_form() {
        for sent in ["12345678", "a.B_c-d9", &"x".repeat(64)] {
            assert_eq!(id(Some(sent)), sent);
        }
    }

    #[test]
    fn others_are_replaced_by_a_new_one() {
        for sent in [
            None,
            Some("1234567"),
            Some("a b c d e"),
            Some("abcd/efgh"),
            Some(&*"x".repeat(65)),
        ] {
            let new = id(sent);
            assert!(is_acceptable(new.as_bytes()));
            assert_ne!(Some(new.as_str()), sent);
            assert_ne!(new, id(sent));
        }
    }
}
