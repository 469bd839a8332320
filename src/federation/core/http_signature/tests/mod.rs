//! Signing and verifying whole requests.

mod form;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::*;
use crate::catalogue::Code;
use crate::error::Coded as _;

const NOW_MS: i64 = 1_780_000_000_123;
const BODY: &[u8] = br#"{"events":[]}"#;

fn key() -> KeyPair {
    KeyPair::from_seed(&[7; 32])
}

fn server() -> ServerName {
    "a.example".parse().unwrap()
}

const POST: Request<'static> = Request {
    method: "POST",
    authority: "b.example",
    path: "/_scaiwave/federation/v1/send",
    query: None,
    body: BODY,
};

const GET: Request<'static> = Request {
    method: "GET",
    authority: "b.example",
    path: "/_scaiwave/federation/v1/profile/%40bob",
    query: Some("x=a%2Fb"),
    body: b"",
};

fn signed(request: &Request<'_>) -> HeaderMap {
    sign(request, &server(), &key(), NOW_MS)
        .unwrap()
        .into_iter()
        .collect()
}

fn judge_at(request: &Request<'_>, headers: &HeaderMap, now_ms: i64) -> Result<(), SignatureError> {
    let parsed = Parsed::read(headers)?;
    parsed
        .check(
            request,
            headers,
            &["b.example", "chat.b.example:8448"],
            now_ms,
        )?
        .verify(key().public_key())
}

fn judge(request: &Request<'_>, headers: &HeaderMap) -> Result<(), SignatureError> {
    judge_at(request, headers, NOW_MS)
}

fn fault(request: &Request<'_>, headers: &HeaderMap) -> Fault {
    judge(request, headers).unwrap_err().fault().clone()
}

const FULL: &str =
    r#""@method" "@authority" "@path" "@query" "x-scaiwave-protocol" "content-digest""#;

fn params() -> String {
    format!(
        r#"created={};keyid="a.example#{}";alg="ed25519";tag="scaiwave-federation-v1""#,
        NOW_MS / 1000,
        key().key_id()
    )
}

/// `POST`, signed by hand with this list of components and these parameters.
fn signed_as(components: &str, params: &str) -> HeaderMap {
    let mut headers = signed(&POST);
    let digest = headers[CONTENT_DIGEST].to_str().unwrap().to_owned();
    let value = |name: &str| match name.trim_matches('"') {
        METHOD => "POST".to_owned(),
        AUTHORITY => "b.example".to_owned(),
        PATH => POST.path.to_owned(),
        QUERY => "?".to_owned(),
        PROTOCOL => "v1".to_owned(),
        DIGEST => digest.clone(),
        other => format!("<{other}>"),
    };
    let lines: String = components
        .split(' ')
        .map(|name| format!("{name}: {}\n", value(name)))
        .collect();
    let base = format!("{lines}\"@signature-params\": ({components});{params}");
    let signature = STANDARD.encode(key().sign(base.as_bytes()).as_bytes());
    headers.insert(
        SIGNATURE_INPUT,
        format!("sig1=({components});{params}").parse().unwrap(),
    );
    headers.insert(SIGNATURE, format!("sig1=:{signature}:").parse().unwrap());
    headers
}

