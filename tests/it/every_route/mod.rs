//! Every operation that needs a token, walked with tokens that are none, or none any more: the walk takes its list from the
//! description of the API, which lacks no route.

mod anothers;

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Backend, PASSWORD, Person, Server, eventually};

/// What nothing has as its id.
const NOBODY: &str = "00000000-0000-8000-8000-000000000000";

/// Operations with a bearer token, their paths filled with ids that nothing has.
async fn with_token(server: &Server) -> Vec<(Method, String)> {
    let document = server.stranger().get("/v1/openapi.json").await.ok();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !needs_token(operation) {
                continue;
            }
            let filled: Vec<&str> = path
                .split('/')
                .map(|part| match part.starts_with('{') {
                    true => NOBODY,
                    false => part,
                })
                .collect();
            let method = method.to_uppercase().parse().unwrap();
            found.push((method, filled.join("/")));
        }
    }
    found
}

fn needs_token(operation: &Value) -> bool {
    let ways = operation["security"].as_array().into_iter().flatten();
    ways.clone().count() > 0 && ways.clone().all(|way| !way.as_object().unwrap().is_empty())
}

/// All of them answer `expected`, whatever they would do.
async fn all_refuse(api: &Api, operations: &[(Method, String)], expected: (u16, &str)) {
    for (method, path) in operations {
        let takes_body = *method != Method::GET;
        let body = takes_body.then(|| json!({}));
        let answer = api.try_call(method.clone(), path, body.as_ref()).await;
        let answer = answer.unwrap();
        let code = answer.code();
        let got = (answer.status.as_u16(), code.as_str());
        assert_eq!(got, expected, "{method} {path}");
    }
}

/// Tokens that were good until something ended them: from another device, by an administrator, with the account, or by
/// themselves.
async fn ended(server: &Server, alice: &Person) -> Vec<String> {
    let admin = &server.admin().await.api;
    let [carol, dave, erin] = server.people(["carol", "dave", "erin"]).await;
    let again = Person::sign_in(&server.stranger(), "alice", PASSWORD).await;
    let sessions = again.api.get("/v1/me/sessions").await.data();
    let sessions = sessions.as_array().unwrap().iter();
    let mut current = sessions.filter(|session| session["current"] == true);
    let current = current.next().unwrap()["id"].as_str().unwrap();
    let session = format!("/v1/me/sessions/{current}");
    alice.api.delete(&session).await.data();

    let revoke = format!("/v1/admin/users/{}/revoke-sessions", carol.id);
    admin.post(&revoke, &json!({})).await.data();

    let name = json!({"name": "script"});
    let script = dave.api.post("/v1/me/tokens", &name).await.data();
    let suspended = json!({"state": "suspended"});
    let account = format!("/v1/admin/users/{}", dave.id);
    admin.patch(&account, &suspended).await.data();

    let removed = erin.api.post("/v1/me/tokens", &name).await.data();
    let removal = format!("/v1/me/tokens/{}", removed["id"].as_str().unwrap());
    erin.api.delete(&removal).await.data();
    let text = |token: &Value| token["token"].as_str().unwrap().to_owned();
    let held = [&again, &carol, &dave].map(|person| person.api.token().unwrap().to_owned());
    [&held[..], &[text(&script), text(&removed)]].concat()
}

#[tokio::test]
async fn every_operation_refuses_what_is_no_token_any_more() {
    for backend in Backend::ALL {
        let settings = [
            ("SCAIWAVE_RATE_ADDRESS", "0"),
            ("SCAIWAVE_RATE_READS", "0"),
            ("SCAIWAVE_RATE_WRITES", "0"),
            ("SCAIWAVE_CLOCK_SKEW", "0"),
        ];
        let mut server = Server::start(backend, &settings).await;
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let operations = with_token(&server).await;
        assert!(operations.len() > 60, "{operations:?}");
        // The stream tells by closing, which its own tests look at.
        let operations: Vec<_> = operations
            .into_iter()
            .filter(|(_, path)| path != "/v1/stream")
            .collect();
        let invalid = (401, "SW_AUTH_INVALID_TOKEN");
        all_refuse(&server.stranger(), &operations, invalid).await;
        let forged = server.stranger().with_token("x.y.z");
        all_refuse(&forged, &operations, invalid).await;
        bob.api.post("/v1/auth/logout", &json!({})).await.data();
        all_refuse(&bob.api, &operations, invalid).await;
        for token in ended(&server, &alice).await {
            all_refuse(&server.stranger().with_token(&token), &operations, invalid).await;
        }

        let elsewhere = alice.api.with_header("x-scaiwave-tenant", "elsewhere");
        let mismatch = (403, "SW_AUTH_TENANT_MISMATCH");
        all_refuse(&elsewhere, &operations, mismatch).await;

        server.stop().await;
        server.set("SCAIWAVE_ACCESS_TOKEN_TTL", "1");
        server.launch();
        let tokens = server.stranger().sign_in("alice", PASSWORD).await.data();
        let token = tokens["access_token"].as_str().unwrap();
        let late = server.stranger().with_token(token);
        eventually("the token runs out", Duration::from_secs(20), async || {
            let answer = late.get("/v1/me").await;
            !answer.status.is_success() && answer.code() == "SW_AUTH_EXPIRED_TOKEN"
        })
        .await;
        let expired = (401, "SW_AUTH_EXPIRED_TOKEN");
        all_refuse(&late, &operations, expired).await;
    }
}
