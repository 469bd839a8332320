//! Signed requests (RFC 9421): headers as they come from the wire, checked, and verified with a key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::{NOW, key};
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::federation::core::http_signature::{Parsed, Request, SIGNATURE, SignatureError, sign};

/// What the called server answers to.
const OWN: [&str; 2] = ["a.example", "chat.a.example:8448"];

/// A request as a text: method and target, headers line by line with the authority under `host`, an empty line, the body.
pub fn request_signature(bytes: &[u8]) {
    if let Some(arrived) = Arrived::read(bytes) {
        let signer = key(101);
        let judged = judge(&arrived.request(), &arrived.headers, &signer);
        assert!(judged.is_err(), "nobody else has the key");
        if let Some(signed) = arrived.signed_as_it_asks(&signer) {
            binds(&signed, &arrived, &signer);
        }
        if let Some(signed) = arrived.signed_as_we_do(&signer) {
            binds(&signed, &arrived, &signer);
        }
    }
}

/// Whether a server would go so far as to ask for the key.
#[cfg(test)]
pub(super) fn can_be_signed(bytes: &[u8]) -> bool {
    Arrived::read(bytes).is_some_and(|arrived| arrived.signed_as_it_asks(&key(101)).is_some())
}

struct Arrived {
    method: String,
    authority: String,
    target: Uri,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Arrived {
    /// None where the HTTP below would not let it through.
    fn read(bytes: &[u8]) -> Option<Arrived> {
        let end = bytes.windows(2).position(|two| two == b"\n\n");
        let (head, body) = match end {
            Some(end) => (bytes.get(..end)?, bytes.get(end + 2..)?),
            None => (bytes, &[][..]),
        };
        let mut lines = head.split(|byte| *byte == b'\n');
        let first = std::str::from_utf8(lines.next()?).ok()?;
        let (method, target) = first.split_once(' ')?;
        let mut headers = HeaderMap::new();
        let mut authority = String::new();
        for line in lines {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(line.get(..colon)?).ok()?;
            let value = HeaderValue::from_bytes(line.get(colon + 1..)?.trim_ascii()).ok()?;
            match name.as_str() {
                "host" => authority = value.to_str().ok()?.to_owned(),
                _ => drop(headers.try_append(name, value)),
            }
        }
        Some(Arrived {
            method: http::Method::from_bytes(method.as_bytes())
                .ok()?
                .to_string(),
            authority,
            target: target.parse().ok()?,
            headers,
            body: body.to_vec(),
        })
    }

    fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            authority: &self.authority,
            path: self.target.path(),
            query: self.target.query(),
            body: &self.body,
        }
    }

    /// The headers with a signature over what they say that they sign, if a server goes so far as to ask for the key.
    fn signed_as_it_asks(&self, signer: &KeyPair) -> Option<HeaderMap> {
        let parsed = Parsed::read(&self.headers).ok()?;
        let request = self.request();
        let checked = parsed.check(&request, &self.headers, &OWN, NOW).ok()?;
        says_what_was_received(checked.base(), &request);
        assert!((checked.created_ms() - NOW).abs() <= 60_000, "in its time");
        let stated = self.headers.get(SIGNATURE)?.to_str().ok()?;
        let (label, rest) = stated.split_once(':')?;
        let (_, rest) = rest.split_once(':')?;
        let signature = signer.sign(checked.base().as_bytes());
        let signature = format!("{label}:{}:{rest}", STANDARD.encode(signature.as_bytes()));
        let mut headers = self.headers.clone();
        headers.insert(SIGNATURE, HeaderValue::try_from(signature).ok()?);
        Some(headers)
    }

    /// The headers as this server signs the request; none where it would have to write what stands in no header.
    fn signed_as_we_do(&self, signer: &KeyPair) -> Option<HeaderMap> {
        let name: ServerName = "b.example".parse().ok()?;
        let request = Request {
            authority: OWN.first()?,
            ..self.request()
        };
        let headers = sign(&request, &name, signer, NOW).ok()?;
        let headers: HeaderMap = headers.into_iter().collect();
        judge(&request, &headers, signer).expect("its key signed it");
        (self.authority == request.authority).then_some(headers)
    }
}

/// Each covered component is a line of its own, and holds what was received: nothing can pass for another line.
fn says_what_was_received(base: &str, request: &Request<'_>) {
    let lines: Vec<_> = base.split('\n').collect();
    let has_digest = lines
        .iter()
        .any(|line| line.starts_with("\"content-digest\": "));
    assert!(has_digest || request.body.is_empty(), "the body is covered");
    assert_eq!(
        lines.len(),
        6 + usize::from(has_digest),
        "one line for each"
    );
    let query = format!("?{}", request.query.unwrap_or_default());
    for (name, value) in [
        ("@method", request.method),
        ("@authority", &request.authority.to_ascii_lowercase()),
        ("@path", request.path),
        ("@query", &query),
    ] {
        let line = format!("\"{name}\": {value}");
        let count = lines.iter().filter(|stated| **stated == line).count();
        assert_eq!(count, 1, "{line} is covered once");
    }
}

/// With these headers the request is believed, and no other one is.
fn binds(headers: &HeaderMap, arrived: &Arrived, signer: &KeyPair) {
    let request = arrived.request();
    judge(&request, headers, signer).expect("its key signed it");
    judge(&request, headers, &key(102)).expect_err("another key did not");
    let longer = |text: &str| format!("{text}x");
    let (method, path) = (longer(request.method), longer(request.path));
    let query = longer(request.query.unwrap_or_default());
    let body = [request.body, b"x"].concat();
    let other = OWN.iter().find(|own| **own != request.authority);
    let others = [
        Request {
            method: &method,
            ..request
        },
        Request {
            path: &path,
            ..request
        },
        Request {
            query: Some(&query),
            ..request
        },
        Request {
            body: &body,
            ..request
        },
        Request {
            authority: other.unwrap_or(&""),
            ..request
        },
    ];
    for other in others.iter().filter(|other| !is_same(other, &request)) {
        judge(other, headers, signer).expect_err("another request was signed");
    }
}

/// The case of an authority says nothing.
fn is_same(one: &Request<'_>, other: &Request<'_>) -> bool {
    one.authority.eq_ignore_ascii_case(other.authority)
        && (one.method, one.path, one.query, one.body)
            == (other.method, other.path, other.query, other.body)
}

fn judge(
    request: &Request<'_>,
    headers: &HeaderMap,
    signer: &KeyPair,
) -> Result<(), SignatureError> {
    let checked = Parsed::read(headers)?.check(request, headers, &OWN, NOW)?;
    checked.verify(signer.public_key())
}
