//! Signatures of requests between servers: RFC 9421 with Ed25519, RFC 9530 digests.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::key::{Key, PublicKey};
use super::{VERSION, sha256};

const TAG: &str = "scaiwave-federation-v1";
const LABEL: &str = "sig1";

/// A request as its signature sees it.
#[derive(Clone, Debug)]
pub struct Target {
    /// `GET`, `POST` …
    pub method: String,
    /// The called server's name.
    pub authority: String,
    /// The path as on the wire.
    pub path: String,
    /// What follows the question mark; empty for none.
    pub query: String,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// How a request is signed; a check changes one thing in it to be refused.
#[derive(Clone, Debug)]
pub struct Manner {
    /// When, in Unix seconds.
    pub created: i64,
    /// `<server_name>#<key_id>`.
    pub key_id: String,
    /// The algorithm's name.
    pub alg: String,
    /// The tag.
    pub tag: String,
    /// The value of `X-ScaiWave-Protocol`.
    pub protocol: String,
    /// The covered components, in order.
    pub components: Vec<String>,
    /// Parameters in another order, which is lawful.
    pub parameters_reversed: bool,
    /// Writes `Signature-Input`, without its label, in another way; what it makes is signed.
    pub rewrites_input: fn(&str) -> String,
    /// Makes another signature of the right one.
    pub rewrites_signature: fn([u8; 64]) -> [u8; 64],
    /// Writes `Content-Digest` in another way; what it makes is signed.
    pub rewrites_digest: fn(&str) -> String,
    /// The label in `Signature`; that in `Signature-Input` stays.
    pub signature_label: &'static str,
}

impl Manner {
    /// As the specification asks.
    pub fn lawful(server_name: &str, key: &Key, has_body: bool, now_ms: i64) -> Self {
        let mut components = vec![
            "@method",
            "@authority",
            "@path",
            "@query",
            "x-scaiwave-protocol",
        ];
        if has_body {
            components.push("content-digest");
        }
        Self {
            created: now_ms / 1000,
            key_id: format!("{server_name}#{}", key.key_id()),
            alg: "ed25519".to_owned(),
            tag: TAG.to_owned(),
            protocol: VERSION.to_owned(),
            components: components.into_iter().map(str::to_owned).collect(),
            parameters_reversed: false,
            rewrites_input: str::to_owned,
            rewrites_signature: |signature| signature,
            rewrites_digest: str::to_owned,
            signature_label: LABEL,
        }
    }
}

/// The headers of a request that is signed in this manner.
pub fn headers(target: &Target, manner: &Manner, key: &Key) -> Vec<(String, String)> {
    let digest = (manner.rewrites_digest)(&digest(&target.body));
    let mut headers = vec![("X-ScaiWave-Protocol".to_owned(), manner.protocol.clone())];
    if !target.body.is_empty() {
        headers.push(("Content-Digest".to_owned(), digest.clone()));
    }
    let input = (manner.rewrites_input)(&input(manner));
    let base = base(
        target,
        &manner.components,
        &manner.protocol,
        &digest,
        &input,
    );
    let signature = (manner.rewrites_signature)(key.sign_raw(base.as_bytes()));
    let signature = STANDARD.encode(signature);
    headers.push(("Signature-Input".to_owned(), format!("{LABEL}={input}")));
    let label = manner.signature_label;
    headers.push(("Signature".to_owned(), format!("{label}=:{signature}:")));
    headers
}

/// The value of `Content-Digest`.
pub fn digest(body: &[u8]) -> String {
    format!("sha-256=:{}:", STANDARD.encode(sha256(body)))
}

fn input(manner: &Manner) -> String {
    let mut parameters = [
        format!("created={}", manner.created),
        format!("keyid=\"{}\"", manner.key_id),
        format!("alg=\"{}\"", manner.alg),
        format!("tag=\"{}\"", manner.tag),
    ];
    if manner.parameters_reversed {
        parameters.reverse();
    }
    let covered: Vec<String> = manner
        .components
        .iter()
        .map(|name| format!("\"{name}\""))
        .collect();
    format!("({});{}", covered.join(" "), parameters.join(";"))
}

fn base(
    target: &Target,
    components: &[String],
    protocol: &str,
    digest: &str,
    input: &str,
) -> String {
    let mut lines = String::new();
    for name in components {
        let value = match name.as_str() {
            "@method" => target.method.clone(),
            "@authority" => target.authority.clone(),
            "@path" => target.path.clone(),
            "@query" => format!("?{}", target.query),
            "x-scaiwave-protocol" => protocol.to_owned(),
            "content-digest" => digest.to_owned(),
            _ => String::new(),
        };
        lines.push_str(&format!("\"{name}\": {value}\n"));
    }
    format!("{lines}\"@signature-params\": {input}")
}

/// Judges the signature of a received request. `header` finds a header's only value; `now_ms` is the receiver's clock.
pub fn judge(
    target: &Target,
    header: impl Fn(&str) -> Option<String>,
    key: &PublicKey,
    caller: &str,
    now_ms: i64,
) -> Result<(), String> {
    let input = header("signature-input").ok_or("no Signature-Input")?;
    let (label, input) = input
        .split_once('=')
        .ok_or("Signature-Input is no dictionary")?;
    let (covered, parameters) = read_input(input)?;
    let mut wanted = vec![
        "@authority",
        "@method",
        "@path",
        "@query",
        "x-scaiwave-protocol",
    ];
    if !target.body.is_empty() {
        wanted.insert(2, "content-digest");
    }
    let mut sorted = covered.clone();
    sorted.sort();
    wanted.sort_unstable();
    if sorted != wanted {
        return Err(format!("the signature covers {covered:?}"));
    }
    parameter(
        &parameters,
        "keyid",
        &format!("\"{caller}#{}\"", key.key_id()),
    )?;
    parameter(&parameters, "alg", "\"ed25519\"")?;
    parameter(&parameters, "tag", &format!("\"{TAG}\""))?;
    let created: i64 = parameters
        .get("created")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    if (created - now_ms / 1000).abs() > 60 {
        return Err(format!("created is {created}, now is {}", now_ms / 1000));
    }
    if parameters.len() != 4 {
        return Err(format!("the parameters are {parameters:?}"));
    }
    let own_digest = digest(&target.body);
    if !target.body.is_empty() && header("content-digest").as_ref() != Some(&own_digest) {
        return Err("Content-Digest is not that of the body".to_owned());
    }
    let protocol = header("x-scaiwave-protocol").unwrap_or_default();
    let base = base(target, &covered, &protocol, &own_digest, input);
    let signature = header("signature").ok_or("no Signature")?;
    let raw = signature
        .strip_prefix(&format!("{label}=:"))
        .and_then(|text| text.strip_suffix(':'))
        .and_then(|text| STANDARD.decode(text).ok())
        .ok_or("Signature is not readable")?;
    if key.verifies_raw(base.as_bytes(), &raw) {
        Ok(())
    } else {
        Err("the signature is not that of the caller's key".to_owned())
    }
}

fn read_input(input: &str) -> Result<(Vec<String>, BTreeMap<String, String>), String> {
    let (covered, parameters) = input
        .strip_prefix('(')
        .and_then(|rest| rest.split_once(')'))
        .ok_or("Signature-Input has no inner list")?;
    let covered = covered
        .split_whitespace()
        .map(|name| name.trim_matches('"').to_owned())
        .collect();
    let parameters = parameters
        .split(';')
        .filter_map(|parameter| parameter.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Ok((covered, parameters))
}

fn parameter(
    parameters: &BTreeMap<String, String>,
    name: &str,
    expected: &str,
) -> Result<(), String> {
    match parameters.get(name) {
        Some(value) if value == expected => Ok(()),
        other => Err(format!("{name} is {other:?}, expected {expected}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_signed_is_judged_right_and_a_change_is_found() {
        let key = Key::random();
        let public = PublicKey::from_text(&key.public_key()).expect("a key");
        let target = Target {
            method: "POST".to_owned(),
            authority: "a.example".to_owned(),
            path: "/_scaiwave/federation/v1/send".to_owned(),
            query: String::new(),
            body: b"{}".to_vec(),
        };
        let now = 1_780_000_000_000;
        let manner = Manner::lawful("b.example", &key, true, now);
        let made = headers(&target, &manner, &key);
        let header = |name: &str| {
            let found = made
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        assert_eq!(judge(&target, header, &public, "b.example", now), Ok(()));
        let other = Target {
            body: b"{ }".to_vec(),
            ..target.clone()
        };
        assert!(judge(&other, header, &public, "b.example", now).is_err());
        let other = Target {
            path: "/other".to_owned(),
            ..target.clone()
        };
        assert!(judge(&other, header, &public, "b.example", now).is_err());
        assert!(judge(&target, header, &public, "c.example", now).is_err());
        assert!(judge(&target, header, &public, "b.example", now + 61_000).is_err());
    }
}
