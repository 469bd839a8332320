//! This server's own tokens: access tokens (JWT), refresh tokens, and access tokens for scripts. Pure.
//!
//! Access and refresh tokens are HS256 JWTs under two keys that follow from the server's secret, one label each, so that
//! neither can stand in for the other. A refresh token names its session and its number in it; nothing about it is
//! stored that could be presented, and only this server can make one. A script's token is 256 random bits, of which the
//! hash is stored.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::events::core::hash::Hash;
use crate::events::core::ids::{ParticipantId, TenantId};

/// What a script's token begins with.
pub const SCRIPT_TOKEN_PREFIX: &str = "swt_";

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 8 * 1024;
/// First line of what the access token key is the hash of.
const ACCESS_LABEL: &[u8] = b"scaiwave-access-token-v1\n";
/// First line of what the refresh token key is the hash of.
const REFRESH_LABEL: &[u8] = b"scaiwave-refresh-token-v1\n";

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not a token of this server, or made in the future.
    #[error("not a valid token")]
    Invalid,
    /// Past its time.
    #[error("the token has expired")]
    Expired,
    /// Signing failed, which takes a fault of the program.
    #[error("cannot sign a token")]
    Signing,
}

/// The claims of an access token (client specification, section 2). Times are Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// This server's public address.
    pub iss: String,
    /// Who acts.
    pub sub: ParticipantId,
    /// The tenant in which the token acts.
    pub tenant_id: TenantId,
    /// The session that the token belongs to.
    pub sid: Uuid,
    /// The token's own id.
    pub jti: Uuid,
    /// When it was made.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
}

/// The claims of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshClaims {
    /// The tenant of the session.
    pub tenant_id: TenantId,
    /// The session.
    pub sid: Uuid,
    /// The token's number in its session.
    #[serde(rename = "gen")]
    pub generation: i64,
}

/// Signs and checks this server's tokens.
pub struct TokenKeys {
    issuer: String,
    access: KeyPair,
    refresh: KeyPair,
    access_ttl_s: i64,
    skew_s: i64,
}

struct KeyPair {
    sign: EncodingKey,
    check: DecodingKey,
}

impl KeyPair {
    /// A key of its own for each label: the secret is 32 bytes, so a plain hash over label and secret is a good one.
    fn derive(label: &[u8], secret: &[u8; 32]) -> Self {
        let key = Sha256::new()
            .chain_update(label)
            .chain_update(secret)
            .finalize();
        KeyPair {
            sign: EncodingKey::from_secret(&key),
            check: DecodingKey::from_secret(&key),
        }
    }

    fn sign<T: Serialize>(&self, claims: &T) -> Result<String, TokenError> {
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &self.sign)
            .map_err(|_| TokenError::Signing)
    }

    fn check<T: DeserializeOwned>(&self, token: &str) -> Result<T, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid);
        }
        // Times are checked by the caller: with the clock that is passed in, and to the millisecond.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.validate_exp = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(token, &self.check, &validation)
            .map(|data| data.claims)
            .map_err(|_| TokenError::Invalid)
    }
}

impl TokenKeys {
    /// Keys from the server's secret. `issuer` is the server's public address; `access_ttl_s` is how long access tokens
    /// live and `skew_s` how far ahead a token may have been made, in seconds.
    pub fn new(secret: &[u8; 32], issuer: String, access_ttl_s: i64, skew_s: i64) -> Self {
        TokenKeys {
            issuer,
            access: KeyPair::derive(ACCESS_LABEL, secret),
            refresh: KeyPair::derive(REFRESH_LABEL, secret),
            access_ttl_s,
            skew_s,
        }
    }

    /// How long access tokens live, in seconds.
    pub fn access_ttl_s(&self) -> i64 {
        self.access_ttl_s
    }

    /// An access token for a session, made at `now_ms`; `jti` is random.
    pub fn sign_access(
        &self,
        sub: ParticipantId,
        tenant_id: TenantId,
        sid: Uuid,
        jti: Uuid,
        now_ms: i64,
    ) -> Result<String, TokenError> {
        let iat = now_ms.div_euclid(1000);
        self.access.sign(&AccessClaims {
            iss: self.issuer.clone(),
            sub,
            tenant_id,
            sid,
            jti,
            iat,
            exp: iat.saturating_add(self.access_ttl_s),
        })
    }

    /// Checks signature, issuer and times. The tolerance for clocks is for the moment it was made; it ends on time.
    pub fn check_access(&self, token: &str, now_ms: i64) -> Result<AccessClaims, TokenError> {
        let claims: AccessClaims = self.access.check(token)?;
        let latest_iat = now_ms.saturating_add(self.skew_s.saturating_mul(1000));
        if claims.iss != self.issuer || claims.iat.saturating_mul(1000) > latest_iat {
            return Err(TokenError::Invalid);
        }
        if now_ms >= claims.exp.saturating_mul(1000) {
            return Err(TokenError::Expired);
        }
        Ok(claims)
    }

