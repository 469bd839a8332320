//! Sign-in with an identity provider, as far as it shows without the provider's own people: where browsers are sent, and
//! what a provider has not given out.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::check::{Check, Stop, Verdict, client, skipped};
use crate::judge::{self, must};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/provider: the configuration names its addresses and the client",
            configuration,
        ),
        client(
            SECTION,
            "auth/provider: a code that it has not given out gets SW_AUTH_OIDC_FAILED",
            unknown_code,
        ),
        client(
            SECTION,
            "auth/provider: another redirect gets SW_AUTH_REDIRECT_MISMATCH, before anybody asks about the code",
            other_redirect,
        ),
        client(
            SECTION,
            "auth/provider: token exchange of a token that is none of its gets SW_AUTH_OIDC_FAILED",
            unknown_subject,
        ),
        client(
            SECTION,
            "auth/provider: a token in its name that it has not signed gets SW_AUTH_INVALID_TOKEN",
            forged_token,
        ),
    ]
}

/// The configuration of a server that has a provider.
async fn with_provider(t: &Trial) -> Result<Value, Stop> {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    match config["issuer"].is_null() {
        true => Err(skipped("the server has no identity provider")),
        false => Ok(config),
    }
}

async fn configuration(t: Trial) -> Verdict {
    let config = with_provider(&t).await?;
    for field in [
        "/issuer",
        "/authorization_endpoint",
        "/token_endpoint",
        "/jwks_uri",
    ] {
        let address = judge::text(&config, field)?;
        must(address.starts_with("http"), || {
            format!("{field} is {address}")
        })?;
    }
    let client_id = judge::text(&config, "/client_id")?;
    must(!client_id.is_empty(), || {
        "the client has no name".to_owned()
    })?;
    let mode = judge::text(&config, "/mode")?;
    must(["scaikey", "hybrid"].contains(&mode.as_str()), || {
        format!("the mode is {mode}")
    })
}

async fn unknown_code(t: Trial) -> Verdict {
    let config = with_provider(&t).await?;
    let verifier = "a-verifier-of-forty-three-characters-or-more";
    for with_verifier in [false, true] {
        let mut request = json!({"code": "no-such-code", "redirect_uri": config["redirect_uri"]});
        if with_verifier {
            request["code_verifier"] = json!(verifier);
        }
        let answer = t.stranger().post("/v1/auth/login", request).await?;
        answer.refused("SW_AUTH_OIDC_FAILED")?;
    }
    Ok(())
}

async fn other_redirect(t: Trial) -> Verdict {
    let config = with_provider(&t).await?;
    let right = judge::text(&config, "/redirect_uri")?;
    for wrong in [
        format!("{right}/"),
        format!("{right}?next=1"),
        "https://elsewhere.example/v1/auth/login".to_owned(),
    ] {
        let request = json!({"code": "a-code", "redirect_uri": wrong});
        let answer = t.stranger().post("/v1/auth/login", request).await?;
        answer.refused("SW_AUTH_REDIRECT_MISMATCH")?;
    }
    Ok(())
}

async fn unknown_subject(t: Trial) -> Verdict {
    with_provider(&t).await?;
    let request = super::token_exchange("no such token");
    let answer = t.stranger().post("/v1/auth/token", request).await?;
    answer.refused("SW_AUTH_OIDC_FAILED").map(drop)
}

async fn forged_token(t: Trial) -> Verdict {
    let config = with_provider(&t).await?;
    let claims = json!({
        "iss": config["issuer"], "aud": config["client_id"], "sub": "somebody", "exp": 4_102_444_800_i64,
    });
    for header in [
        json!({"alg": "RS256", "typ": "JWT", "kid": "no-such-key"}),
        json!({"alg": "none", "typ": "JWT"}),
        // The client's secret or the public key as a shared one.
        json!({"alg": "HS256", "typ": "JWT"}),
    ] {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signature = URL_SAFE_NO_PAD.encode([7; 64]);
        let token = format!("{}.{}.{signature}", part(&header), part(&claims));
        let answer = t.stranger().with_token(&token).get("/v1/me").await?;
        answer.refused("SW_AUTH_INVALID_TOKEN")?;
    }
    Ok(())
}
