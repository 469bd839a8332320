//! Vectors of signed requests (RFC 9421, with the digests of RFC 9530), judged as a request that arrives: by its headers,
//! its target, its body and the key that is known of the caller.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::{Ignored, compare, nullable, read};
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;
use crate::federation::core::http_signature::{
    CONTENT_DIGEST, Fault, Parsed, Request, SIGNATURE, SIGNATURE_INPUT, SignatureError,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRequest {
    #[serde(rename = "name")]
    _name: Ignored,
    request: Arriving,
    caller: ServerName,
    public_key: PublicKey,
    own: Vec<String>,
    now: i64,
    base: Option<String>,
    expect: Expect,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Arriving {
    method: String,
    authority: String,
    path: String,
    #[serde(deserialize_with = "nullable")]
    query: Option<String>,
    headers: Vec<(String, String)>,
    body: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Expect {
    #[serde(deserialize_with = "nullable")]
    fault: Option<String>,
}

pub(super) fn signature(vector: &str) -> Result<(), String> {
    let vector: OfRequest = read(vector)?;
    let judged = judge(&vector);
    if let (Some(stated), Ok(found)) = (&vector.base, &judged) {
        compare(stated, found)?;
    }
    let fault = judged.err().map(|error| word(error.fault()).to_owned());
    compare(&vector.expect, &Expect { fault })
}

/// The signature base of a request whose signature holds.
fn judge(vector: &OfRequest) -> Result<String, SignatureError> {
    let headers = headers(&vector.request);
    let request = Request {
        method: &vector.request.method,
        authority: &vector.request.authority,
        path: &vector.request.path,
        query: vector.request.query.as_deref(),
        body: vector.request.body.as_bytes(),
    };
    let own: Vec<_> = vector.own.iter().map(String::as_str).collect();
    let checked = Parsed::read(&headers)?.check(&request, &headers, &own, vector.now * 1_000)?;
    // One key of one server is known.
    let known = (&vector.caller, vector.public_key.key_id());
    if (checked.server_name(), checked.key_id()) != known {
        return Err(checked.unknown_key());
    }
    checked.verify(&vector.public_key)?;
    Ok(checked.base().to_owned())
}

fn headers(request: &Arriving) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        headers.append(
            name.parse::<HeaderName>().unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

fn word(fault: &Fault) -> &'static str {
    match fault {
        Fault::Header { .. } => "header",
        Fault::Malformed { name, .. } if *name == SIGNATURE_INPUT => "input",
        Fault::Malformed { name, .. } if *name == CONTENT_DIGEST => "digest",
        Fault::Malformed { name, .. } if *name == SIGNATURE => "signature",
        Fault::Malformed { .. } => "header",
        Fault::KeyId | Fault::UnknownKey { .. } => "keyid",
        Fault::Label => "label",
        Fault::Length | Fault::Mismatch { .. } => "signature",
        Fault::Parameter { .. } => "parameter",
        Fault::Coverage { .. } => "coverage",
        Fault::Authority { .. } => "authority",
        Fault::Clock { .. } => "clock",
        Fault::Digest => "digest",
    }
}
