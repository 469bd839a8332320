//! Strict JSON: the only reader for bytes that came from outside, and the check for values built elsewhere.
//!
//! What can be read differently by two implementations is refused (RFC 8259 leaves it open, RFC 7493 warns of it):
//! duplicate keys, integers beyond ±(2^53−1) by value in whatever spelling, numbers that overflow, lone surrogates,
//! U+0000, a byte order mark, trailing bytes; and depth over a limit. A number that is an integer by value becomes one
//! (`1.0`, `1e0` and `1` are the same value, −0 is 0), so that reading, writing canonically and reading again changes
//! nothing. Linear time, recursion bounded by [`MAX_DEPTH`]. Uses only `serde_json`'s value type.

mod number;
mod reader;
mod skip;
mod string;
mod tolerant;

use serde_json::Value;

pub(super) use tolerant::{Flaw, Place, Tolerant, read_tolerant};

/// Deepest nesting that is ever read, whatever a caller's limit says: it bounds the recursion.
pub const MAX_DEPTH: usize = 128;

/// The largest integer, 2^53−1, that every JSON implementation reads as the same number.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// How much of a key is shown in a path.
const SHOWN_KEY_CHARS: usize = 40;

/// What the reader accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest input in bytes.
    pub max_bytes: usize,
    /// Deepest nesting of objects and arrays; the outermost one counts as 1, a lone scalar as 0. Never over
    /// [`MAX_DEPTH`].
    pub max_depth: usize,
}

/// Why JSON is refused. A path reads like `content.items[3].body`; it is empty at the outermost value, and long keys
/// are shortened in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// More bytes than allowed.
    #[error("larger than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// Objects and arrays nested deeper than allowed.
    #[error("nested too deeply at `{path}`")]
    TooDeep {
        /// The value that is one level too deep.
        path: String,
    },
    /// A key that stands twice in one object.
    #[error("duplicate key `{path}`")]
    Duplicate {
        /// The key.
        path: String,
    },
    /// A number that is an integer beyond ±(2^53−1) or no finite double.
    #[error("number out of range at `{path}`")]
    Number {
        /// The number.
        path: String,
    },
    /// An escape that is half a surrogate pair.
    #[error("lone surrogate at `{path}`")]
    Surrogate {
        /// The string, or the object whose key it is.
        path: String,
    },
    /// U+0000 in a string or key.
    #[error("U+0000 at `{path}`")]
    Nul {
        /// The string, or the object whose key it is.
        path: String,
    },
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 at byte {offset}")]
    Utf8 {
        /// The first such byte.
        offset: usize,
    },
    /// Not JSON, or something after it.
    #[error("not JSON at byte {offset}")]
    Syntax {
        /// Where the reader stopped.
        offset: usize,
    },
}

impl JsonError {
    /// Where in the value it is wrong; none where the bytes as a whole are.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::TooDeep { path }
            | Self::Duplicate { path }
            | Self::Number { path }
            | Self::Surrogate { path }
            | Self::Nul { path } => Some(path),
            Self::TooLarge { .. } | Self::Utf8 { .. } | Self::Syntax { .. } => None,
        }
    }

    /// Whether the bytes are JSON all the same, so that what stands around the value can still be read.
    fn leaves_json_intact(&self) -> bool {
        self.path().is_some()
    }

    /// The same fault, its path beginning at the event whose content was read.
    pub(super) fn within_content(self) -> Self {
        self.within_key("content")
    }

    fn within_key(self, key: &str) -> Self {
        self.within(key.chars().take(SHOWN_KEY_CHARS).collect())
    }

    fn within_index(self, index: usize) -> Self {
        self.within(format!("[{index}]"))
    }

    fn within(mut self, outer: String) -> Self {
        if let Self::TooDeep { path }
        | Self::Duplicate { path }
        | Self::Number { path }
        | Self::Surrogate { path }
        | Self::Nul { path } = &mut self
        {
            let dot = if path.is_empty() || path.starts_with('[') {
                ""
            } else {
                "."
            };
            *path = format!("{outer}{dot}{path}");
        }
        self
    }
}

/// Reads one JSON value from bytes that hold nothing else.
///
/// # Errors
/// The first thing that is wrong, as a [`JsonError`].
pub fn read(bytes: &[u8], limits: Limits) -> Result<Value, JsonError> {
    let mut reader = reader::Reader::new(bytes, limits.max_bytes)?;
    let value = reader.value(limits.max_depth.min(MAX_DEPTH))?;
    reader.end()?;
    Ok(value)
}

/// Holds a value that was not made by [`read`] to the same rules: depth, numbers, U+0000.
///
/// # Errors
/// The first thing that is wrong, as a [`JsonError`].
pub fn check_value(value: &Value, max_depth: usize) -> Result<(), JsonError> {
    check(value, max_depth.min(MAX_DEPTH))
}

fn check(value: &Value, depth_left: usize) -> Result<(), JsonError> {
    match value {
        Value::Null | Value::Bool(_) => Ok(()),
        Value::Number(number) if number::is_allowed(number) => Ok(()),
        Value::Number(_) => Err(JsonError::Number {
            path: String::new(),
        }),
        Value::String(text) => check_text(text),
        Value::Array(_) | Value::Object(_) if depth_left == 0 => Err(JsonError::TooDeep {
            path: String::new(),
        }),
        Value::Array(items) => items.iter().enumerate().try_for_each(|(index, item)| {
            check(item, depth_left - 1).map_err(|error| error.within_index(index))
        }),
        Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            check_text(key)?;
            check(member, depth_left - 1).map_err(|error| error.within_key(key))
        }),
    }
}

fn check_text(text: &str) -> Result<(), JsonError> {
    if text.contains('\0') {
        Err(JsonError::Nul {
            path: String::new(),
        })
    } else {
        Ok(())
    }
}

#[cfg(test)]
#[path = "../json_tests.rs"]
mod tests;
