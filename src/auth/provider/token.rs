//! A provider's tokens (RFC 7519): what they say, and whether that is meant for this server. Pure; the keys are found by
//! [`super::Provider`].

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

use super::error::ProviderError;
use crate::events::core::hash::Hash;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Longest name of a person at the provider, in bytes.
const MAX_SUBJECT: usize = 1024;

/// Whom a token has to be from and for, and when it is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    /// To the letter.
    pub(super) issuer: &'a str,
    /// One of the token's audiences.
    pub(super) audience: &'a str,
    /// How far clocks may be apart, in seconds.
    pub(super) skew_s: i64,
    /// Now, in Unix milliseconds.
    pub(super) now_ms: i64,
}

/// A token whose signature nobody has checked.
pub(super) struct Unproven<'a> {
    token: &'a str,
    header: Header,
}

/// What a token of the provider for this server says.
#[derive(Clone, Debug)]
pub struct Proven {
    /// Who signed it.
    pub issuer: String,
    /// Who it is about, by the provider's name, which is never given to anybody else.
    pub subject: String,
    /// When it was made, Unix milliseconds; 0 if it does not say.
    pub issued_at: i64,
    /// When it ends, tolerance included, Unix milliseconds.
    pub expires_at: i64,
    /// What stands for this token and no other.
    pub token_key: Hash,
    /// What stands for the sign-in at the provider that it comes from, if it says.
    pub sign_in_key: Option<Hash>,
    /// All of it.
    pub claims: Map<String, Value>,
}

/// Whether a text has the form of a token with a signature, as far as one can tell without reading it.
pub fn looks_like_jwt(token: &str) -> bool {
    // `{"`, as every header begins.
    token.starts_with("eyJ") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

fn refuse<T>(reason: &'static str) -> Result<T, ProviderError> {
    Err(ProviderError::InvalidToken(reason))
}

impl<'a> Unproven<'a> {
    /// Takes a token apart.
    pub(super) fn read(token: &'a str) -> Result<Self, ProviderError> {
        if token.len() > MAX_TOKEN {
            return refuse("it is too long");
        }
        let Ok(header) = jsonwebtoken::decode_header(token) else {
            return refuse("it is no signed JWT of a known algorithm");
        };
        if !matches!(
            header.alg,
            Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA
        ) {
            return refuse("its algorithm is none of RS256, ES256 and EdDSA");
        }
        if header.crit.is_some() {
            return refuse("its header asks for extensions");
        }
        if header.typ.as_deref().is_some_and(is_of_another_kind) {
            return refuse("it is of another kind");
        }
        Ok(Unproven { token, header })
    }

    /// The id of the key that is said to have signed it.
    pub(super) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// How it is said to be signed.
    pub(super) fn algorithm(&self) -> Algorithm {
        self.header.alg
    }

    /// What it says, if one of these keys, each for [`Self::algorithm`], signed it.
    pub(super) fn signed_by(&self, keys: &[&DecodingKey]) -> Option<Signed<'a>> {
        // Times are compared with this server's own clock, and the rest to the letter, once the signature is known to be right.
        let mut validation = Validation::new(self.header.alg);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let claims = keys.iter().find_map(|key| {
            let read = jsonwebtoken::decode::<Map<String, Value>>(self.token, key, &validation);
            Some(read.ok()?.claims)
        })?;
        Some(Signed {
            token: self.token,
            claims,
        })
    }
}

/// What a token says that the provider signed, be it for this server or not.
pub(super) struct Signed<'a> {
    token: &'a str,
    claims: Map<String, Value>,
}

impl Signed<'_> {
    /// What it says, if that is meant for `expected`.
    pub(super) fn meant_for(self, expected: Expected<'_>) -> Result<Proven, ProviderError> {
        let Signed { token, claims } = self;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        if text("iss") != Some(expected.issuer) {
            return refuse("it is of another issuer");
        }
        if !is_for(claims.get("aud"), expected.audience) {
            return refuse("it is for another audience");
        }
        // A notice that somebody has signed out is signed by the same keys for the same client.
        if claims.contains_key("events") {
            return refuse("it is of another kind");
        }
        let subject = match text("sub") {
            Some(subject) if (1..=MAX_SUBJECT).contains(&subject.len()) => subject.to_owned(),
            _ => return refuse("it names nobody"),
        };
        let skew = expected.skew_s.saturating_mul(1000);
        let latest = expected.now_ms.saturating_add(skew);
        for name in ["nbf", "iat"] {
            if time(&claims, name)?.is_some_and(|from| from > latest) {
                return refuse("it is from the future");
            }
        }
        let Some(expires_at) = time(&claims, "exp")? else {
            return refuse("it never ends");
        };
        let expires_at = expires_at.saturating_add(skew);
        if expected.now_ms >= expires_at {
            return Err(ProviderError::ExpiredToken);
        }
        let key = |label: &str, id: &str| {
            Hash::of(format!("{label}\n{}\n{subject}\n{id}", expected.issuer).as_bytes())
        };
        let token_key = match text("jti") {
            Some(id) => key("scaiwave-provider-jti-v1", id),
            // Some signatures can be given another form, and are of the same token still.
            None => {
                let (signed, _) = token.rsplit_once('.').unwrap_or((token, ""));
                key("scaiwave-provider-token-v1", signed)
            }
        };
        Ok(Proven {
            issuer: expected.issuer.to_owned(),
            issued_at: time(&claims, "iat")?.unwrap_or(0),
            expires_at,
            token_key,
            sign_in_key: text("sid").map(|id| key("scaiwave-provider-sid-v1", id)),
            subject,
            claims,
        })
    }
}

impl Proven {
    /// The tenant that a claim names; `None`: it names none.
    pub fn tenant(&self, claim: &str) -> Option<String> {
        match self.claims.get(claim)? {
            Value::Null => None,
            Value::String(name) => Some(name.clone()),
            other => Some(other.to_string()),
        }
    }
}

/// What stands for a refresh token: nothing that could be presented is stored.
pub fn refresh_key(token: &str) -> Hash {
    Hash::of(format!("scaiwave-provider-refresh-v1\n{token}").as_bytes())
}

/// Kinds of JWT that are signed with the same keys and are nobody's ticket.
fn is_of_another_kind(typ: &str) -> bool {
    let typ = typ.to_ascii_lowercase();
    let typ = typ.strip_prefix("application/").unwrap_or(&typ);
    !matches!(typ, "jwt" | "at+jwt")
}

fn is_for(audience: Option<&Value>, wanted: &str) -> bool {
    match audience {
        Some(Value::String(one)) => one == wanted,
        Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
        _ => false,
    }
}

/// A time claim in Unix milliseconds: a number of seconds, which may have a fraction.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, ProviderError> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    match value.as_i64() {
        Some(seconds) => Ok(Some(seconds.saturating_mul(1000))),
        None => match value.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "saturates")]
            Some(seconds) => Ok(Some((seconds * 1000.0) as i64)),
            None => refuse("a time in it is no number"),
        },
    }
}

#[cfg(test)]
mod tests;
