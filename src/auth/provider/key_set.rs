//! A provider's keys (RFC 7517), as far as they can check signatures that this server takes. Pure.

use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// Keys of one provider, at most; what comes after is not looked at.
const MOST_KEYS: usize = 100;

/// The keys.
#[derive(Debug, Default)]
pub(super) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// A key as the provider writes it. Of the members that a kind of key has, those of another kind are absent.
#[derive(Deserialize)]
struct Written {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads the provider's document. Keys of another kind or for another purpose are left out: a provider may have them
    /// beside those that sign tokens.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, &'static str> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|_| "its keys are no JSON Web Key Set")?;
        let keys = document.keys.into_iter().take(MOST_KEYS);
        Ok(KeySet(keys.filter_map(usable).collect()))
    }

    /// The keys that may have signed a token with this algorithm and key id, and whether one of them has that very id.
    pub(super) fn candidates(
        &self,
        algorithm: Algorithm,
        id: Option<&str>,
    ) -> (Vec<&DecodingKey>, bool) {
        let of_algorithm = || self.0.iter().filter(|key| key.algorithm == algorithm);
        let named = |key: &&Key| id.is_some() && key.id.as_deref() == id;
        let exact: Vec<&DecodingKey> = of_algorithm().filter(named).map(|key| &key.key).collect();
        if !exact.is_empty() {
            return (exact, true);
        }
        // Ids are optional on both sides.
        let unnamed = of_algorithm().filter(|key| id.is_none() || key.id.is_none());
        (unnamed.map(|key| &key.key).collect(), false)
    }
}

fn usable(value: Value) -> Option<Key> {
    let written: Written = serde_json::from_value(value).ok()?;
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let (algorithm, key) = match (written.kty.as_str(), written.crv.as_deref()) {
        ("RSA", _) => (
            Algorithm::RS256,
            DecodingKey::from_rsa_components(&part(&written.n), &part(&written.e)),
        ),
        ("EC", Some("P-256")) => (
            Algorithm::ES256,
            DecodingKey::from_ec_components(&part(&written.x), &part(&written.y)),
        ),
        ("OKP", Some("Ed25519")) => (
            Algorithm::EdDSA,
            DecodingKey::from_ed_components(&part(&written.x)),
        ),
        _ => return None,
    };
    let name = match algorithm {
        Algorithm::RS256 => "RS256",
        Algorithm::ES256 => "ES256",
        // RFC 9864 names the curve.
        _ if written.alg.as_deref() == Some("Ed25519") => "Ed25519",
        _ => "EdDSA",
    };
    let signs = written.purpose.is_none_or(|purpose| purpose == "sig")
        && written.alg.is_none_or(|alg| alg == name);
    Some(Key {
        id: written.kid,
        algorithm,
        key: key.ok().filter(|_| signs)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const P256_X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const P256_Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";
    const ED_X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    fn set(keys: &Value) -> KeySet {
        KeySet::read(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
    }

    fn ed(kid: Value) -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "x": ED_X, "kid": kid})
    }

    #[test]
    fn keys_that_cannot_check_signatures_spoil_nothing() {
        let keys = set(&json!([
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "enc", "use": "enc"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "ps", "alg": "PS256"},
            {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "large"},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "secret"},
            {"kty": "post-quantum"},
            {"kid": "no kind"},
            "no key",
            ed(json!("good")),
        ]));
        assert_eq!(keys.0.len(), 1);
        let (found, is_exact) = keys.candidates(Algorithm::EdDSA, Some("good"));
        assert_eq!((found.len(), is_exact), (1, true));
    }

    #[test]
    fn a_key_is_for_the_algorithm_of_its_kind_only() {
        let keys = set(&json!([
            {"kty": "EC", "crv": "P-256", "x": P256_X, "y": P256_Y, "kid": "a"},
            {"kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "b"},
        ]));
        let count = |algorithm, id| keys.candidates(algorithm, Some(id)).0.len();
        assert_eq!(count(Algorithm::ES256, "a"), 1);
        assert_eq!(count(Algorithm::RS256, "a"), 0);
        assert_eq!(count(Algorithm::RS256, "b"), 1);
        assert_eq!(count(Algorithm::ES256, "b"), 0);
        assert_eq!(count(Algorithm::HS256, "b"), 0);
    }

    #[test]
    fn ids_are_optional_on_both_sides() {
        let keys = set(&json!([ed(Value::Null), ed(json!("two"))]));
        let find = |id| {
            let (found, is_exact) = keys.candidates(Algorithm::EdDSA, id);
            (found.len(), is_exact)
        };
        assert_eq!(find(None), (2, false));
        assert_eq!(find(Some("two")), (1, true));
        assert_eq!(find(Some("three")), (1, false));
    }

    #[test]
    fn what_is_no_key_set_is_refused_and_a_long_one_cut() {
        for bytes in [&b""[..], b"{}", b"[]", b"{\"keys\":{}}"] {
            assert!(KeySet::read(bytes).is_err());
        }
        let many: Vec<Value> = (0..MOST_KEYS + 5)
            .map(|n| ed(json!(n.to_string())))
            .collect();
        assert_eq!(set(&json!(many)).0.len(), MOST_KEYS);
    }
}
