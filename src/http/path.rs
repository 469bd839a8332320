//! Path parameters: a malformed id answers like a missing resource, so parsing it never fails by itself.

use std::marker::PhantomData;
use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use crate::catalogue::Code;
use crate::error::{Error, Result};

/// The parameters of the route's path, in their order: `Path<PathId<RoomId>>`, `Path<(PathId<RoomId>, PathId<EventId>)>`, or strings.
///
/// # Errors
/// 404 `SW_NOT_FOUND` where a parameter is not UTF-8 when decoded, or holds U+0000.
#[derive(Clone, Debug)]
pub struct Path<T>(pub T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let raw = RawPathParams::from_request_parts(parts, state).await;
        let raw = raw.map_err(|_| Error::new(Code::NotFound))?;
        if raw.iter().any(|(_, value)| value.contains('\0')) {
            return Err(Error::new(Code::NotFound));
        }
        #[expect(clippy::disallowed_types, reason = "this extractor is what wraps it")]
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::new(Code::NotFound)),
        }
    }
}

/// An id in a path, or nothing where the text is no such id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathId<Id>(Option<Id>);

impl<Id> PathId<Id> {
    /// The id; a malformed one fails with the code that a missing resource has.
    ///
    /// # Errors
    /// `missing`, such as [`Code::RoomNotFound`].
    pub fn or(self, missing: Code) -> Result<Id> {
        self.0.ok_or(Error::new(missing))
    }

    /// The id, or `None` for a malformed one.
    #[must_use]
    pub fn get(self) -> Option<Id> {
        self.0
    }
}

impl<'de, Id: FromStr> Deserialize<'de> for PathId<Id> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text<Id>(PhantomData<Id>);

        impl<Id: FromStr> serde::de::Visitor<'_> for Text<Id> {
            type Value = PathId<Id>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an id")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(PathId(text.parse().ok()))
            }
        }

        deserializer.deserialize_str(Text(PhantomData))
    }
}
