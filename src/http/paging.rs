//! Paged lists: extractors for `limit` with `offset` or `from`, and the `meta` of the answers.
//!
//! `limit` above its maximum is lowered; below 1, and an `offset` over 10,000, are refused (client specification, section 1).

use axum::extract::FromRequestParts;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use garde::Validate;
use http::request::Parts;
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize};

use super::query::Query;
use crate::error::{Error, Reason, Result};

/// The largest `offset`.
pub(super) const LARGEST_OFFSET: i64 = 10_000;

/// The longest cursor text that is looked at, in bytes.
pub(super) const LONGEST_CURSOR: usize = 1024;

/// `limit` and `offset` of a list that counts (`meta.total`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetPage<const DEFAULT: i64 = 50, const MAX: i64 = 200> {
    /// How many rows: 1 to `MAX`.
    pub limit: i64,
    /// How many rows to leave out first: 0 to 10,000.
    pub offset: i64,
}

/// `limit` and `from` of a list with a cursor (`meta.has_more`, `meta.next_cursor`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorPage<const DEFAULT: i64 = 50, const MAX: i64 = 200> {
    /// How many rows: 1 to `MAX`.
    pub limit: i64,
    from: Option<String>,
}

/// `meta` of a list with offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Total {
    /// How many rows there are in all.
    pub total: i64,
}

/// `meta` of a list with cursor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Next {
    /// Whether there are rows after these.
    pub has_more: bool,
    /// The `from` of the next page; null at the end.
    pub next_cursor: Option<String>,
}

#[derive(Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct Raw {
    limit: Option<Whole>,
    offset: Option<Whole>,
    from: Option<String>,
}

/// A whole number of any length; what no `i64` holds becomes the nearest one that does.
#[derive(Clone, Copy)]
struct Whole(i64);

impl<'de> Deserialize<'de> for Whole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text.as_str()),
        };
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let sent = de::Unexpected::Other("text");
            return Err(de::Error::invalid_type(sent, &"a whole number"));
        }
        Ok(Self(sign * digits.parse().unwrap_or(i64::MAX)))
    }
}

impl Raw {
    fn limit(&self, default: i64, max: i64) -> Result<i64> {
        match self.limit {
            None => Ok(default),
            Some(Whole(limit)) if limit < 1 => {
                Err(out_of_range("query.limit", "must be at least 1"))
            }
            Some(Whole(limit)) => Ok(limit.min(max)),
        }
    }

    fn offset(&self) -> Result<i64> {
        match self.offset {
            None => Ok(0),
            Some(Whole(offset)) if (0..=LARGEST_OFFSET).contains(&offset) => Ok(offset),
            Some(_) => Err(out_of_range("query.offset", "must be from 0 to 10000")),
        }
    }
}

fn out_of_range(path: &str, message: &'static str) -> Error {
    Error::validation(path, Reason::Range, message)
}

impl<const DEFAULT: i64, const MAX: i64, S: Send + Sync> FromRequestParts<S>
    for OffsetPage<DEFAULT, MAX>
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Query(raw) = Query::<Raw>::from_request_parts(parts, state).await?;
        Ok(Self {
            limit: raw.limit(DEFAULT, MAX)?,
            offset: raw.offset()?,
        })
    }
}

impl<const DEFAULT: i64, const MAX: i64, S: Send + Sync> FromRequestParts<S>
    for CursorPage<DEFAULT, MAX>
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self> {
        let Query(raw) = Query::<Raw>::from_request_parts(parts, state).await?;
        Ok(Self {
            limit: raw.limit(DEFAULT, MAX)?,
            from: raw.from,
        })
    }
}

impl<const DEFAULT: i64, const MAX: i64> CursorPage<DEFAULT, MAX> {
    /// The cursor as a stream position, whose text form is the number.
    ///
    /// # Errors
    /// 422 for anything but a number from 0.
    pub fn position(&self) -> Result<Option<i64>> {
        let Some(text) = &self.from else {
            return Ok(None);
        };
        match text.parse() {
            Ok(position @ 0..) => Ok(Some(position)),
            _ => Err(bad_cursor()),
        }
    }

    /// The cursor as the key that [`Next::of`] made it from.
    ///
    /// # Errors
    /// 422 for a text that no list of this kind has given out.
    pub fn key<K: DeserializeOwned>(&self) -> Result<Option<K>> {
        let Some(text) = &self.from else {
            return Ok(None);
        };
        if text.len() > LONGEST_CURSOR {
            return Err(bad_cursor());
        }
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(|_| bad_cursor())?;
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| bad_cursor())
    }

    /// How many rows to read: one more than are shown tells whether there is a further page.
    #[must_use]
    pub const fn fetch(&self) -> i64 {
        self.limit + 1
    }
}

fn bad_cursor() -> Error {
    Error::validation(
        "query.from",
        Reason::Format,
        "must be a cursor of this list",
    )
}

impl Next {
    /// Cuts `rows`, read with [`CursorPage::fetch`], to the page, and points behind its last row by the row's key.
    /// Any serialisable key will do: `key` names the columns that the list is ordered by.
    pub fn of<T, K: Serialize>(rows: &mut Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Self {
        Self::cut(rows, limit, |row| {
            serde_json::to_vec(&key(row))
                .map_or_else(|_| String::new(), |key| BASE64_URL_SAFE_NO_PAD.encode(key))
        })
    }

    /// As [`Next::of`], for lists ordered by stream position, whose cursor is the number itself.
    pub fn of_position<T>(rows: &mut Vec<T>, limit: i64, position: impl Fn(&T) -> i64) -> Self {
        Self::cut(rows, limit, |row| position(row).to_string())
    }

    fn cut<T>(rows: &mut Vec<T>, limit: i64, cursor: impl Fn(&T) -> String) -> Self {
        let limit = usize::try_from(limit).unwrap_or(0);
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        Self {
            has_more,
            next_cursor: last.map(cursor),
        }
    }
}
