//! The suite's own reading of the federation protocol: canonical form, ids, keys, events, request signatures.
//!
//! Written from the specification and independent of any server, so that a server and the suite only agree where both are right.

pub mod canonical;
pub mod event;
pub mod forged;
pub mod http_signature;
pub mod ids;
pub mod key;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The protocol version that the suite speaks.
pub const VERSION: &str = "v1";

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The text form of a hash: `sha256:` and 64 lower-case hex digits.
pub fn hash_text(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(&sha256(bytes)))
}

/// Lower-case hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// base64url without padding, as salts, nonces and signatures are written.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Sixteen random bytes in base64url: a salt or a nonce.
pub fn random_salt() -> String {
    base64url(&rand::random::<[u8; 16]>())
}
