//! Sessions of a provider's tokens: they outlive tokens, and end at once.

use serde_json::{Value, json};

use super::{api, standing, with_provider};
use crate::support::identity_provider::{VERIFIER, exchange};
use crate::support::{Browser, Socket};

fn text<'a>(tokens: &'a Value, name: &str) -> &'a str {
    tokens[name].as_str().expect("a text")
}

#[tokio::test]
async fn a_session_outlives_its_tokens_whether_the_provider_names_it_or_not() {
    for sid in [json!({}), json!({"sid": "one sign-in"})] {
        with_provider(async |server, provider| {
            provider.knows("alice", json!({}), sid.clone()).await;
            let first = provider.sign_in(&server, "alice").await.data();
            let second = server
                .stranger()
                .refresh(text(&first, "refresh_token"))
                .await
                .data();
            assert_eq!(first["session_id"], second["session_id"]);
            assert_ne!(first["refresh_token"], second["refresh_token"]);
            assert_ne!(first["access_token"], second["access_token"]);
            for tokens in [&first, &second] {
                let alice = api(&server, tokens);
                let sessions = alice.get("/v1/me/sessions").await.data();
                assert_eq!(sessions.as_array().unwrap().len(), 1, "{sessions}");
                assert_eq!(sessions[0]["id"], first["session_id"]);
            }
            // The provider takes each refresh token once.
            server
                .stranger()
                .refresh(text(&first, "refresh_token"))
                .await
                .refused(401, "SW_AUTH_INVALID_TOKEN");
            server
                .stranger()
                .refresh("no such token")
                .await
                .refused(401, "SW_AUTH_INVALID_TOKEN");
        })
        .await;
    }
}

#[tokio::test]
async fn signing_out_ends_all_tokens_of_the_session_and_its_sockets_at_once() {
    for sid in [json!({}), json!({"sid": "one sign-in"})] {
        with_provider(async |server, provider| {
            provider.knows("alice", json!({}), sid.clone()).await;
            let first = provider.sign_in(&server, "alice").await.data();
            let second = server
                .stranger()
                .refresh(text(&first, "refresh_token"))
                .await
                .data();
            let other = provider
                .sign(json!({"sub": "alice", "sid": "another sign-in", "jti": "another"}))
                .await;
            assert_eq!(standing(&server, &other).await, "signed in");
            let mut socket = Socket::open(&api(&server, &first), None).await;

            let out = api(&server, &second)
                .post("/v1/auth/logout", &json!({}))
                .await;
            assert_eq!(out.data()["revoked"], 1);
            assert_eq!(
                socket.ending().await,
                (4001, "SW_AUTH_INVALID_TOKEN".to_owned())
            );
            for tokens in [&first, &second] {
                let token = text(tokens, "access_token");
                assert_eq!(standing(&server, token).await, "SW_AUTH_INVALID_TOKEN");
            }
            assert_eq!(standing(&server, &other).await, "signed in");
            let asked = provider.count("/token").await;
            let refused = server
                .stranger()
                .refresh(text(&second, "refresh_token"))
                .await;
            refused.refused(401, "SW_AUTH_INVALID_TOKEN");
            assert_eq!(
                provider.count("/token").await,
                asked,
                "the provider is not asked"
            );
        })
        .await;
    }
}

#[tokio::test]
async fn an_ended_session_stays_ended_after_a_restart_and_a_new_sign_in_is_another() {
    with_provider(async |mut server, provider| {
        provider
            .knows("alice", json!({}), json!({"sid": "one sign-in"}))
            .await;
        let mut browser = Browser::new(&provider);
        let code = browser.code_for(&server, "alice").await;
        let first = exchange(&server, &code, VERIFIER).await.data();
        api(&server, &first)
            .post("/v1/auth/logout", &json!({"all": true}))
            .await
            .data();
        server.restart();
        assert_eq!(
            standing(&server, text(&first, "access_token")).await,
            "SW_AUTH_INVALID_TOKEN"
        );
        // The provider still calls it the same sign-in.
        let code = browser.code_for(&server, "alice").await;
        let second = exchange(&server, &code, VERIFIER).await.data();
        assert_ne!(first["session_id"], second["session_id"]);
        assert_eq!(
            standing(&server, text(&second, "access_token")).await,
            "signed in"
        );
        assert_eq!(
            standing(&server, text(&first, "access_token")).await,
            "SW_AUTH_INVALID_TOKEN"
        );
        let third = server
            .stranger()
            .refresh(text(&second, "refresh_token"))
            .await
            .data();
        assert_eq!(third["session_id"], second["session_id"]);
        assert_eq!(
            standing(&server, text(&third, "access_token")).await,
            "signed in"
        );
    })
    .await;
}

#[tokio::test]
async fn a_session_is_ended_from_another_device_and_scripts_have_tokens_of_their_own() {
    with_provider(async |server, provider| {
        let phone = provider.sign_in(&server, "alice").await.data();
        let laptop = provider.sign_in(&server, "alice").await.data();
        let alice = api(&server, &laptop);
        let made = alice
            .post("/v1/me/tokens", &json!({"name": "script"}))
            .await
            .data();
        let script = made["token"].as_str().unwrap();
        let path = format!("/v1/me/sessions/{}", text(&phone, "session_id"));
        alice.delete(&path).await.data();
        assert_eq!(
            standing(&server, text(&phone, "access_token")).await,
            "SW_AUTH_INVALID_TOKEN"
        );
        assert_eq!(
            standing(&server, text(&laptop, "access_token")).await,
            "signed in"
        );
        assert_eq!(standing(&server, script).await, "signed in");
        let password = json!({"current_password": "x", "new_password": "a long password"});
        alice
            .put("/v1/auth/password", &password)
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
    })
    .await;
}
