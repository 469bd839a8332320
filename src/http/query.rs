//! Query strings: [`Query`] reads, checks and refuses in the catalogue's words.

use axum::extract::FromRequestParts;
use garde::Validate;
use http::request::Parts;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use super::fields;
use crate::error::{Error, Reason, Result};

/// The longest query string, in bytes.
const LONGEST: usize = 8 * 1024;

/// The query string, deserialised and validated. Unknown names are ignored.
///
/// A list beside it takes one of the pages of [`super::paging`] as a further extractor.
///
/// # Errors
/// 422 `SW_VALIDATION_ERROR` for fields that serde or garde refuse.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        let text = parts.uri.query().unwrap_or_default();
        if text.len() > LONGEST {
            return Err(Error::validation("query", Reason::Length, "is too long"));
        }
        pairs(text.as_bytes(), "query").map(Self)
    }
}

/// Reads `name=value` pairs; `root` is `query` or `body`.
pub(super) fn pairs<T>(text: &[u8], root: &str) -> Result<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
{
    for (name, value) in form_urlencoded::parse(text) {
        // U+FFFD is what the decoder puts where bytes are no UTF-8; U+0000 is refused everywhere.
        if [name, value]
            .iter()
            .any(|part| part.contains(['\u{0}', '\u{fffd}']))
        {
            let message = "must be UTF-8 without U+0000";
            return Err(Error::validation(root, Reason::Format, message));
        }
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(text));
    let value = serde_path_to_error::deserialize(pairs)
        .map_err(|error| fields::undeserializable(root, &error))?;
    fields::validate(&value, root)?;
    Ok(value)
}
