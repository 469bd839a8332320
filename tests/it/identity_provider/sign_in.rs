//! Codes, passwords and exchanged tokens.

use serde_json::json;

use super::{api, signed_in, standing, with_provider, with_settings};
use crate::support::identity_provider::{IN_TIME, VERIFIER, exchange, redirect_uri};
use crate::support::{Backend, Browser, IdentityProvider, eventually, execute};

#[tokio::test]
async fn somebody_signs_in_with_a_browser_and_a_code() {
    with_provider(async |server, provider| {
        let config = server.stranger().get("/v1/auth/config").await.data();
        assert_eq!(config["mode"], "scaikey");
        assert_eq!(config["issuer"], provider.issuer());
        assert_eq!(config["client_id"], "scaiwave");
        assert_eq!(config["redirect_uri"], redirect_uri(&server));
        assert_eq!(config["jwks_uri"], format!("{}/jwks", provider.issuer()));
        assert_eq!(
            config["token_endpoint"],
            format!("{}/token", provider.issuer())
        );
        assert_eq!(config["password_grant_enabled"], false);
        assert_eq!(config["signup_enabled"], false);

        let claims = json!({
            "preferred_username": "Alice", "name": "Alice A.", "email": "alice@example.org",
            "picture": "https://pictures.example/alice.png", "groups": ["Staff"],
        });
        provider.knows("42", claims, json!({})).await;
        let tokens = provider.sign_in(&server, "42").await.data();
        assert_eq!(tokens["token_type"], "Bearer");
        let expires_in = tokens["expires_in"].as_i64().unwrap();
        assert!((3_500..=3_600).contains(&expires_in), "{expires_in}");
        assert!(
            tokens["refresh_token"]
                .as_str()
                .is_some_and(|token| !token.is_empty())
        );

        let alice = api(&server, &tokens);
        let me = alice.get("/v1/me").await.data();
        assert_eq!(me["local_id"], "alice");
        assert_eq!(me["display_name"], "Alice A.");
        assert_eq!(me["email"], "alice@example.org");
        assert_eq!(me["avatar_url"], "https://pictures.example/alice.png");
        assert_eq!(me["groups"].as_array().unwrap().len(), 1);
        let registered = alice.post("/v1/auth/register", &json!({})).await.data();
        assert_eq!(registered["participant_id"], me["participant_id"]);
        assert_eq!(
            registered["personal_workspace_id"],
            me["personal_workspace_id"]
        );
        let sessions = alice.get("/v1/me/sessions").await.data();
        assert_eq!(sessions.as_array().unwrap().len(), 1);
        assert_eq!(sessions[0]["id"], tokens["session_id"]);
        let log = server.log();
        assert!(!log.contains(tokens["access_token"].as_str().unwrap()));
        assert!(!log.contains("a secret of the client"));
    })
    .await;
}

#[tokio::test]
async fn a_code_may_come_as_a_form_and_is_good_once_with_its_verifier() {
    with_provider(async |server, provider| {
        let code = Browser::new(&provider).code_for(&server, "alice").await;
        exchange(
            &server,
            &code,
            "another verifier, which is just as long as it",
        )
        .await
        .refused(400, "SW_AUTH_OIDC_FAILED");
        // The provider may take the failed try for a theft; another code, then.
        let code = Browser::new(&provider).code_for(&server, "alice").await;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("code", &code)
            .append_pair("redirect_uri", &redirect_uri(&server))
            .append_pair("code_verifier", VERIFIER)
            .append_pair("device_name", "Phone")
            .finish();
        let stranger = server.stranger();
        let form_type = "application/x-www-form-urlencoded";
        let tokens = stranger
            .post_raw("/v1/auth/login", form_type, form.clone())
            .await
            .data();
        let sessions = api(&server, &tokens).get("/v1/me/sessions").await.data();
        assert_eq!(sessions[0]["device_name"], "Phone");
        stranger
            .post_raw("/v1/auth/login", form_type, form)
            .await
            .refused(400, "SW_AUTH_OIDC_FAILED");
        exchange(&server, "no such code", VERIFIER)
            .await
            .refused(400, "SW_AUTH_OIDC_FAILED");
    })
    .await;
}

