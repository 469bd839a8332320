//! Sign-in: built-in accounts, tokens, refreshing, sessions, passwords, identity providers (client-core 2).

mod access_token;
mod config;
mod logout;
mod mock;
mod password;
mod provider;
mod refresh;
mod register;
mod script_tokens;
mod sessions;
mod sign_in;

use serde_json::{Value, json};

use crate::cast::account::password_grant;
use crate::cast::person::Person;
use crate::check::{Check, Stop};
use crate::judge;
use crate::trial::Trial;

pub(super) fn checks() -> Vec<Check> {
    [
        config::checks(),
        sign_in::checks(),
        access_token::checks(),
        refresh::checks(),
        sessions::checks(),
        logout::checks(),
        password::checks(),
        register::checks(),
        script_tokens::checks(),
        mock::checks(),
        provider::checks(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// One more session of somebody, as the answer of the sign-in.
async fn another_session(t: &Trial, person: &Person) -> Result<Value, Stop> {
    let account = person.account();
    let request = password_grant(&account.username, &account.password);
    t.stranger().post("/v1/auth/token", request).await?.ok()
}

/// Asks for tokens in exchange for one of the provider's (RFC 8693).
fn token_exchange(subject_token: &str) -> Value {
    json!({
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": subject_token,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    })
}

/// Whether an access token is taken.
async fn works(t: &Trial, tokens: &Value) -> Result<(), Stop> {
    let token = judge::text(tokens, "/access_token")?;
    let me = t.stranger().with_token(&token).get("/v1/me").await?;
    me.ok().map(drop)
}

/// An access token must be refused as ended.
async fn is_dead(t: &Trial, tokens: &Value) -> Result<(), Stop> {
    let token = judge::text(tokens, "/access_token")?;
    let me = t.stranger().with_token(&token).get("/v1/me").await?;
    me.refused("SW_AUTH_INVALID_TOKEN").map(drop)
}
