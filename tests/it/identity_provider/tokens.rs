//! Which tokens of a provider are good, and what its keys cost.

use serde_json::{Value, json};

use super::{claims, now_s, signed_in, standing, with_provider};
use crate::support::{Backend, IdentityProvider};

#[tokio::test]
async fn a_new_key_is_fetched_once_and_a_thousand_unknown_ones_change_nothing() {
    with_provider(async |server, provider| {
        signed_in(&server, &provider, "alice").await;
        let before = provider.count("/jwks").await;
        assert_eq!(before, 1);
        provider.rotate_key("ES256").await;
        let (alice, _) = signed_in(&server, &provider, "alice").await;
        assert_eq!(provider.count("/jwks").await, before + 1);

        for number in 0..1_000 {
            let header = json!({"kid": format!("unknown-{number}")});
            let token = forged(alice.token().unwrap(), &header);
            assert_eq!(standing(&server, &token).await, "SW_AUTH_INVALID_TOKEN");
        }
        assert_eq!(provider.count("/jwks").await, before + 1);
        alice.get("/v1/me").await.data();
    })
    .await;
}

/// A token with another header and the signature of before.
fn forged(token: &str, header: &Value) -> String {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let (_, rest) = token.split_once('.').unwrap();
    let mut header = header.clone();
    header["alg"] = json!("ES256");
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

#[tokio::test]
async fn all_three_algorithms_are_taken() {
    for algorithm in ["RS256", "ES256", "EdDSA"] {
        let provider = IdentityProvider::start_with(&[("ALGORITHM", algorithm)]);
        for backend in Backend::ALL {
            let server = provider.server(backend, &[]).await;
            signed_in(&server, &provider, "alice").await;
        }
    }
}

#[tokio::test]
async fn times_have_a_minute_of_tolerance_in_tokens_signed_with_the_providers_key() {
    with_provider(async |server, provider| {
        let now = now_s();
        for (name, value, expected) in [
            ("exp", now - 30, "signed in"),
            ("exp", now - 90, "SW_AUTH_EXPIRED_TOKEN"),
            ("nbf", now + 30, "signed in"),
            ("nbf", now + 120, "SW_AUTH_INVALID_TOKEN"),
            ("iat", now + 30, "signed in"),
            ("iat", now + 120, "SW_AUTH_INVALID_TOKEN"),
        ] {
            let token = provider.sign(claims("alice", name, value)).await;
            assert_eq!(
                standing(&server, &token).await,
                expected,
                "{name} {}",
                value - now
            );
        }
    })
    .await;
}

#[tokio::test]
async fn tokens_for_others_of_others_or_for_something_else_are_refused_though_the_providers_key_signed_them()
 {
    with_provider(async |server, provider| {
        assert_eq!(
            standing(&server, &provider.sign(json!({"sub": "alice"})).await).await,
            "signed in"
        );
        for wrong in [
            claims("alice", "aud", "another client"),
            claims("alice", "aud", json!(["a", "b"])),
            claims("alice", "iss", "https://other.example"),
            claims("alice", "iss", format!("{}/", provider.issuer())),
            claims("", "name", "Nobody"),
            json!({"name": "Nobody"}),
            claims(
                "alice",
                "events",
                json!({"http://schemas.openid.net/event/backchannel-logout": {}}),
            ),
        ] {
            let token = provider.sign(wrong.clone()).await;
            assert_eq!(
                standing(&server, &token).await,
                "SW_AUTH_INVALID_TOKEN",
                "{wrong}"
            );
        }
        let several = provider
            .sign(claims("alice", "aud", json!(["another", "scaiwave"])))
            .await;
        assert_eq!(standing(&server, &several).await, "signed in");
        let unknown = json!({"claims": {"sub": "alice"}, "unknown_key": true});
        let unknown = provider.sign_as(unknown).await;
        assert_eq!(standing(&server, &unknown).await, "SW_AUTH_INVALID_TOKEN");
        for odd in ["no token", "eyJhbGciOiJub25lIn0.e30.", "..", "a.b.c"] {
            assert_eq!(
                standing(&server, odd).await,
                "SW_AUTH_INVALID_TOKEN",
                "{odd}"
            );
        }
    })
    .await;
}
