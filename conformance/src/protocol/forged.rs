//! Keys and signatures that only a lax verifier takes: what the strict rules of the canonical form's section on signatures are
//! there to refuse.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::SigningKey;

use super::{base64url, hex, sha256};

/// The group's order, little-endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The same signature with L added to S: the equation still holds, but S is not below L.
pub fn non_canonical(mut signature: [u8; 64]) -> [u8; 64] {
    let mut carry = 0_u16;
    for (byte, order) in signature.iter_mut().skip(32).zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff) as u8;
        carry = sum >> 8;
    }
    signature
}

/// A public key of small order, under which anybody can sign anything.
#[derive(Clone, Debug)]
pub struct SmallOrder {
    point: [u8; 32],
}

impl SmallOrder {
    /// The neutral element.
    pub fn neutral() -> Self {
        let mut point = [0; 32];
        if let Some(first) = point.first_mut() {
            *first = 1;
        }
        Self { point }
    }

    /// `ed25519:` and the point in standard base64.
    pub fn public_key(&self) -> String {
        format!("ed25519:{}", STANDARD.encode(self.point))
    }

    /// The id that follows from it.
    pub fn key_id(&self) -> String {
        let hash = sha256(&self.point);
        format!("ed25519:{}", hex(hash.get(..8).unwrap_or(&hash)))
    }

    /// A signature that holds for all bytes: any S, and R = \[S\]B.
    pub fn sign_raw(&self) -> [u8; 64] {
        let signing = SigningKey::from_bytes(&rand::random());
        let mut signature = [0; 64];
        let halves = [
            signing.verifying_key().to_bytes(),
            signing.to_scalar().to_bytes(),
        ];
        for (byte, value) in signature.iter_mut().zip(halves.concat()) {
            *byte = value;
        }
        signature
    }

    /// The same in base64url.
    pub fn sign(&self) -> String {
        base64url(&self.sign_raw())
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::{Signature, Verifier, VerifyingKey};

    use super::*;

    #[test]
    fn a_lax_verifier_takes_what_is_signed_under_a_key_of_small_order() {
        let key = SmallOrder::neutral();
        let lax = VerifyingKey::from_bytes(&key.point).expect("a point");
        let signature = Signature::from_bytes(&key.sign_raw());
        assert!(lax.verify(b"anything", &signature).is_ok());
        assert!(lax.verify_strict(b"anything", &signature).is_err());
    }

    #[test]
    fn adding_the_order_changes_only_s() {
        let right = SigningKey::from_bytes(&[7; 32]);
        let right = ed25519_dalek::Signer::sign(&right, b"text").to_bytes();
        let wrong = non_canonical(right);
        assert_eq!(right.get(..32), wrong.get(..32));
        assert_ne!(right.get(32..), wrong.get(32..));
        assert!(wrong.last().is_some_and(|top| *top >= 0x10));
    }
}
