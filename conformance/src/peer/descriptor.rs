//! The played peer's document at `/.well-known/scaiwave/server`, and judging that of the server under test.

use serde_json::{Value, json};

use super::FEDERATION;
use crate::protocol::VERSION;
use crate::protocol::canonical::canonical;
use crate::protocol::key::{Key, PublicKey};

/// Where the document stands.
pub const PATH: &str = "/.well-known/scaiwave/server";
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1000;

/// The document of a server with one key.
pub fn document(name: &str, key: &Key, now_ms: i64) -> Value {
    let mut document = json!({
        "server_name": name,
        "public_key": key.public_key(),
        "protocol_versions": [VERSION],
        "endpoints": {"federation": FEDERATION},
        "keys": [{
            "key_id": key.key_id(),
            "public_key": key.public_key(),
            "valid_from": now_ms - WEEK_MS,
            "expires_at": null,
            "signed_by_previous": null,
        }],
        "valid_until": now_ms + WEEK_MS,
    });
    document["signature"] = json!(key.sign(&signed_bytes(&document)));
    document
}

/// The bytes that a document's signature is of.
pub fn signed_bytes(document: &Value) -> Vec<u8> {
    let mut bare = document.clone();
    if let Some(members) = bare.as_object_mut() {
        members.remove("signature");
    }
    format!("scaiwave-descriptor-v1\n{}", canonical(&bare)).into_bytes()
}

/// Whether the document is signed by its own current key.
pub fn is_self_signed(document: &Value) -> Result<bool, String> {
    let key = PublicKey::from_text(document["public_key"].as_str().unwrap_or(""))?;
    let signature = document["signature"].as_str().unwrap_or("");
    Ok(key.verifies(&signed_bytes(document), signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_document_is_self_signed() {
        let document = document("b.example", &Key::random(), 1_780_000_000_000);
        assert_eq!(is_self_signed(&document), Ok(true));
    }
}
