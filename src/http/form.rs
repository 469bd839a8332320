//! Bodies that are a form or JSON: [`JsonOrForm`], for the sign-in endpoints only.

use axum::extract::{FromRequest, Request};
use garde::Validate;
use serde::de::DeserializeOwned;

use super::json::{has_media_type, object, read, wrong_content_type};
use super::query;
use crate::error::{Error, Result};

/// A body of `application/x-www-form-urlencoded` or of JSON with the same names.
///
/// # Errors
/// Those of [`Body`](super::json::Body).
#[derive(Clone, Debug)]
pub struct JsonOrForm<T>(pub T);

impl<T, S> FromRequest<S> for JsonOrForm<T>
where
    T: DeserializeOwned + Validate<Context = ()>,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let is_form = has_media_type(request.headers(), "application/x-www-form-urlencoded");
        let is_json = has_media_type(request.headers(), "application/json");
        let bytes = read(request).await?;
        if is_form {
            query::pairs(&bytes, "body").map(Self)
        } else if is_json || bytes.is_empty() {
            object(&bytes, None).map(Self)
        } else {
            Err(wrong_content_type(
                "must be application/x-www-form-urlencoded or application/json",
            ))
        }
    }
}
