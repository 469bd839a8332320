//! What may be hashed as an event's content, and its hash.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::canonical;
use super::event_type::EventType;
use super::hash::Hash;
use super::json::{self, JsonError};

/// Deepest nesting of a content, its own root counting as 1.
pub const MAX_CONTENT_DEPTH: usize = 64;
/// Largest content in canonical bytes.
pub const MAX_CONTENT_BYTES: usize = 73_728;
/// Largest content of a state event in canonical bytes.
pub const MAX_STATE_CONTENT_BYTES: usize = 1_048_576;

/// Bytes of a salt.
pub const SALT_BYTES: usize = 16;

/// Why a content can never be hashed: it voids its event if the event's own origin delivered it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContentFlaw {
    /// It breaks a rule of strict JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// It is not an object.
    #[error("content is not an object")]
    NotAnObject,
    /// It has more canonical bytes than its type allows.
    #[error("content over {limit} canonical bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The salt is not 16 bytes in base64url without padding.
    #[error("malformed salt")]
    Salt,
}

/// The largest content in canonical bytes that events of this type may have.
pub fn max_content_bytes(event_type: &EventType) -> usize {
    if event_type.is_state() {
        MAX_STATE_CONTENT_BYTES
    } else {
        MAX_CONTENT_BYTES
    }
}

/// The hash that stands for a content: of JCS(`{"content": content, "salt": salt}`).
pub fn content_hash(content: &Value, salt: &str) -> Hash {
    hash_canonical(&canonical::to_vec(content), salt)
}

/// Checks a content and its salt against everything that may never be hashed, and hashes it.
pub(super) fn check_and_hash(
    event_type: &EventType,
    content: &Value,
    salt: &str,
) -> Result<Hash, ContentFlaw> {
    let bytes = hashable_bytes(event_type, content)?;
    check_salt(salt)?;
    Ok(hash_canonical(&bytes, salt))
}

/// The canonical bytes of a content that may be hashed.
pub(super) fn hashable_bytes(
    event_type: &EventType,
    content: &Value,
) -> Result<Vec<u8>, ContentFlaw> {
    if !content.is_object() {
        return Err(ContentFlaw::NotAnObject);
    }
    json::check_value(content, MAX_CONTENT_DEPTH).map_err(JsonError::within_content)?;
    let bytes = canonical::to_vec(content);
    let limit = max_content_bytes(event_type);
    if bytes.len() > limit {
        Err(ContentFlaw::TooLarge { limit })
    } else {
        Ok(bytes)
    }
}

/// A salt as text.
pub fn salt_text(salt: &[u8; SALT_BYTES]) -> String {
    URL_SAFE_NO_PAD.encode(salt)
}

fn check_salt(salt: &str) -> Result<(), ContentFlaw> {
    match URL_SAFE_NO_PAD.decode(salt) {
        Ok(bytes) if bytes.len() == SALT_BYTES => Ok(()),
        _ => Err(ContentFlaw::Salt),
    }
}

/// The two keys are already in canonical order, so that the content need not be serialised again.
pub(super) fn hash_canonical(content: &[u8], salt: &str) -> Hash {
    let mut bytes = Vec::with_capacity(content.len() + 48);
    bytes.extend_from_slice(b"{\"content\":");
    bytes.extend_from_slice(content);
    bytes.extend_from_slice(b",\"salt\":");
    canonical::append(&mut bytes, &Value::from(salt));
    bytes.push(b'}');
    Hash::of(&bytes)
}
