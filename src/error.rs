//! The one error type of the HTTP side, and the only place that turns an error into a response.
//!
//! A domain has an error enum of its own that implements [`Coded`]; `?` makes an [`Error`] of it. A handler's [`Error`] leaves as an
//! empty response that carries the error in its extensions; [`crate::http::request_id`] calls [`render`] on it, because only
//! there the request's id is known. The source of an error is logged there once and never sent.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;
use serde_json::{Value, json};

use crate::catalogue::Code;

/// What a fallible function of the HTTP side returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause of any type, kept for the log.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// A domain's error: says which code of the catalogue its situation has.
///
/// `Display` is the message that clients see, so it names nothing that they must not know. The error's own
/// [`source`](std::error::Error::source) goes into the log.
pub trait Coded: std::error::Error {
    /// The code of this situation.
    fn code(&self) -> Code;

    /// The `details` object of the answer, if there is something for a program to read.
    fn details(&self) -> Option<Value> {
        None
    }

    /// How long the caller should wait before it tries again.
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}

/// An error on its way out: a code of the catalogue, a message for people, details for programs.
#[derive(Debug)]
pub struct Error {
    code: Code,
    message: Cow<'static, str>,
    details: Option<Value>,
    retry_after: Option<Duration>,
    source: Option<Source>,
}

/// Why a field is refused: the fixed words of `details.fields[].reason` (client specification, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A required field is absent.
    Missing,
    /// The field has another JSON type.
    Type,
    /// The body is no JSON that this server reads.
    Json,
    /// The text has the wrong form.
    Format,
    /// The text is none of the allowed words.
    Enum,
    /// The number or time is out of range.
    Range,
    /// The text or list is too short or too long.
    Length,
    /// The same key or element occurs twice.
    Duplicate,
    /// Somebody else has the name.
    Taken,
    /// Two fields contradict each other.
    Conflict,
    /// The value is kept for the server's own use.
    Reserved,
    /// No such key.
    UnknownKey,
}

impl Reason {
    const ALL: [Self; 12] = [
        Self::Missing,
        Self::Type,
        Self::Json,
        Self::Format,
        Self::Enum,
        Self::Range,
        Self::Length,
        Self::Duplicate,
        Self::Taken,
        Self::Conflict,
        Self::Reserved,
        Self::UnknownKey,
    ];

    /// The word in the answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Type => "type",
            Self::Json => "json",
            Self::Format => "format",
            Self::Enum => "enum",
            Self::Range => "range",
            Self::Length => "length",
            Self::Duplicate => "duplicate",
            Self::Taken => "taken",
            Self::Conflict => "conflict",
            Self::Reserved => "reserved",
            Self::UnknownKey => "unknown_key",
        }
    }

    /// The reason that has this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One entry of `details.fields`. Neither member ever repeats what was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Where the field is, such as `body.content.body` or `query.limit`.
    pub path: String,
    /// Why it is refused, for programs.
    pub reason: Reason,
    /// Why it is refused, for people.
    pub message: Cow<'static, str>,
}

impl Error {
    /// An error with the code's default message.
    #[must_use]
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            message: Cow::Borrowed(code.default_message()),
            details: None,
            retry_after: None,
            source: None,
        }
    }

    /// A 422 about a single field.
    #[must_use]
    pub fn validation(
        path: impl Into<String>,
        reason: Reason,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::invalid_fields(vec![Field {
            path: path.into(),
            reason,
            message: message.into(),
        }])
    }

    /// A 422 about several fields.
    #[must_use]
    pub fn invalid_fields(fields: Vec<Field>) -> Self {
        Self::new(Code::ValidationError).details(json!({ "fields": fields }))
    }

    /// Replaces the message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.message = message.into();
        self
    }

    /// Sets `details`, which is an object.
    #[must_use]
    pub fn details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Asks the caller to wait: becomes the header `Retry-After`, in whole seconds, at least one.
    #[must_use]
    pub const fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn source(mut self, source: impl Into<Source>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The code.
    #[must_use]
    pub const fn code(&self) -> Code {
        self.code
    }

    /// The message for people.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.message
    }

    /// The cause, which is for logs and for the operator's own terminal, never for clients.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.source {
            Some(source) => Some(source.as_ref()),
            None => None,
        }
    }

    /// The details for programs.
    #[must_use]
    pub const fn details_value(&self) -> Option<&Value> {
        self.details.as_ref()
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl<E: Coded + Send + Sync + 'static> From<E> for Error {
    fn from(error: E) -> Self {
        Self {
            code: error.code(),
            message: Cow::Owned(error.to_string()),
            details: error.details(),
            retry_after: error.retry_after(),
            source: Some(Box::new(error)),
        }
    }
}

