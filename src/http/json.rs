//! Bounded, strict JSON bodies: [`Body`] reads, checks and refuses in the catalogue's words.

use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use garde::Validate;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::fields;
use super::named_tenant::ActingTenant;
use crate::catalogue::Code;
use crate::error::{Error, Reason, Result};
use crate::events::core::json::{self as strict_json, JsonError, Limits};

/// Deepest nesting of a body (client specification, section 1).
const MAX_DEPTH: usize = 64;

/// A JSON object as the request's body, deserialised and validated.
///
/// No body at all counts as `{}`. Unknown fields are ignored. The size is bounded by the router's `DefaultBodyLimit`.
///
/// # Errors
/// 403 `SW_AUTH_TENANT_MISMATCH`; 413 `SW_CONTENT_TOO_LARGE`; 422 `SW_VALIDATION_ERROR` for another content type, bad JSON, and fields that serde or garde refuse.
#[derive(Clone, Debug)]
pub struct Body<T>(pub T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let is_json = has_media_type(request.headers(), "application/json");
        let acting = request.extensions().get::<ActingTenant>().cloned();
        let bytes = read(request).await?;
        if !is_json && !bytes.is_empty() {
            return Err(wrong_content_type("must be application/json"));
        }
        object(&bytes, acting.as_ref()).map(Self)
    }
}

/// Reads a body up to the router's limit.
pub(crate) async fn read(request: Request) -> Result<Bytes> {
    match request.into_limited_body().collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_long(&error) => {
            Err(Error::new(Code::ContentTooLarge).message("The body is too large."))
        }
        Err(error) => {
            Err(
                Error::validation("body", Reason::Format, "ended before it was complete")
                    .source(error),
            )
        }
    }
}

fn is_too_long(error: &axum::Error) -> bool {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| error.source())
        .any(|error| error.is::<LengthLimitError>())
}

/// Reads an object of another server, to which this server's tenants mean nothing; an empty text counts as an empty object.
pub(crate) fn foreign_value(bytes: &[u8]) -> Result<serde_json::Value> {
    let limits = Limits {
        max_bytes: usize::MAX, // The router's limit has been applied already.
        max_depth: MAX_DEPTH,
    };
    strict_json::read(bytes, limits).map_err(|error| not_strict(&error))
}

/// Reads an object of another server.
pub(crate) fn foreign_object<T>(bytes: &[u8]) -> Result<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    object(bytes, None)
}

/// Reads an object, which may not name another tenant than the one in which the request acts; an empty text counts as
/// an empty object.
pub(super) fn object<T>(bytes: &[u8], acting: Option<&ActingTenant>) -> Result<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    let bytes = if bytes.is_empty() { b"{}" } else { bytes };
    let limits = Limits {
        max_bytes: usize::MAX, // The router's limit has been applied already.
        max_depth: MAX_DEPTH,
    };
    let value = strict_json::read(bytes, limits).map_err(|error| not_strict(&error))?;
    // serde would also fill a struct from a list, by position.
    if !value.is_object() {
        return Err(Error::validation("body", Reason::Type, "must be an object"));
    }
    if let Some(acting) = acting {
        acting.insist_on_body(&value)?;
    }
    let value = serde_path_to_error::deserialize(value)
        .map_err(|error| fields::undeserializable("body", &error))?;
    fields::validate(&value, "body")?;
    Ok(value)
}

fn not_strict(error: &JsonError) -> Error {
    let path = fields::join("body", error.path().unwrap_or_default());
    let (reason, message) = match error {
        JsonError::Duplicate { .. } => (Reason::Duplicate, "occurs twice"),
        JsonError::Number { .. } => (Reason::Range, "must be a number within ±(2^53−1)"),
        JsonError::TooDeep { .. } => (Reason::Json, "is nested too deeply"),
        JsonError::Surrogate { .. } => (Reason::Json, "holds half a surrogate pair"),
        JsonError::Nul { .. } => (Reason::Json, "holds U+0000"),
        JsonError::Utf8 { .. } => (Reason::Json, "is not UTF-8"),
        JsonError::Syntax { .. } | JsonError::TooLarge { .. } => (Reason::Json, "is not JSON"),
    };
    Error::validation(path, reason, message)
}

/// Whether the content type is `wanted`, whatever its parameters.
pub(super) fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let Ok(value) = value.to_str() else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case(wanted)
}

/// The 422 about `Content-Type`.
pub(super) fn wrong_content_type(message: &'static str) -> Error {
    Error::validation("header.content-type", Reason::Format, message)
}

/// For fields that may be absent, null or a value (`x~?` in the specification): outer `None` is absent, inner `None` is null.
///
/// ```
/// # use serde::Deserialize;
/// #[derive(Deserialize)]
/// struct ChangeProfile {
///     #[serde(default, deserialize_with = "scaiwave::http::json::nullable")]
///     bio: Option<Option<String>>,
/// }
/// let change: ChangeProfile = serde_json::from_str(r#"{"bio": null}"#).unwrap();
/// assert_eq!(change.bio, Some(None));
/// ```
///
/// # Errors
/// Those of `T`.
pub fn nullable<'de, D, T>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}
