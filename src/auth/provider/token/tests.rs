//! Which tokens of a provider are taken, and what is refused.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{EncodingKey, crypto};
use serde_json::json;

use super::*;

const NOW: i64 = 1_795_600_800_000;
const NOW_S: i64 = NOW / 1000;
const ISSUER: &str = "https://id.example";

/// A key of the provider and its public half, made for these tests alone.
struct Signer {
    private: EncodingKey,
    public: DecodingKey,
}

impl Signer {
    fn new() -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        Signer {
            private: EncodingKey::from_ed_der(&pair.serialize_der()),
            public: DecodingKey::from_ed_der(pair.public_key_raw()),
        }
    }

    fn sign(&self, header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = crypto::sign(message.as_bytes(), &self.private, Algorithm::EdDSA).unwrap();
        format!("{message}.{signature}")
    }

    fn judge(&self, token: &str) -> Result<Proven, ProviderError> {
        let unproven = Unproven::read(token)?;
        let Some(signed) = unproven.signed_by(&[&self.public]) else {
            return refuse("bad signature");
        };
        signed.meant_for(Expected {
            issuer: ISSUER,
            audience: "scaiwave",
            skew_s: 60,
            now_ms: NOW,
        })
    }
}

fn header() -> Value {
    json!({"alg": "EdDSA", "kid": "one", "typ": "JWT"})
}

fn claims() -> Value {
    json!({"iss": ISSUER, "aud": "scaiwave", "sub": "42", "iat": NOW_S, "exp": NOW_S + 3600})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn outcome(claims: &Value) -> &'static str {
    let signer = Signer::new();
    match signer.judge(&signer.sign(&header(), claims)) {
        Ok(_) => "taken",
        Err(ProviderError::ExpiredToken) => "expired",
        Err(ProviderError::InvalidToken(_)) => "invalid",
        Err(_) => "unexpected",
    }
}

#[test]
fn a_token_says_who_it_is_about() {
    let signer = Signer::new();
    let proven = signer.judge(&signer.sign(&header(), &claims())).unwrap();
    assert_eq!(
        (proven.subject.as_str(), proven.issuer.as_str()),
        ("42", ISSUER)
    );
    assert_eq!(proven.issued_at, NOW);
    assert_eq!(proven.expires_at, NOW + 3_660_000);
    assert_eq!(proven.tenant("tenant_id"), None);
}

#[test]
fn issuer_and_audience_are_this_provider_and_this_server() {
    assert_eq!(outcome(&with("aud", json!(["other", "scaiwave"]))), "taken");
    for (name, value) in [
        ("iss", json!("https://id.example/")),
        ("iss", json!("https://other.example")),
        ("iss", Value::Null),
        ("aud", json!("other")),
        ("aud", json!([])),
        ("aud", Value::Null),
        ("sub", json!("")),
        ("sub", json!(42)),
        ("sub", json!("x".repeat(MAX_SUBJECT + 1))),
    ] {
        assert_eq!(
            outcome(&with(name, value.clone())),
            "invalid",
            "{name} {value}"
        );
    }
}

#[test]
fn times_have_a_minute_of_tolerance() {
    for (name, value, expected) in [
        ("exp", NOW_S, "taken"),
        ("exp", NOW_S - 59, "taken"),
        ("exp", NOW_S - 60, "expired"),
        ("nbf", NOW_S + 60, "taken"),
        ("nbf", NOW_S + 61, "invalid"),
        ("iat", NOW_S + 60, "taken"),
        ("iat", NOW_S + 61, "invalid"),
        ("exp", i64::MAX, "taken"),
        ("exp", i64::MIN, "expired"),
    ] {
        assert_eq!(
            outcome(&with(name, json!(value))),
            expected,
            "{name} {value}"
        );
    }
    assert_eq!(outcome(&with("exp", json!(1_795_604_400.5))), "taken");
    assert_eq!(outcome(&with("exp", json!("soon"))), "invalid");
    assert_eq!(outcome(&with("exp", Value::Null)), "invalid");
}