#[tokio::test]
async fn another_redirect_uri_than_the_configured_one_is_refused_before_the_provider_is_asked() {
    with_provider(async |server, provider| {
        let code = Browser::new(&provider).code_for(&server, "alice").await;
        for uri in [
            "https://evil.example/v1/auth/login",
            &format!("{}/", redirect_uri(&server)),
        ] {
            let login = json!({"code": code, "redirect_uri": uri, "code_verifier": VERIFIER});
            let answer = server.stranger().post("/v1/auth/login", &login).await;
            answer.refused(400, "SW_AUTH_REDIRECT_MISMATCH");
        }
        assert_eq!(provider.count("/token").await, 0);
        exchange(&server, &code, VERIFIER).await.data();
    })
    .await;
}

#[tokio::test]
async fn a_browser_is_sent_on_to_the_web_client_with_the_code_in_the_fragment() {
    let client = [("SCAIWAVE_WEB_CLIENT_URL", "https://app.example/chat")];
    with_settings(&client, async |server, _| {
        let back = server
            .stranger()
            .get("/v1/auth/login?code=a%26b&state=s")
            .await;
        assert_eq!(back.status, 303);
        assert_eq!(
            back.headers["location"],
            "https://app.example/chat#code=a%26b&state=s"
        );
        let refused = server
            .stranger()
            .get("/v1/auth/login?error=access_denied&state=s")
            .await;
        assert_eq!(
            refused.headers["location"],
            "https://app.example/chat#state=s&error=access_denied"
        );
        server
            .stranger()
            .get("/v1/auth/login?state=s")
            .await
            .refused(422, "SW_VALIDATION_ERROR");
    })
    .await;
    with_provider(async |server, _| {
        let page = server
            .stranger()
            .get("/v1/auth/login?code=%3Cb%3E&state=s")
            .await;
        assert_eq!(page.status, 200);
        assert!(
            page.headers["content-type"]
                .to_str()
                .unwrap()
                .starts_with("text/html")
        );
        assert!(page.text.contains("&lt;b&gt;"), "{}", page.text);
    })
    .await;
}

#[tokio::test]
async fn a_provider_that_is_down_is_told_apart_from_one_that_refuses() {
    for backend in Backend::ALL {
        let mut provider = IdentityProvider::start();
        let server = provider.server(backend, &[]).await;
        let (alice, _) = signed_in(&server, &provider, "alice").await;
        let code = Browser::new(&provider).code_for(&server, "alice").await;
        provider.answers("/token", 500).await;
        exchange(&server, &code, VERIFIER)
            .await
            .refused(503, "SW_SERVICE_UNAVAILABLE");
        provider.answers("/token", 0).await;
        exchange(&server, &code, VERIFIER).await.data();

        provider.stop();
        exchange(&server, "any", VERIFIER)
            .await
            .refused(503, "SW_SERVICE_UNAVAILABLE");
        let refresh = server.stranger().refresh("any").await;
        refresh.refused(503, "SW_SERVICE_UNAVAILABLE");
        // Who is signed in goes on: the keys are known.
        alice.get("/v1/me").await.data();
        server.stranger().get("/v1/auth/config").await.data();

        provider.start_again(&server).await;
        let back = async || provider.sign_in(&server, "alice").await.status == 200;
        eventually("the provider is noticed to be back", IN_TIME, back).await;
    }
}

