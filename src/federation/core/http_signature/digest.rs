//! `Content-Digest` (RFC 9530) with sha-256, the only algorithm of the protocol.

use sfv::visitor::{DictionaryVisitor, EntryVisitor, Ignored, InnerListVisitor, ItemVisitor};
use sfv::{BareItemFromInput, DictSerializer, KeyRef, Parser, key_ref};
use sha2::{Digest as _, Sha256};

use super::input::Malformed;

const SHA_256: &KeyRef = key_ref("sha-256");

/// The value of `Content-Digest` for `body`.
pub(super) fn of(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    let mut value = DictSerializer::new();
    value.bare_item(SHA_256, hash.as_slice());
    value.finish().unwrap_or_default()
}

/// Whether the header's sha-256 is that of `body`. Digests by other algorithms are passed over (RFC 9530, section 2).
///
/// # Errors
/// The value is no dictionary of byte sequences, or does not hold exactly one sha-256.
pub(super) fn matches(value: &str, body: &[u8]) -> Result<bool, sfv::Error> {
    let stated = Parser::new(value).parse_dictionary_with_visitor(Stated::default())?;
    Ok(stated == Sha256::digest(body).as_slice())
}

#[derive(Default)]
struct Stated {
    sha_256: Option<Vec<u8>>,
}

impl<'de> DictionaryVisitor<'de> for Stated {
    type Out = Vec<u8>;
    type Error = Malformed;

    fn entry(&mut self, key: &'de KeyRef) -> Result<impl EntryVisitor<'de>, Malformed> {
        if key != SHA_256 {
            return Ok(None);
        }
        if self.sha_256.is_some() {
            return Err(Malformed("sha-256 is given twice"));
        }
        Ok(Some(Sha256Entry(self.sha_256.insert(Vec::new()))))
    }

    fn finish(self) -> Result<Vec<u8>, Malformed> {
        self.sha_256.ok_or(Malformed("sha-256 is missing"))
    }
}

struct Sha256Entry<'a>(&'a mut Vec<u8>);

impl<'de> EntryVisitor<'de> for Sha256Entry<'_> {
    type Error = Malformed;

    fn item(self) -> Result<impl ItemVisitor<'de>, Malformed> {
        Ok(move |item: BareItemFromInput<'de>| match item {
            BareItemFromInput::ByteSequence(bytes) => {
                *self.0 = bytes;
                Ok(Ignored)
            }
            _ => Err(Malformed("a digest must be a byte sequence")),
        })
    }

    fn inner_list(self) -> Result<impl InnerListVisitor<'de>, Malformed> {
        Err::<Ignored, _>(Malformed("a digest must be a byte sequence"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9530, appendix B.1 and section 3: the same JSON with and without the line feed.
    const EXAMPLES: [(&[u8], &str); 2] = [
        (
            b"{\"hello\": \"world\"}\n",
            "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:",
        ),
        (
            b"{\"hello\": \"world\"}",
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:",
        ),
    ];

    #[test]
    fn the_examples_of_rfc_9530() {
        for (body, value) in EXAMPLES {
            assert_eq!(of(body), value);
            assert!(matches(value, body).unwrap());
        }
        assert!(!matches(EXAMPLES[0].1, EXAMPLES[1].0).unwrap());
    }

    #[test]
    fn other_algorithms_are_passed_over() {
        let value = format!(
            "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4=:, {}",
            EXAMPLES[0].1
        );
        assert!(matches(&value, EXAMPLES[0].0).unwrap());
        assert!(
            matches(
                "sha-512=:YMAam51Jz/jOATT6/zvHrLVgOYTGFy1d6GJiOHTohq4=:",
                b""
            )
            .is_err()
        );
    }

    #[test]
    fn a_digest_given_twice_or_in_another_type_is_refused() {
        let good = EXAMPLES[0].1;
        for value in [
            &format!("{good}, {good}"),
            &format!("sha-256, {good}"),
            "sha-256",
            "sha-256=\"RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=\"",
            "sha-256=(:RK/0:)",
            "sha-256=:not base64!:",
            "",
        ] {
            assert!(matches(value, EXAMPLES[0].0).is_err(), "{value}");
        }
    }
}
