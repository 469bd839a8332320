//! HTTP message signatures between servers: RFC 9421 with Ed25519, and RFC 9530 body digests. Pure.
//!
//! A request is signed under the tag `scaiwave-federation-v1` over exactly `@method`, `@authority`, `@path`, `@query`,
//! `x-scaiwave-protocol` and, when there is a body, `content-digest`, in any order, with the parameters `created`,
//! `keyid="<server_name>#<key_id>"`, `alg="ed25519"` and `tag`, in any order and no others. One signature per request.
//!
//! Reading takes three steps, because a key may only be fetched for a server that the policy allows:
//! [`Parsed::read`] says who claims to call, [`Parsed::check`] judges all that needs no key, [`Checked::verify`] the rest.

mod digest;
mod error;
mod input;

use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{KeyRef, StringRef, key_ref};

use self::error::Target;
pub use self::error::{Fault, SignError, SignatureError};
use self::input::{Input, Param};
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyId, KeyPair, PublicKey, Signature};

/// Names the protocol version that a request speaks.
pub const PROTOCOL_HEADER: HeaderName = HeaderName::from_static(PROTOCOL);
/// The protocol version of this code.
pub const PROTOCOL_VERSION: &str = "v1";
/// RFC 9530.
pub const CONTENT_DIGEST: HeaderName = HeaderName::from_static(DIGEST);
/// RFC 9421.
pub const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// RFC 9421.
pub const SIGNATURE: HeaderName = HeaderName::from_static("signature");

/// Keeps these signatures from meaning anything to another protocol on RFC 9421.
const TAG: &str = "scaiwave-federation-v1";
const ALG: &str = "ed25519";
const LABEL: &KeyRef = key_ref("scaiwave");
/// How far `created` may be from the receiver's clock, in seconds.
const MAX_SKEW_S: u64 = 60;
/// Longest value of one of the signature's headers: far above what a lawful one needs.
const MAX_HEADER_BYTES: usize = 2_048;

const METHOD: &str = "@method";
const AUTHORITY: &str = "@authority";
const PATH: &str = "@path";
const QUERY: &str = "@query";
const PROTOCOL: &str = "x-scaiwave-protocol";
const DIGEST: &str = "content-digest";

/// A request as far as its signature is concerned.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// `GET`, `POST` …
    pub method: &'a str,
    /// `Host` or `:authority`: the name of the called server, or its `base_url`'s host and port.
    pub authority: &'a str,
    /// The path as on the wire, nothing decoded.
    pub path: &'a str,
    /// What follows the question mark, as on the wire.
    pub query: Option<&'a str>,
    /// The body; empty for none.
    pub body: &'a [u8],
}

/// The headers that sign `request` in the name of `server`, the protocol's version among them.
///
/// # Errors
/// A part of the request cannot stand in a header.
pub fn sign(
    request: &Request<'_>,
    server: &ServerName,
    key: &KeyPair,
    now_ms: i64,
) -> Result<Vec<(HeaderName, HeaderValue)>, SignError> {
    let digest = (!request.body.is_empty()).then(|| digest::of(request.body));
    let query = query_value(request.query);
    let mut components = vec![
        (METHOD, request.method),
        (AUTHORITY, request.authority),
        (PATH, request.path),
        (QUERY, query.as_str()),
        (PROTOCOL, PROTOCOL_VERSION),
    ];
    if let Some(digest) = &digest {
        components.push((DIGEST, digest));
    }
    let text = |text: &str| StringRef::from_str(text).map(ToOwned::to_owned);
    let params = [
        Param::Created(now_ms.div_euclid(1_000)),
        Param::KeyId(text(&format!("{server}#{}", key.key_id()))?),
        Param::Alg(text(ALG)?),
        Param::Tag(text(TAG)?),
    ];
    let names: Vec<&str> = components.iter().map(|(name, _)| *name).collect();
    let signature = key.sign(input::base(&components, &params)?.as_bytes());
    let mut headers = vec![
        (PROTOCOL_HEADER, HeaderValue::from_static(PROTOCOL_VERSION)),
        (
            SIGNATURE_INPUT,
            HeaderValue::try_from(input::write_input(LABEL, &names, &params)?)?,
        ),
        (
            SIGNATURE,
            HeaderValue::try_from(input::write_signature(LABEL, signature.as_bytes()))?,
        ),
    ];
    if let Some(digest) = digest {
        headers.push((CONTENT_DIGEST, HeaderValue::try_from(digest)?));
    }
    Ok(headers)
}

