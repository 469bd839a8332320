//! Ed25519 keys with their names.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{base64url, hex, sha256};

/// A key that signs.
#[derive(Clone)]
pub struct Key {
    signing: SigningKey,
}

impl Key {
    /// A new random key.
    pub fn random() -> Self {
        Self::from_seed(rand::random())
    }

    /// The key of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self {
            signing: SigningKey::from_bytes(&seed),
        }
    }

    /// `ed25519:` and the standard base64 of the public key.
    pub fn public_key(&self) -> String {
        public_key_text(&self.signing.verifying_key())
    }

    /// `ed25519:` and the first eight bytes of the public key's hash.
    pub fn key_id(&self) -> String {
        key_id(&self.signing.verifying_key())
    }

    /// The signature of these bytes, in base64url.
    pub fn sign(&self, bytes: &[u8]) -> String {
        base64url(&self.sign_raw(bytes))
    }

    /// The 64 bytes of a signature.
    pub fn sign_raw(&self, bytes: &[u8]) -> [u8; 64] {
        self.signing.sign(bytes).to_bytes()
    }
}

/// A key that others sign with.
#[derive(Clone, Debug)]
pub struct PublicKey {
    verifying: VerifyingKey,
}

impl PublicKey {
    /// Reads `ed25519:<base64>`.
    pub fn from_text(text: &str) -> Result<Self, String> {
        let bytes = text
            .strip_prefix("ed25519:")
            .and_then(|encoded| STANDARD.decode(encoded).ok())
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .ok_or_else(|| format!("{text} is no public key"))?;
        let verifying = VerifyingKey::from_bytes(&bytes).map_err(|error| error.to_string())?;
        Ok(Self { verifying })
    }

    /// The key's id.
    pub fn key_id(&self) -> String {
        key_id(&self.verifying)
    }

    /// Whether this key made the signature (base64url) of these bytes.
    pub fn verifies(&self, bytes: &[u8], signature: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(signature)
            .is_ok_and(|raw| self.verifies_raw(bytes, &raw))
    }

    /// The same for the 64 bytes of a signature.
    pub fn verifies_raw(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.verifying.verify_strict(bytes, &signature).is_ok())
    }
}

fn public_key_text(key: &VerifyingKey) -> String {
    format!("ed25519:{}", STANDARD.encode(key.as_bytes()))
}

fn key_id(key: &VerifyingKey) -> String {
    let hash = sha256(key.as_bytes());
    format!("ed25519:{}", hex(hash.get(..8).unwrap_or(&hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_the_key() {
        let key = Key::from_seed([7; 32]);
        assert_eq!(
            key.public_key(),
            "ed25519:6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw="
        );
        assert_eq!(key.key_id(), "ed25519:fe812c12f3ab4ce6");
        let public = PublicKey::from_text(&key.public_key()).expect("a key");
        assert!(public.verifies(b"text", &key.sign(b"text")));
        assert!(!public.verifies(b"other", &key.sign(b"text")));
    }
}
