//! `GET /v1/auth/config`.

use crate::check::{Check, Verdict, client};
use crate::judge::{self, must, shape::shape};
use crate::trial::Trial;

const SECTION: &str = "client-core 2";

pub(super) fn checks() -> Vec<Check> {
    vec![
        client(
            SECTION,
            "auth/config: has every field, without a token",
            fields,
        ),
        client(
            SECTION,
            "auth/config: the mode is a known one and local allows the password grant",
            modes,
        ),
        client(
            SECTION,
            "auth/config: `redirect_uri` is <host>/v1/auth/login",
            redirect_uri,
        ),
        client(
            SECTION,
            "auth/config: without a provider its fields are null",
            no_provider,
        ),
    ]
}

async fn fields(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    shape(
        "config",
        &config,
        "issuer str~, authorization_endpoint str~, token_endpoint str~, jwks_uri str~, scopes_supported [str], \
         redirect_uri str, client_id str~, mode str, password_grant_enabled bool, signup_enabled bool, server_name str",
    )?;
    judge::equal(
        &config,
        "/scopes_supported",
        serde_json::json!(["openid", "profile", "email"]),
    )
}

async fn modes(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let mode = judge::text(&config, "/mode")?;
    must(
        ["local", "mock", "scaikey", "hybrid"].contains(&mode.as_str()),
        || format!("the mode is {mode}"),
    )?;
    if mode == "local" {
        judge::equal(&config, "/password_grant_enabled", true)?;
    }
    Ok(())
}

async fn redirect_uri(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    let uri = judge::text(&config, "/redirect_uri")?;
    must(
        uri.starts_with("http") && uri.ends_with("/v1/auth/login"),
        || format!("redirect_uri is {uri}"),
    )
}

async fn no_provider(t: Trial) -> Verdict {
    let config = t.stranger().get("/v1/auth/config").await?.ok()?;
    if config["mode"] != "local" {
        return Err(crate::check::skipped(
            "the server has a provider or mock users",
        ));
    }
    for field in [
        "/issuer",
        "/authorization_endpoint",
        "/token_endpoint",
        "/jwks_uri",
        "/client_id",
    ] {
        judge::equal(&config, field, serde_json::Value::Null)?;
    }
    Ok(())
}