#[test]
fn rfc_9421_b_2_6_ed25519() {
    let seed =
        hex::decode("9f8362f87a484a954e6e740c5b4c0e84229139a20aa8ab56ff66586f6a7d29c5").unwrap();
    let key = KeyPair::from_seed(&seed.try_into().unwrap());
    let public = STANDARD
        .decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
        .unwrap();
    assert_eq!(key.public_key().as_bytes().as_slice(), public);

    let value = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let input = Input::parse(value).unwrap();
    let base = input::base(
        &[
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("@method", "POST"),
            ("@path", "/foo"),
            ("@authority", "example.com"),
            ("content-type", "application/json"),
            ("content-length", "18"),
        ],
        &input.params,
    )
    .unwrap();
    assert_eq!(
        base,
        "\"date\": Tue, 20 Apr 2021 02:07:55 GMT\n\
         \"@method\": POST\n\
         \"@path\": /foo\n\
         \"@authority\": example.com\n\
         \"content-type\": application/json\n\
         \"content-length\": 18\n\
         \"@signature-params\": (\"date\" \"@method\" \"@path\" \"@authority\" \"content-type\" \"content-length\")\
         ;created=1618884473;keyid=\"test-key-ed25519\""
    );
    let expected = "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    let signature = key.sign(base.as_bytes());
    assert_eq!(
        input::write_signature(key_ref("sig-b26"), signature.as_bytes()),
        expected
    );
    assert_eq!(
        input::parse_signature(expected).unwrap(),
        ("sig-b26".to_owned(), signature.as_bytes().to_vec())
    );
}

#[test]
fn what_is_signed_here_verifies_here() {
    for request in [
        POST,
        GET,
        Request {
            authority: "chat.b.example:8448",
            query: Some(""),
            ..GET
        },
    ] {
        let headers = signed(&request);
        assert_eq!(judge(&request, &headers), Ok(()), "{request:?}");
        assert_eq!(
            headers.contains_key(CONTENT_DIGEST),
            !request.body.is_empty()
        );
    }
}

