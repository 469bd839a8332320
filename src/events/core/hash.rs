//! SHA-256 hashes and their one text form, `sha256:` and 64 lower-case hex digits.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::text::text_form;

const PREFIX: &str = "sha256:";

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The text is not `sha256:` and 64 lower-case hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not of the form sha256:<64 lower-case hex digits>")]
pub struct HashFormatError;

impl Hash {
    /// The hash of some bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// A hash computed elsewhere, from its bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 64 lower-case hex digits alone, as protocols other than this one write a SHA-256.
    pub fn hex(&self) -> String {
        self.to_string().split_off(PREFIX.len())
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// [`HashFormatError`] for anything else.
    pub fn from_hex(digits: &str) -> Result<Self, HashFormatError> {
        hex_array(digits).map(Self).ok_or(HashFormatError)
    }

    /// An id that follows from the hash: its first 16 bytes as a UUIDv8.
    pub fn to_uuid(&self) -> Uuid {
        let mut bytes = [0; 16];
        let of_hash = bytes.iter_mut().zip(&self.0);
        of_hash.for_each(|(byte, of_hash)| *byte = *of_hash);
        uuid::Builder::from_custom_bytes(bytes).into_uuid()
    }

    /// The first 16 bytes as one number, most significant byte first: where derived ids take their bits from.
    pub(super) fn leading_bits(&self) -> u128 {
        self.0
            .iter()
            .take(16)
            .fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }
}

impl FromStr for Hash {
    type Err = HashFormatError;

    fn from_str(text: &str) -> Result<Self, HashFormatError> {
        let digits = text.strip_prefix(PREFIX).ok_or(HashFormatError)?;
        hex_array(digits).map(Self).ok_or(HashFormatError)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(PREFIX)?;
        write_hex(out, &self.0)
    }
}

text_form!(Hash);

/// Writes bytes as lower-case hex digits: all at once, since every event is written with dozens of hashes, and formatting
/// each byte by itself takes ten times as long.
pub(super) fn write_hex(out: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let nibbles = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits: String = nibbles
        .filter_map(|nibble| char::from_digit(nibble.into(), 16))
        .collect();
    out.write_str(&digits)
}

/// Reads exactly `2 * N` lower-case hex digits.
pub(super) fn hex_array<const N: usize>(digits: &str) -> Option<[u8; N]> {
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().as_chunks::<2>().0) {
        let [high, low] = *pair;
        *byte = hex_digit(high)? << 4 | hex_digit(low)?;
    }
    Some(bytes)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
#[path = "hash_tests.rs"]
mod tests;
