//! `Idempotency-Key`: the header with which a creation is repeated without making a second one.

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::error::{Error, Reason, Result};

/// The longest key, in characters.
pub const LONGEST_KEY: usize = 128;

/// The key of the request, if it has one.
///
/// # Errors
/// 422 `SW_VALIDATION_ERROR` for what is not 1 to 128 printable ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(pub Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let Some(value) = parts.headers.get("idempotency-key") else {
            return Ok(Self(None));
        };
        let key = value.to_str().ok().filter(|key| {
            (1..=LONGEST_KEY).contains(&key.len())
                && key.bytes().all(|byte| (0x20..0x7f).contains(&byte))
        });
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(Error::validation(
                "header.idempotency-key",
                Reason::Format,
                "must be 1 to 128 printable ASCII characters",
            )),
        }
    }
}