#[test]
fn an_expired_token_of_somebody_else_is_invalid_not_expired() {
    let mut claims = with("exp", json!(NOW_S - 1000));
    claims["aud"] = json!("other");
    assert_eq!(outcome(&claims), "invalid");
}

#[test]
fn a_notice_of_sign_out_is_no_ticket() {
    let events = json!({"http://schemas.openid.net/event/backchannel-logout": {}});
    assert_eq!(outcome(&with("events", events)), "invalid");
    let signer = Signer::new();
    for (typ, is_taken) in [
        ("at+jwt", true),
        ("application/at+jwt", true),
        ("logout+jwt", false),
    ] {
        let header = json!({"alg": "EdDSA", "typ": typ});
        let judged = signer.judge(&signer.sign(&header, &claims()));
        assert_eq!(judged.is_ok(), is_taken, "{typ}");
    }
}

#[test]
fn another_signature_algorithm_or_form_is_refused() {
    let (signer, other) = (Signer::new(), Signer::new());
    let token = signer.sign(&header(), &claims());
    assert!(other.judge(&token).is_err());
    let (message, signature) = token.rsplit_once('.').unwrap();
    let (head, payload) = message.split_once('.').unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let hmac = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","kid":"one"}"#);
    let critical = signer.sign(&json!({"alg": "EdDSA", "crit": ["exp"]}), &claims());
    let changed = URL_SAFE_NO_PAD.encode(with("sub", json!("43")).to_string());
    for text in [
        String::new(),
        "..".to_owned(),
        head.to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{token}.{signature}"),
        format!("{none}.{payload}."),
        format!("{none}.{payload}.{signature}"),
        format!("{hmac}.{payload}.{signature}"),
        format!("{head}.{changed}.{signature}"),
        critical,
        "x".repeat(MAX_TOKEN + 1),
    ] {
        assert!(signer.judge(&text).is_err(), "{text}");
    }
}

#[test]
fn tokens_belong_to_a_sign_in_by_sid_and_are_told_apart_by_jti_or_all_of_them() {
    let signer = Signer::new();
    let keys = |claims: &Value| {
        let proven = signer.judge(&signer.sign(&header(), claims)).unwrap();
        (proven.token_key, proven.sign_in_key)
    };
    let mut first = with("sid", json!("s"));
    first["jti"] = json!("1");
    let mut second = with("sid", json!("s"));
    second["jti"] = json!("2");
    assert_eq!(keys(&first).1, keys(&second).1);
    assert_ne!(keys(&first).0, keys(&second).0);
    assert_ne!(keys(&first).1, keys(&with("sid", json!("t"))).1);

    let mut of_another = first.clone();
    of_another["sub"] = json!("43");
    assert_ne!(keys(&first), keys(&of_another));
    assert_eq!(keys(&claims()).1, None);
    assert_ne!(keys(&claims()).0, keys(&with("iat", json!(NOW_S - 1))).0);
}

#[test]
fn the_tenant_stands_in_the_claim_that_was_chosen() {
    let signer = Signer::new();
    let proven = signer
        .judge(&signer.sign(&header(), &with("org", json!("acme"))))
        .unwrap();
    assert_eq!(proven.tenant("org").as_deref(), Some("acme"));
    let proven = signer
        .judge(&signer.sign(&header(), &with("org", json!(7))))
        .unwrap();
    assert_eq!(proven.tenant("org").as_deref(), Some("7"));
}

#[test]
fn what_may_be_a_jwt_is_told_from_what_cannot() {
    assert!(looks_like_jwt("eyJhbGciOiJub25lIn0.e30."));
    for text in ["", "mock-dev-token", "swt_abc", "a.b.c", "eyJ.x"] {
        assert!(!looks_like_jwt(text), "{text}");
    }
}
