//! Signing in with an identity provider: a real one (npm's `oidc-provider`), started beside the server. Tokens that it would
//! never give out are signed with its own key on demand; the names of those tests say so.

mod people;
mod sessions;
mod sign_in;
mod tenants;
mod tokens;

use serde_json::{Value, json};

use crate::support::{Api, Backend, IdentityProvider, Server};

/// Plays a scenario against a fresh server and a fresh provider, on each database.
async fn with_provider(scenario: impl AsyncFn(Server, IdentityProvider)) {
    with_settings(&[], scenario).await;
}

async fn with_settings(
    settings: &[(&str, &str)],
    scenario: impl AsyncFn(Server, IdentityProvider),
) {
    for backend in Backend::ALL {
        eprintln!("on {backend}:");
        let provider = IdentityProvider::start();
        let server = provider.server(backend, settings).await;
        scenario(server, provider).await;
    }
}

/// Somebody's client, once signed in.
fn api(server: &Server, tokens: &Value) -> Api {
    let token = tokens["access_token"].as_str().expect("an access token");
    server.stranger().with_token(token)
}

/// Signs somebody in and returns their client and profile.
async fn signed_in(server: &Server, provider: &IdentityProvider, sub: &str) -> (Api, Value) {
    let tokens = provider.sign_in(server, sub).await.data();
    let api = api(server, &tokens);
    let me = api.get("/v1/me").await.data();
    (api, me)
}

/// What a token gets its bearer: `signed in`, or the code of the refusal.
async fn standing(server: &Server, token: &str) -> String {
    let answer = server.stranger().with_token(token).get("/v1/me").await;
    if answer.status == 200 {
        "signed in".to_owned()
    } else {
        answer.code()
    }
}

fn now_s() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
    i64::try_from(since.as_secs()).expect("before the end of time")
}

/// Claims of somebody, with this one beside.
fn claims(sub: &str, name: &str, value: impl Into<Value>) -> Value {
    json!({"sub": sub, name: value.into()})
}
