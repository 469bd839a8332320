//! The tenant is the one that the provider's token names.

use serde_json::json;

use super::{claims, standing, with_provider};

#[tokio::test]
async fn a_token_acts_in_the_tenant_that_it_names_by_slug_id_or_the_providers_own_id() {
    with_provider(async |server, provider| {
        let make = [
            "admin",
            "create-tenant",
            "--slug",
            "blue",
            "--name",
            "Blue",
            "--scaikey-tenant-id",
            "7e57",
        ];
        server.cli(&make, "").done();
        let tenant_of = async |claim: &str| {
            let token = provider.sign(claims("alice", "tenant_id", claim)).await;
            let me = server
                .stranger()
                .with_token(&token)
                .get("/v1/me")
                .await
                .data();
            (
                me["tenant"]["slug"].as_str().unwrap().to_owned(),
                me["participant_id"].clone(),
            )
        };
        let (slug, of_default) = tenant_of("default").await;
        assert_eq!(slug, "default");
        let (slug, of_blue) = tenant_of("7e57").await;
        assert_eq!(slug, "blue");
        assert_ne!(
            of_default, of_blue,
            "one person of the provider is one in each tenant"
        );

        for unknown in ["blue", "green", ""] {
            let token = provider.sign(claims("alice", "tenant_id", unknown)).await;
            assert_eq!(
                standing(&server, &token).await,
                "SW_TENANT_NOT_FOUND",
                "{unknown:?}"
            );
        }
        // Of several tenants none is meant by who names none.
        let nameless = provider.sign(json!({"sub": "alice"})).await;
        assert_eq!(standing(&server, &nameless).await, "SW_TENANT_NOT_FOUND");

        let link = [
            "admin",
            "link-tenant",
            "--slug",
            "default",
            "--scaikey-tenant-id",
            "c0de",
        ];
        server.cli(&link, "").done();
        assert_eq!(tenant_of("c0de").await.1, of_default);
        let by_slug = provider.sign(claims("alice", "tenant_id", "default")).await;
        assert_eq!(standing(&server, &by_slug).await, "SW_TENANT_NOT_FOUND");
        let taken = [
            "admin",
            "link-tenant",
            "--slug",
            "blue",
            "--scaikey-tenant-id",
            "c0de",
        ];
        assert!(!server.cli(&taken, "").status.success());
    })
    .await;
}

#[tokio::test]
async fn a_request_that_names_another_tenant_than_its_token_is_refused() {
    with_provider(async |server, provider| {
        let make = ["admin", "create-tenant", "--slug", "blue", "--name", "Blue"];
        server.cli(&make, "").done();
        let token = provider.sign(claims("alice", "tenant_id", "default")).await;
        let alice = server.stranger().with_token(&token);
        alice.get("/v1/me").await.data();
        alice
            .with_header("x-scaiwave-tenant", "blue")
            .get("/v1/me")
            .await
            .refused(403, "SW_AUTH_TENANT_MISMATCH");

        provider
            .knows("bob", json!({}), json!({"tenant_id": "blue"}))
            .await;
        let code = crate::support::Browser::new(&provider)
            .code_for(&server, "bob")
            .await;
        let login = json!({
            "code": code, "redirect_uri": format!("{}/v1/auth/login", server.url()),
            "code_verifier": crate::support::identity_provider::VERIFIER,
        });
        server
            .stranger()
            .with_header("x-scaiwave-tenant", "default")
            .post("/v1/auth/login", &login)
            .await
            .refused(403, "SW_AUTH_TENANT_MISMATCH");
    })
    .await;
}

#[tokio::test]
async fn a_sign_in_to_a_tenant_that_is_not_there_is_refused_with_the_tenants_code() {
    with_provider(async |server, provider| {
        provider
            .knows("alice", json!({}), json!({"tenant_id": "nowhere"}))
            .await;
        let answer = provider.sign_in(&server, "alice").await;
        answer.refused(404, "SW_TENANT_NOT_FOUND");
    })
    .await;
}