    /// The refresh token with these claims: always the same text.
    pub fn sign_refresh(&self, claims: &RefreshClaims) -> Result<String, TokenError> {
        self.refresh.sign(claims)
    }

    /// Checks a refresh token's signature. Whether it is still good is for `refresh` to say.
    pub fn check_refresh(&self, token: &str) -> Result<RefreshClaims, TokenError> {
        self.refresh.check(token)
    }
}

/// A new random id (UUIDv4) from 16 random bytes.
pub fn random_id() -> Uuid {
    uuid::Builder::from_random_bytes(rand::random()).into_uuid()
}

/// A new token for a script: `swt_` and 256 random bits.
pub fn new_script_token() -> String {
    let secret: [u8; 32] = rand::random();
    format!("{SCRIPT_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret))
}

/// What is stored of a script's token, and what it is found by. Hashing before the lookup leaves no timing to learn from.
pub fn script_token_hash(token: &str) -> Option<Hash> {
    let secret = token.strip_prefix(SCRIPT_TOKEN_PREFIX)?;
    (secret.len() == 43).then(|| Hash::of(token.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_600_800_000;
    const SECRET: [u8; 32] = [7; 32];

    fn keys() -> TokenKeys {
        TokenKeys::new(&SECRET, "https://chat.example".to_owned(), 3600, 60)
    }

    fn someone() -> ParticipantId {
        "018f0000-0000-8000-8000-000000000001".parse().unwrap()
    }

    fn access(keys: &TokenKeys, now: i64) -> String {
        keys.sign_access(
            someone(),
            TenantId(Uuid::from_u128(1)),
            Uuid::from_u128(2),
            Uuid::from_u128(3),
            now,
        )
        .unwrap()
    }

    #[test]
    fn an_access_token_reads_back() {
        let claims = keys().check_access(&access(&keys(), NOW), NOW).unwrap();
        assert_eq!(claims.sub, someone());
        assert_eq!(claims.tenant_id, TenantId(Uuid::from_u128(1)));
        assert_eq!(claims.sid, Uuid::from_u128(2));
        assert_eq!(claims.exp - claims.iat, 3600);
    }

    #[test]
    fn it_ends_on_time_without_tolerance() {
        let token = access(&keys(), NOW);
        assert!(keys().check_access(&token, NOW + 3_599_999).is_ok());
        assert_eq!(
            keys().check_access(&token, NOW + 3_600_000),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_token_from_the_future_is_tolerated_for_a_minute() {
        let token = access(&keys(), NOW);
        assert!(keys().check_access(&token, NOW - 60_000).is_ok());
        assert_eq!(
            keys().check_access(&token, NOW - 60_001),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn other_secrets_issuers_and_bytes_are_refused() {
        let token = access(&keys(), NOW);
        let other_secret = TokenKeys::new(&[8; 32], "https://chat.example".to_owned(), 3600, 60);
        let other_issuer = TokenKeys::new(&SECRET, "https://other.example".to_owned(), 3600, 60);
        assert_eq!(
            other_secret.check_access(&token, NOW),
            Err(TokenError::Invalid)
        );
        assert_eq!(
            other_issuer.check_access(&token, NOW),
            Err(TokenError::Invalid)
        );
        let mut broken = token.clone();
        broken.insert(token.len() / 2, 'A');
        for text in ["", ".", "..", "a.b.c", &broken, &"x".repeat(MAX_TOKEN + 1)] {
            assert_eq!(keys().check_access(text, NOW), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn an_unsigned_token_is_refused() {
        let token = access(&keys(), NOW);
        let payload = token.split('.').nth(1).unwrap();
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
        for text in [
            format!("{header}.{payload}."),
            format!("{header}.{payload}"),
        ] {
            assert_eq!(keys().check_access(&text, NOW), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn refresh_tokens_are_not_access_tokens() {
        let claims = RefreshClaims {
            tenant_id: TenantId(Uuid::from_u128(1)),
            sid: Uuid::from_u128(2),
            generation: 3,
        };
        let token = keys().sign_refresh(&claims).unwrap();
        assert_eq!(keys().check_refresh(&token), Ok(claims));
        assert_eq!(keys().sign_refresh(&claims).unwrap(), token);
        assert_eq!(keys().check_access(&token, NOW), Err(TokenError::Invalid));
        assert_eq!(
            keys().check_refresh(&access(&keys(), NOW)),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn script_tokens_are_long_random_and_recognised() {
        let token = new_script_token();
        assert_ne!(token, new_script_token());
        assert_eq!(token.len(), 4 + 43);
        assert_eq!(script_token_hash(&token), Some(Hash::of(token.as_bytes())));
        assert_eq!(script_token_hash("swt_short"), None);
        assert_eq!(script_token_hash("eyJ"), None);
    }
}