#[test]
fn the_caller_is_known_before_anything_else_is_judged() {
    let headers = signed_as(
        r#""@method""#,
        &format!(r#"keyid="a.example#{}";alg=ed25519"#, key().key_id()),
    );
    let parsed = Parsed::read(&headers).unwrap();
    assert_eq!(*parsed.server_name(), server());
    assert_eq!(parsed.key_id(), key().key_id());
}

#[test]
fn every_part_of_the_request_is_covered() {
    for (request, changed) in [
        (
            POST,
            Request {
                method: "PUT",
                ..POST
            },
        ),
        (
            POST,
            Request {
                authority: "chat.b.example:8448",
                ..POST
            },
        ),
        (
            POST,
            Request {
                path: "/_scaiwave/federation/v1/invite",
                ..POST
            },
        ),
        (
            POST,
            Request {
                query: Some("a=1"),
                ..POST
            },
        ),
        (
            GET,
            Request {
                path: "/_scaiwave/federation/v1/profile/@bob",
                ..GET
            },
        ),
        (
            GET,
            Request {
                query: Some("x=a/b"),
                ..GET
            },
        ),
        (GET, Request { query: None, ..GET }),
    ] {
        let fault = fault(&changed, &signed(&request));
        assert!(
            matches!(fault, Fault::Mismatch { .. }),
            "{changed:?}: {fault:?}"
        );
    }
    let mut headers = signed(&POST);
    headers.insert(PROTOCOL_HEADER, HeaderValue::from_static("v2"));
    assert!(matches!(fault(&POST, &headers), Fault::Mismatch { .. }));
}

#[test]
fn a_body_without_a_digest_is_refused() {
    let headers = signed(&GET);
    let with_body = Request { body: BODY, ..GET };
    assert_eq!(
        fault(&with_body, &headers),
        Fault::Coverage { has_body: true }
    );

    let mut headers = signed(&POST);
    headers.remove(CONTENT_DIGEST);
    assert_eq!(
        fault(&POST, &headers),
        Fault::Header {
            name: CONTENT_DIGEST
        }
    );
}

#[test]
fn another_body_is_refused() {
    let changed = Request {
        body: br#"{"events": []}"#,
        ..POST
    };
    assert_eq!(fault(&changed, &signed(&POST)), Fault::Digest);
    assert_eq!(
        fault(&Request { body: b"", ..POST }, &signed(&POST)),
        Fault::Digest
    );
    let mut headers = signed(&POST);
    headers.insert(CONTENT_DIGEST, HeaderValue::from_static("sha-256=oops"));
    assert!(matches!(fault(&POST, &headers), Fault::Malformed { .. }));
}

#[test]
fn a_clock_more_than_a_minute_off_is_refused_and_both_times_are_named() {
    let headers = signed(&POST);
    for (offset_s, accepted) in [
        (-61, false),
        (-60, true),
        (0, true),
        (60, true),
        (61, false),
    ] {
        let now_ms = NOW_MS + offset_s * 1000;
        let result = judge_at(&POST, &headers, now_ms);
        assert_eq!(result.is_ok(), accepted, "{offset_s}");
        if let Err(error) = result {
            let (created, now) = (NOW_MS / 1000, now_ms / 1000);
            assert_eq!(
                *error.fault(),
                Fault::Clock {
                    created_s: created,
                    now_s: now
                }
            );
            assert!(
                error.to_string().contains(&created.to_string())
                    && error.to_string().contains(&now.to_string())
            );
            assert_eq!(error.details().unwrap()["created"], created);
            assert_eq!(error.details().unwrap()["now"], now);
        }
    }
}

#[test]
fn a_mismatch_tells_how_the_target_arrived() {
    let decoded = Request {
        path: "/_scaiwave/federation/v1/profile/@bob",
        query: Some("x=a/b"),
        ..GET
    };
    let error = judge(&decoded, &signed(&GET)).unwrap_err();
    assert_eq!(error.code(), Code::FedSignatureMismatch);
    for part in [
        "b.example",
        "/_scaiwave/federation/v1/profile/@bob",
        "x=a/b",
        "proxy",
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
    let details = error.details().unwrap();
    assert_eq!(details["authority"], "b.example");
    assert_eq!(details["path"], "/_scaiwave/federation/v1/profile/@bob");
    assert_eq!(details["query"], "x=a/b");
}

#[test]
fn a_request_for_another_server_is_refused() {
    let elsewhere = Request {
        authority: "up:8000",
        ..GET
    };
    let error = judge(&elsewhere, &signed(&elsewhere)).unwrap_err();
    assert!(matches!(*error.fault(), Fault::Authority { .. }));
    assert!(
        error.to_string().contains("up:8000") && error.to_string().contains("b.example"),
        "{error}"
    );
    assert_eq!(
        judge(
            &Request {
                authority: "B.Example",
                ..GET
            },
            &signed(&GET)
        ),
        Ok(())
    );
}

#[test]
fn another_key_is_refused() {
    let headers = signed(&POST);
    let checked = Parsed::read(&headers)
        .unwrap()
        .check(&POST, &headers, &["b.example"], NOW_MS)
        .unwrap();
    let other = KeyPair::from_seed(&[8; 32]);
    assert!(matches!(
        checked.verify(other.public_key()).unwrap_err().fault(),
        Fault::Mismatch { .. }
    ));
    assert!(matches!(
        checked.unknown_key().fault(),
        Fault::UnknownKey { .. }
    ));
}

#[test]
fn a_signature_with_another_spelling_of_s_is_refused() {
    let headers = signed(&POST);
    let (label, mut bytes) = input::parse_signature(headers[SIGNATURE].to_str().unwrap()).unwrap();
    // S plus the group's order L is the same number modulo L, and not canonical.
    let order =
        hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    let mut carry = 0;
    for (byte, add) in bytes[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let mut changed = headers.clone();
    let value = input::write_signature(KeyRef::from_str(&label).unwrap(), &bytes);
    changed.insert(SIGNATURE, value.parse().unwrap());
    assert!(matches!(fault(&POST, &changed), Fault::Mismatch { .. }));
    changed.insert(
        SIGNATURE,
        input::write_signature(LABEL, &bytes[..63]).parse().unwrap(),
    );
    assert_eq!(fault(&POST, &changed), Fault::Length);
}

#[test]
fn a_key_of_small_order_cannot_be_had() {
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(PublicKey::from_bytes(&identity).is_err());
}