#[tokio::test]
async fn without_the_providers_keys_no_token_is_good() {
    for backend in Backend::ALL {
        let provider = IdentityProvider::start();
        let token = provider.sign(json!({"sub": "alice"})).await;
        provider.answers("/jwks", 500).await;
        let server = provider.server(backend, &[]).await;
        assert_eq!(standing(&server, &token).await, "SW_AUTH_INVALID_TOKEN");
        let code = Browser::new(&provider).code_for(&server, "alice").await;
        exchange(&server, &code, VERIFIER)
            .await
            .refused(503, "SW_SERVICE_UNAVAILABLE");
        provider.answers("/jwks", 0).await;
        let good = async || standing(&server, &token).await == "signed in";
        eventually("the keys are fetched", IN_TIME, good).await;
    }
}

#[tokio::test]
async fn where_access_tokens_are_opaque_the_id_token_is_the_bearer() {
    for backend in Backend::ALL {
        let provider = IdentityProvider::start_with(&[("ACCESS_TOKENS", "opaque")]);
        let server = provider.server(backend, &[]).await;
        provider
            .knows(
                "42",
                json!({"preferred_username": "alice", "name": "Alice A."}),
                json!({}),
            )
            .await;
        let tokens = provider.sign_in(&server, "42").await.data();
        assert_eq!(
            tokens["access_token"].as_str().unwrap().split('.').count(),
            3
        );
        let me = api(&server, &tokens).get("/v1/me").await.data();
        assert_eq!(me["display_name"], "Alice A.");
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let next = server.stranger().refresh(refresh).await.data();
        assert_eq!(next["session_id"], tokens["session_id"]);
        api(&server, &next).get("/v1/me").await.data();
    }
}

#[tokio::test]
async fn a_password_goes_to_the_provider_where_the_tenant_wants_it() {
    with_provider(async |mut server, provider| {
        provider.knows_password("alice", "a secret of alice").await;
        let stranger = server.stranger();
        stranger
            .sign_in("alice", "a secret of alice")
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        server.stop().await;
        let features =
            r#"UPDATE tenants SET features = '{"auth": {"password_grant_enabled": true}}'"#;
        execute(server.backend(), &server.database_url(), features).await;
        server.launch();
        let config = server.stranger().get("/v1/auth/config").await.data();
        assert_eq!(config["password_grant_enabled"], true);

        let tokens = server
            .stranger()
            .sign_in("alice", "a secret of alice")
            .await
            .data();
        let me = api(&server, &tokens).get("/v1/me").await.data();
        assert_eq!(me["local_id"], "alice");
        for (name, password) in [("alice", "wrong"), ("nobody", "wrong")] {
            let answer = server.stranger().sign_in(name, password).await;
            answer.refused(401, "SW_AUTH_INVALID_TOKEN");
        }
        // The same person as by browser.
        let by_browser = signed_in(&server, &provider, "alice").await.1;
        assert_eq!(by_browser["participant_id"], me["participant_id"]);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_exchanged_at_the_provider() {
    with_provider(async |server, provider| {
        let tokens = provider.sign_in(&server, "alice").await.data();
        let exchange = |token: &str| {
            json!({
                "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
                "subject_token": token,
                "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
                "audience": "models",
            })
        };
        let stranger = server.stranger();
        let own = tokens["access_token"].as_str().unwrap();
        let exchanged = stranger.post("/v1/auth/token", &exchange(own)).await.data();
        assert_eq!(exchanged["token_type"], "Bearer");
        assert_eq!(exchanged["expires_in"], 600);
        assert_eq!(exchanged["session_id"], tokens["session_id"]);
        assert_ne!(exchanged["access_token"], tokens["access_token"]);
        // It is for the models, and not for this server.
        let foreign = exchanged["access_token"].as_str().unwrap();
        assert_eq!(standing(&server, foreign).await, "SW_AUTH_INVALID_TOKEN");

        stranger
            .post("/v1/auth/token", &exchange("no token"))
            .await
            .refused(400, "SW_AUTH_OIDC_FAILED");
        let alice = api(&server, &tokens);
        alice.post("/v1/auth/logout", &json!({})).await.data();
        stranger
            .post("/v1/auth/token", &exchange(own))
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
    })
    .await;
}