/// A received signature whose caller is known by name, though nothing is believed yet.
#[derive(Debug, Clone)]
pub struct Parsed {
    server_name: ServerName,
    key_id: KeyId,
    input: Input,
}

impl Parsed {
    /// Reads who claims to have signed a request. Nothing else is judged.
    ///
    /// # Errors
    /// No readable `keyid`.
    pub fn read(headers: &HeaderMap) -> Result<Self, SignatureError> {
        let value = only(headers, &SIGNATURE_INPUT)?;
        let input = Input::parse(value).map_err(|fault| malformed(&SIGNATURE_INPUT, &fault))?;
        let (server_name, key_id) = input
            .key_id()
            .and_then(|id| id.split_once('#'))
            .and_then(|(server, key)| Some((server.parse().ok()?, key.parse().ok()?)))
            .ok_or(Fault::KeyId)?;
        Ok(Self {
            server_name,
            key_id,
            input,
        })
    }

    /// The server that claims to call.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    /// The key that it claims to have signed with.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// Judges everything but the signature itself: form, coverage, authority, clock, digest.
    /// `own` are the authorities that this server answers to: its name, and its `base_url`'s host and port.
    ///
    /// # Errors
    /// What is wrong, with the request's target as received.
    pub fn check(
        &self,
        request: &Request<'_>,
        headers: &HeaderMap,
        own: &[&str],
        now_ms: i64,
    ) -> Result<Checked, SignatureError> {
        self.check_all(request, headers, own, now_ms)
            .map_err(|fault| SignatureError::about(fault, Target::of(request)))
    }

    fn check_all(
        &self,
        request: &Request<'_>,
        headers: &HeaderMap,
        own: &[&str],
        now_ms: i64,
    ) -> Result<Checked, Fault> {
        let signature = self.signature(headers)?;
        let created_s = check_params(&self.input.params, now_ms)?;
        check_coverage(&self.input.components, !request.body.is_empty())?;
        let authority = request.authority.to_ascii_lowercase();
        if !own.contains(&authority.as_str()) {
            return Err(Fault::Authority {
                own: own.iter().map(ToString::to_string).collect(),
            });
        }
        let query = query_value(request.query);
        let mut components = Vec::with_capacity(self.input.components.len());
        for (name, _) in &self.input.components {
            let value = match name.as_str() {
                METHOD => request.method,
                AUTHORITY => &authority,
                PATH => request.path,
                QUERY => &query,
                header => only_named(headers, header)?,
            };
            if name == DIGEST {
                check_digest(value, request.body)?;
            }
            components.push((name.as_str(), value));
        }
        let base = input::base(&components, &self.input.params)
            .map_err(|fault| malformed(&SIGNATURE_INPUT, &fault))?;
        Ok(Checked {
            server_name: self.server_name.clone(),
            key_id: self.key_id,
            created_s,
            base,
            signature,
            target: Target::of(request),
        })
    }

    fn signature(&self, headers: &HeaderMap) -> Result<Signature, Fault> {
        let value = only(headers, &SIGNATURE)?;
        let (label, bytes) =
            input::parse_signature(value).map_err(|fault| malformed(&SIGNATURE, &fault))?;
        if label != self.input.label {
            return Err(Fault::Label);
        }
        bytes
            .try_into()
            .map(Signature::from_bytes)
            .map_err(|_| Fault::Length)
    }
}

/// A signature of which only the key's word is missing.
#[derive(Debug, Clone)]
pub struct Checked {
    server_name: ServerName,
    key_id: KeyId,
    created_s: i64,
    base: String,
    signature: Signature,
    target: Target,
}

impl Checked {
    /// The server that claims to call.
    #[must_use]
    pub fn server_name(&self) -> &ServerName {
        &self.server_name
    }

    /// The key that it claims to have signed with.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// When the caller says that it signed, in Unix milliseconds, to the second.
    #[must_use]
    pub fn created_ms(&self) -> i64 {
        self.created_s.saturating_mul(1_000)
    }

