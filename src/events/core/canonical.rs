//! The canonical form of JSON, RFC 8785 (JCS): the bytes that are hashed and signed.
//!
//! The danger lies before this step: a value must come from [`super::json`]'s reader or pass its `check_value`, because
//! the canonical form itself would round a large integer in silence.

use serde::Serialize;
use serde_json::Value;

/// The canonical bytes of a value.
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    append(&mut bytes, value);
    bytes
}

/// Appends the canonical bytes of a value, for hashes and signatures that begin with a prefix.
pub fn append(bytes: &mut Vec<u8>, value: &Value) {
    #[expect(
        clippy::expect_used,
        reason = "a `Value` has string keys and finite numbers only, and a vector takes every byte: nothing can fail"
    )]
    serde_jcs::to_writer(bytes, value).expect("a JSON value has a canonical form");
}

/// Appends the canonical bytes of what is in canonical order as it stands: a list, or a struct whose fields come in the
/// order of their names; texts and integers only. Without an intermediate [`Value`] and its sorting it takes a fifth of
/// the time, and every event goes through it several times.
pub(super) fn append_ordered(bytes: &mut Vec<u8>, value: &impl Serialize) {
    #[expect(
        clippy::expect_used,
        reason = "texts and integers always have a JSON form, and a vector takes every byte: nothing can fail"
    )]
    serde_json::to_writer(bytes, value).expect("texts and integers have a JSON form");
}

/// Length in bytes of the canonical form.
pub fn canonical_len(value: &Value) -> usize {
    to_vec(value).len()
}

#[cfg(test)]
#[path = "canonical_tests.rs"]
mod tests;
