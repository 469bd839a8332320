//! Ed25519 keys and signatures (RFC 8032), and documents that carry their own signature.
//!
//! Verification is strict everywhere: canonical `S` and `R`, no small-order points, never a batch, so that all
//! implementations agree on every input. What is signed begins with a prefix that names its purpose, so that a signature
//! means nothing elsewhere; HTTP requests are the exception, whose signature base RFC 9421 prescribes.

#[cfg(test)]
pub(crate) mod recorded;

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding};
use ed25519_dalek::{Signer, SigningKey, VerifyingKey};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::canonical;
use super::hash::{Hash, hex_array, write_hex};
use super::json::{self, JsonError, MAX_DEPTH};
use super::text::{text_form, text_schema};
use crate::entropy::Entropy;

/// First line of what the signature of a server's descriptor covers.
pub const DESCRIPTOR_PREFIX: &str = "scaiwave-descriptor-v1\n";
/// First line of what the signature of a participant's profile covers.
pub const PROFILE_PREFIX: &str = "scaiwave-profile-v1\n";

/// What keys and key ids begin with as text.
const ALGORITHM: &str = "ed25519:";
/// The member of a document that holds its signature.
const SIGNATURE: &str = "signature";

/// Why a text or bytes are no key, key id or signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the one text form of such a thing.
    #[error("malformed key or signature")]
    Format,
    /// Not the canonical encoding of a point of the curve.
    #[error("not a public key")]
    NotAPoint,
    /// A point of small order, under which anybody can sign.
    #[error("weak public key")]
    Weak,
    /// Not an Ed25519 private key in PKCS#8 PEM.
    #[error("not an Ed25519 private key in PKCS#8 PEM")]
    Pem,
}

/// Why a signature does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The signature is not the key's over these bytes.
    #[error("signature does not match")]
    Mismatch,
    /// The document has no `signature`, or it is malformed.
    #[error("no signature, or a malformed one")]
    Missing,
    /// The document breaks a rule of strict JSON, and is neither signed nor believed.
    #[error(transparent)]
    Json(#[from] JsonError),
}

/// Name of a key: `ed25519:` and the first 8 bytes of SHA-256(public key) as 16 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
#[schema(value_type = String, pattern = "^ed25519:[0-9a-f]{16}$")]
pub struct KeyId([u8; 8]);

impl FromStr for KeyId {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        text.strip_prefix(ALGORITHM)
            .and_then(hex_array)
            .map(Self)
            .ok_or(KeyError::Format)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(ALGORITHM)?;
        write_hex(out, &self.0)
    }
}

/// A public key that may be pinned: a canonically encoded point that is not of small order. As text, `ed25519:` and
/// standard Base64 with padding.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::NotAPoint`] or [`KeyError::Weak`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        // The library also decodes y ≥ p, which RFC 8032 section 5.1.3 refuses.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NotAPoint);
        }
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        Ok(Self::named(key))
    }

    fn named(key: VerifyingKey) -> Self {
        let hash = Hash::of(key.as_bytes());
        let mut id = [0; 8];
        id.iter_mut()
            .zip(hash.as_bytes())
            .for_each(|(to, from)| *to = *from);
        Self { key, id: KeyId(id) }
    }

    /// The key's name.
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Verifies a signature over exactly these bytes, strictly.
    ///
    /// # Errors
    /// [`SignatureError::Mismatch`].
    pub fn verify_strict(
        &self,
        message: &[u8],
        signature: &Signature,
    ) -> Result<(), SignatureError> {
        let signature = ed25519_dalek::Signature::from_bytes(&signature.0);
        self.key
            .verify_strict(message, &signature)
            .map_err(|_| SignatureError::Mismatch)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let encoded = text.strip_prefix(ALGORITHM).ok_or(KeyError::Format)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Format)?;
        Self::from_bytes(&bytes.try_into().map_err(|_| KeyError::Format)?)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{ALGORITHM}{}", STANDARD.encode(self.key.as_bytes()))
    }
}

/// An Ed25519 signature; as text, base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

impl Signature {
    /// A signature from its 64 bytes.
    pub const fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// The 64 bytes.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl FromStr for Signature {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| KeyError::Format)?;
        bytes.try_into().map(Self).map_err(|_| KeyError::Format)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

/// A private key with its public half. Wiped from memory when dropped, never shown.
#[derive(Clone)]
pub struct KeyPair {
    secret: SigningKey,
    public: PublicKey,
}

impl KeyPair {
    /// A new key from a source of randomness.
    pub fn generate(entropy: &Entropy) -> Self {
        Self::from_seed(&Zeroizing::new(entropy.bytes()))
    }

    /// The key that belongs to a 32-byte seed (RFC 8032 section 5.1.5).
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::of(SigningKey::from_bytes(seed))
    }

    fn of(secret: SigningKey) -> Self {
        let public = PublicKey::named(secret.verifying_key());
        Self { secret, public }
    }

    /// Reads a PKCS#8 PEM document (RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::Pem`].
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        SigningKey::from_pkcs8_pem(pem)
            .map(Self::of)
            .map_err(|_| KeyError::Pem)
    }

    /// The key as a PKCS#8 PEM document (RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::Pem`] if the encoder fails, which it has no reason to.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        self.secret
            .to_pkcs8_pem(LineEnding::LF)
            .map_err(|_| KeyError::Pem)
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public
    }

    /// The key's name.
    pub fn key_id(&self) -> KeyId {
        self.public.id
    }

    /// Signs exactly these bytes, which the caller composed and which begin with its purpose's prefix.
    pub fn sign(&self, message: &[u8]) -> Signature {
        #[cfg(test)]
        recorded::note(self.key_id(), message);
        Signature(self.secret.sign(message).to_bytes())
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "KeyPair({})", self.public.id)
    }
}

/// Signs a document: sets `signature` to the signature over `prefix` and the canonical form of the rest.
///
/// # Errors
/// [`SignatureError::Json`] for a document that a strict reader would refuse.
pub fn sign_document(
    prefix: &str,
    document: &mut Map<String, Value>,
    key: &KeyPair,
) -> Result<(), SignatureError> {
    let message = document_bytes(prefix, document)?;
    document.insert(SIGNATURE.to_owned(), key.sign(&message).to_string().into());
    Ok(())
}

/// Verifies a document signed by [`sign_document`].
///
/// # Errors
/// A [`SignatureError`].
pub fn verify_document(
    prefix: &str,
    document: &Map<String, Value>,
    key: &PublicKey,
) -> Result<(), SignatureError> {
    let signature = document
        .get(SIGNATURE)
        .and_then(Value::as_str)
        .ok_or(SignatureError::Missing)?;
    let signature = signature
        .parse()
        .map_err(|_: KeyError| SignatureError::Missing)?;
    key.verify_strict(&document_bytes(prefix, document)?, &signature)
}

fn document_bytes(prefix: &str, document: &Map<String, Value>) -> Result<Vec<u8>, SignatureError> {
    let mut rest = document.clone();
    rest.remove(SIGNATURE);
    let rest = Value::Object(rest);
    json::check_value(&rest, MAX_DEPTH)?;
    let mut bytes = prefix.as_bytes().to_vec();
    canonical::append(&mut bytes, &rest);
    Ok(bytes)
}

text_form!(KeyId, PublicKey, Signature);
text_schema!(
    PublicKey,
    "^ed25519:[A-Za-z0-9+/]{43}=$",
    "A public key: `ed25519:` and standard Base64 with padding."
);

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