    /// What the signature has to cover.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Verifies the signature, strictly (RFC 8032, canonical S, no small-order keys).
    ///
    /// # Errors
    /// The key did not make this signature over the request as received.
    pub fn verify(&self, key: &PublicKey) -> Result<(), SignatureError> {
        key.verify_strict(self.base.as_bytes(), &self.signature)
            .map_err(|_| {
                self.refuse(Fault::Mismatch {
                    key_id: self.key_id,
                })
            })
    }

    /// The refusal for a key that the calling server does not have, or has no more.
    #[must_use]
    pub fn unknown_key(&self) -> SignatureError {
        self.refuse(Fault::UnknownKey {
            key_id: self.key_id,
        })
    }

    fn refuse(&self, fault: Fault) -> SignatureError {
        SignatureError::about(fault, self.target.clone())
    }
}

/// Refuses all but `created`, `keyid`, `alg` and `tag`, each once, with the values that the protocol gives them; returns
/// `created`.
fn check_params(params: &[Param], now_ms: i64) -> Result<i64, Fault> {
    let fault = |name: &str| Fault::Parameter {
        name: name.to_owned(),
    };
    let (mut created, mut key_ids, mut algs, mut tags) = (None, 0, 0, 0);
    for param in params {
        match param {
            Param::Created(_) if created.is_some() => return Err(fault("created")),
            Param::Created(created_s) => created = Some(*created_s),
            Param::KeyId(_) => key_ids += 1,
            Param::Alg(alg) if alg.as_str() == ALG => algs += 1,
            Param::Tag(tag) if tag.as_str() == TAG => tags += 1,
            Param::Alg(_) => return Err(fault("alg")),
            Param::Tag(_) => return Err(fault("tag")),
            Param::Unexpected(name) => return Err(fault(name)),
        }
    }
    for (count, name) in [(key_ids, "keyid"), (algs, "alg"), (tags, "tag")] {
        if count != 1 {
            return Err(fault(name));
        }
    }
    let created_s = created.ok_or_else(|| fault("created"))?;
    let now_s = now_ms.div_euclid(1_000);
    if created_s.abs_diff(now_s) > MAX_SKEW_S {
        return Err(Fault::Clock { created_s, now_s });
    }
    Ok(created_s)
}

/// Refuses a component that is missing, repeated, qualified by parameters, or none of the protocol's.
fn check_coverage(components: &[(String, bool)], has_body: bool) -> Result<(), Fault> {
    let required = [METHOD, AUTHORITY, PATH, QUERY, PROTOCOL];
    let count = |wanted: &str| {
        components
            .iter()
            .filter(|(name, plain)| *plain && name == wanted)
            .count()
    };
    let digests = count(DIGEST);
    let complete =
        required.iter().all(|name| count(name) == 1) && digests <= 1 && (digests == 1 || !has_body);
    if complete && components.len() == required.len() + digests {
        Ok(())
    } else {
        Err(Fault::Coverage { has_body })
    }
}

fn check_digest(value: &str, body: &[u8]) -> Result<(), Fault> {
    match digest::matches(value, body) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Fault::Digest),
        Err(fault) => Err(malformed(&CONTENT_DIGEST, &fault)),
    }
}

/// RFC 9421, section 2.2.7: the question mark stands there even where there is no query.
fn query_value(query: Option<&str>) -> String {
    format!("?{}", query.unwrap_or_default())
}

fn only_named<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Fault> {
    let name = HeaderName::try_from(name).map_err(|_| Fault::Coverage { has_body: false })?;
    only(headers, &name)
}

/// The value of a header that must occur once: joining several lines is a choice that a proxy could make otherwise.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Fault> {
    let mut values = headers.get_all(name).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(Fault::Header { name: name.clone() });
    };
    let text = value
        .to_str()
        .ok()
        .filter(|text| text.len() <= MAX_HEADER_BYTES);
    text.map(str::trim)
        .ok_or_else(|| Fault::Header { name: name.clone() })
}

fn malformed(name: &HeaderName, fault: &sfv::Error) -> Fault {
    Fault::Malformed {
        name: name.clone(),
        reason: fault.to_string(),
    }
}

#[cfg(test)]
mod tests;