/// The error inside the extensions of a response that still waits for its body.
#[derive(Clone)]
struct Unrendered(Arc<Error>);

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        response.extensions_mut().insert(Unrendered(Arc::new(self)));
        response
    }
}

/// Gives a response that came from an [`Error`] its body and headers, and logs a fault of the server with its cause.
/// Other responses stay as they are.
#[must_use]
pub fn render(mut response: Response, request_id: &str) -> Response {
    let Some(Unrendered(error)) = response.extensions_mut().remove::<Unrendered>() else {
        return response;
    };
    log(&error);
    let mut body = json!({
        "code": error.code,
        "message": error.message,
        "request_id": request_id,
    });
    if let Some(details) = &error.details {
        body["details"] = details.clone();
    }
    let (mut parts, _) = response.into_parts();
    let headers = &mut parts.headers;
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.remove(header::CONTENT_LENGTH);
    if let Some(wait) = error.retry_after {
        let seconds = wait.as_millis().div_ceil(1000).max(1);
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    Response::from_parts(parts, json!({ "error": body }).to_string().into())
}

fn log(error: &Error) {
    if error.code.status().is_server_error() {
        tracing::error!(code = %error.code, message = %error.message, cause = %causes(error), "request failed");
    } else {
        tracing::debug!(code = %error.code, message = %error.message, cause = %causes(error), "request refused");
    }
}

/// The chain of causes in one line.
fn causes(error: &Error) -> String {
    let chain = std::iter::successors(error.cause(), |cause| cause.source());
    chain
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("there is no room for another cat")]
    struct NoRoom(#[source] std::io::Error);

    impl Coded for NoRoom {
        fn code(&self) -> Code {
            Code::TenantCapacity
        }
        fn details(&self) -> Option<Value> {
            Some(json!({ "cats": 9 }))
        }
    }

    async fn sent(error: Error) -> (Response<()>, Value) {
        let (parts, body) = render(error.into_response(), "request-1").into_parts();
        let body = to_bytes(body, 10_000).await.unwrap();
        (
            Response::from_parts(parts, ()),
            serde_json::from_slice(&body).unwrap(),
        )
    }

    #[tokio::test]
    async fn an_error_is_code_message_and_request_id() {
        let (response, body) = sent(Error::new(Code::RoomNotFound)).await;
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "application/json");
        assert_eq!(
            body,
            json!({"error": {"code": "SW_ROOM_NOT_FOUND", "message": "There is no such room.", "request_id": "request-1"}})
        );
    }

    #[tokio::test]
    async fn a_domain_error_brings_its_code_and_details_but_never_its_cause() {
        let secret = std::io::Error::other("password hunter2");
        let (response, body) = sent(NoRoom(secret).into()).await;
        assert_eq!(response.status(), 409);
        assert_eq!(body["error"]["message"], "there is no room for another cat");
        assert_eq!(body["error"]["details"], json!({"cats": 9}));
        assert!(!body.to_string().contains("hunter2"));
    }

    #[tokio::test]
    async fn a_wait_is_rounded_up_to_whole_seconds() {
        for (wait, header) in [(0, "1"), (1, "1"), (1_000, "1"), (1_001, "2")] {
            let error = Error::new(Code::RateLimitExceeded);
            let (response, _) = sent(error.retry_after(Duration::from_millis(wait))).await;
            assert_eq!(response.headers()["retry-after"], header);
        }
    }

    #[tokio::test]
    async fn refused_fields_are_listed() {
        let error = Error::validation("body.name", Reason::UnknownKey, "is not known");
        let (response, body) = sent(error).await;
        assert_eq!(response.status(), 422);
        assert_eq!(
            body["error"]["details"],
            json!({"fields": [{"path": "body.name", "reason": "unknown_key", "message": "is not known"}]})
        );
    }

    #[tokio::test]
    async fn other_responses_pass_unchanged() {
        let response = render("hello".into_response(), "request-1");
        let body = to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "hello");
    }

    #[test]
    fn the_log_has_the_whole_chain() {
        let error = Error::from(NoRoom(std::io::Error::other("disk full")));
        assert_eq!(
            causes(&error),
            "there is no room for another cat: disk full"
        );
    }
}
