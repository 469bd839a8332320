//! Who somebody is: known by issuer and subject, never by a name or an address; and what is taken over of them.

use serde_json::{Value, json};

use super::{claims, signed_in, standing, with_provider, with_settings};
use crate::support::{Api, Backend, IdentityProvider, PASSWORD, execute};

#[tokio::test]
async fn another_issuer_with_a_known_subject_is_somebody_else() {
    for backend in Backend::ALL {
        let (first, second) = (IdentityProvider::start(), IdentityProvider::start());
        let mut server = first.server(backend, &[]).await;
        let (_, alice) = signed_in(&server, &first, "alice").await;
        // Its tokens are worth nothing here.
        let foreign = second.sign(json!({"sub": "alice"})).await;
        assert_eq!(standing(&server, &foreign).await, "SW_AUTH_INVALID_TOKEN");

        // Even where the operator moves to it, its people are others.
        server.stop().await;
        server.set("SCAIWAVE_OIDC_ISSUER", second.issuer());
        server.launch();
        second.send_back_to(&server).await;
        let (_, other) = signed_in(&server, &second, "alice").await;
        assert_ne!(alice["participant_id"], other["participant_id"]);
        assert_eq!(other["local_id"], "alice-2");
    }
}

#[tokio::test]
async fn another_subject_with_a_known_address_or_name_is_somebody_else() {
    with_provider(async |server, provider| {
        let of = |name: &str| json!({"preferred_username": name, "email": "a@example.org", "name": "Alice"});
        provider.knows("1", of("a"), json!({})).await;
        provider.knows("2", of("b"), json!({})).await;
        let (_, first) = signed_in(&server, &provider, "1").await;
        let (_, second) = signed_in(&server, &provider, "2").await;
        assert_ne!(first["participant_id"], second["participant_id"]);
        assert_eq!(first["email"], "a@example.org");
        assert_eq!(second["email"], Value::Null, "an address has one account");
        // Who gives the address up makes it free.
        provider.knows("1", json!({"preferred_username": "a", "email": "new@example.org"}), json!({})).await;
        signed_in(&server, &provider, "1").await;
        let (_, second) = signed_in(&server, &provider, "2").await;
        assert_eq!(second["email"], "a@example.org");
    })
    .await;
}

#[tokio::test]
async fn names_that_are_alike_once_cleaned_never_share_an_account() {
    with_provider(async |server, provider| {
        let mut ids = Vec::new();
        for (sub, name, local_id) in [
            ("1", "a.b", "a.b"),
            ("2", "a_b", "a_b"),
            ("3", "A B", "a-b"),
            ("4", "a/b", "a-b-2"),
            ("5", "a-b", "a-b-3"),
            ("6", "a.b@example.org", "a.b-2"),
            ("7", "Алиса", "user"),
        ] {
            provider
                .knows(sub, json!({ "preferred_username": name }), json!({}))
                .await;
            let (_, me) = signed_in(&server, &provider, sub).await;
            assert_eq!(me["local_id"], local_id, "{name}");
            ids.push(me["participant_id"].as_str().unwrap().to_owned());
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 7);
        // A name that changes at the provider changes nobody.
        provider
            .knows("1", json!({"preferred_username": "other"}), json!({}))
            .await;
        let (_, me) = signed_in(&server, &provider, "1").await;
        assert_eq!(me["local_id"], "a.b");
    })
    .await;
}

#[tokio::test]
async fn what_the_provider_says_is_taken_over_until_the_person_chooses_otherwise() {
    with_provider(async |server, provider| {
        let says = async |name: &str, picture: &str| {
            let claims = json!({"preferred_username": "alice", "name": name, "picture": picture});
            provider.knows("1", claims, json!({})).await;
            signed_in(&server, &provider, "1").await
        };
        let looks = |me: &Value| (me["display_name"].clone(), me["avatar_url"].clone());
        let (one, two) = ("https://p.example/1.png", "https://p.example/2.png");
        let (alice, me) = says("Alice One", one).await;
        assert_eq!(looks(&me), (json!("Alice One"), json!(one)));
        let (_, me) = says("Alice Two", two).await;
        assert_eq!(looks(&me), (json!("Alice Two"), json!(two)));

        // The same name as the given one is a choice all the same.
        alice
            .put("/v1/me", &json!({"display_name": "Alice Two"}))
            .await
            .data();
        let (_, me) = says("Alice Three", one).await;
        assert_eq!(looks(&me), (json!("Alice Two"), json!(one)));
        let own = json!({"avatar_url": "https://own.example/me.png"});
        alice.put("/v1/me", &own).await.data();
        let (_, me) = says("Alice Four", two).await;
        assert_eq!(
            looks(&me),
            (json!("Alice Two"), json!("https://own.example/me.png"))
        );
        let back = json!({"display_name": null, "avatar_url": null});
        let me = alice.put("/v1/me", &back).await.data();
        assert_eq!(looks(&me), (json!("Alice Four"), json!(two)));
    })
    .await;
}

async fn groups(api: &Api, query: &str) -> Vec<(String, i64)> {
    let found = api.get(&format!("/v1/directory/groups{query}")).await.ok();
    let groups = found["data"].as_array().unwrap().iter();
    groups
        .map(|group| {
            let name = group["name"].as_str().unwrap().to_owned();
            (name, group["member_count"].as_i64().unwrap())
        })
        .collect()
}

#[tokio::test]
async fn groups_are_shown_with_their_members() {
    with_provider(async |server, provider| {
        let is_in = async |sub: &str, groups: Value| {
            let claims = json!({"preferred_username": sub, "name": sub, "groups": groups});
            provider.knows(sub, claims, json!({})).await;
            signed_in(&server, &provider, sub).await
        };
        let garden = json!({"id": "g1", "name": "Garden", "role_slugs": ["gardener"]});
        is_in("alice", json!(["Staff", garden])).await;
        let (bob, me) = is_in("bob", json!([garden, "100%"])).await;
        assert_eq!(me["groups"].as_array().unwrap().len(), 2);
        assert_eq!(me["roles"], json!(["gardener"]));

        let all = [("100%", 1), ("Garden", 2), ("Staff", 1)]
            .map(|(name, count)| (name.to_owned(), count));
        assert_eq!(groups(&bob, "").await, all);
        assert_eq!(groups(&bob, "?q=GARD").await, all[1..2]);
        assert_eq!(groups(&bob, "?q=%25").await, all[..1]);
        assert_eq!(groups(&bob, "?limit=1&offset=2").await, all[2..]);
        let page = bob.get("/v1/directory/groups?limit=1").await.ok();
        assert_eq!(page["meta"]["total"], 3);
        let found = bob.get("/v1/directory/groups?q=garden").await.data();
        assert_eq!(found[0]["role_slugs"], json!(["gardener"]));

        let path = format!(
            "/v1/directory/groups/{}/members",
            found[0]["id"].as_str().unwrap()
        );
        let members = bob.get(&path).await.ok();
        assert_eq!(members["meta"]["total"], 2);
        assert_eq!(members["data"][0]["local_id"], "alice");
        assert_eq!(members["data"][1]["local_id"], "bob");
        assert!(members["data"][0].get("email").is_none());
        let second = bob.get(&format!("{path}?limit=1&offset=1")).await.data();
        assert_eq!(second[0]["local_id"], "bob");
        for id in ["00000000-0000-8000-8000-000000000000", "nonsense"] {
            let path = format!("/v1/directory/groups/{id}/members");
            bob.get(&path).await.refused(404, "SW_NOT_FOUND");
        }

        // Who leaves a group is in it no more, and what nobody is in is gone.
        let (alice, me) = is_in("alice", json!([{"id": "g1", "name": "Kitchen garden"}])).await;
        assert_eq!(me["roles"], json!([]));
        let left =
            [("100%", 1), ("Kitchen garden", 2)].map(|(name, count)| (name.to_owned(), count));
        assert_eq!(groups(&alice, "").await, left);
    })
    .await;
}

#[tokio::test]
async fn roles_of_the_provider_are_roles_here_and_those_of_an_admin_stay_beside_them() {
    with_provider(async |server, provider| {
        let has = async |sub: &str, token: Value| {
            provider
                .knows(sub, json!({ "preferred_username": sub }), token)
                .await;
            signed_in(&server, &provider, sub).await
        };
        let (root, me) = has("root", json!({"role": "tenant_admin"})).await;
        assert_eq!(me["roles"], json!(["tenant_admin"]));
        let (alice, me) = has("alice", json!({"roles": ["gardener", "No Role"]})).await;
        assert_eq!(me["roles"], json!(["gardener"]));
        let (bob, his) = has("bob", json!({})).await;
        bob.get("/v1/admin/users")
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        root.get("/v1/admin/users").await.data();

        let garden =
            json!({"name": "Garden", "visibility": "restricted", "read_role_slugs": ["gardener"]});
        let room = alice.post("/v1/rooms", &garden).await.data();
        let (clara, her) = has("clara", json!({"role": "gardener"})).await;
        let garden = format!("/v1/rooms/{}", room["id"].as_str().unwrap());
        clara.get(&garden).await.data();
        bob.get(&garden).await.refused(403, "SW_NOT_MEMBER");
        let invite = async |whom: &Value| {
            let invitation = json!({"participant_id": whom["participant_id"]});
            alice.post(&format!("{garden}/invite"), &invitation).await
        };
        invite(&her).await.data();
        invite(&his).await.refused(403, "SW_ROOM_FORBIDDEN");
        let joined = clara.post(&format!("{garden}/join"), &json!({})).await;
        joined.data();

        let path = format!(
            "/v1/admin/users/{}/roles",
            me["participant_id"].as_str().unwrap()
        );
        let shown = root.put(&path, &json!({"roles": ["auditor"]})).await.data();
        assert_eq!(shown["roles"], json!(["auditor", "gardener"]));
        // A token that names no role, where they used to, takes the provider's away.
        let (_, me) = has("alice", json!({})).await;
        assert_eq!(me["roles"], json!(["auditor"]));
    })
    .await;
}

#[tokio::test]
async fn an_older_token_takes_nothing_back_signed_with_the_providers_key() {
    with_provider(async |server, provider| {
        let now = super::now_s();
        let admin = json!({"sub": "alice", "role": "tenant_admin", "iat": now - 500, "jti": "old"});
        let admin = provider.sign(admin).await;
        let later = provider
            .sign(json!({"sub": "alice", "role": "member", "iat": now - 400, "jti": "new"}))
            .await;
        assert_eq!(standing(&server, &later).await, "signed in");
        let roles = async |token: &str| {
            let me = server
                .stranger()
                .with_token(token)
                .get("/v1/me")
                .await
                .data();
            me["roles"].clone()
        };
        assert_eq!(roles(&admin).await, json!(["member"]));
        let newest = provider.sign(claims("alice", "jti", "newest")).await;
        assert_eq!(roles(&newest).await, json!([]));
    })
    .await;
}

#[tokio::test]
async fn newcomers_need_a_place_and_suspended_people_stay_out() {
    with_provider(async |mut server, provider| {
        let root = json!({"role": "tenant_admin"});
        provider.knows("root", json!({}), root).await;
        signed_in(&server, &provider, "root").await;
        let (_, alice) = signed_in(&server, &provider, "alice").await;
        server.stop().await;
        let limits = r#"UPDATE tenants SET limits = '{"max_participants": 2}'"#;
        execute(server.backend(), &server.database_url(), limits).await;
        server.launch();
        provider
            .sign_in(&server, "bob")
            .await
            .refused(409, "SW_TENANT_CAPACITY");
        let newcomer = provider.sign(json!({"sub": "bob"})).await;
        assert_eq!(standing(&server, &newcomer).await, "SW_TENANT_CAPACITY");

        let (root, _) = signed_in(&server, &provider, "root").await;
        let token = provider.sign(claims("alice", "jti", "fresh")).await;
        assert_eq!(standing(&server, &token).await, "signed in");
        let path = format!(
            "/v1/admin/users/{}",
            alice["participant_id"].as_str().unwrap()
        );
        root.patch(&path, &json!({"state": "suspended"}))
            .await
            .data();
        assert_eq!(standing(&server, &token).await, "SW_AUTH_INVALID_TOKEN");
        provider
            .sign_in(&server, "alice")
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        let another = provider.sign(claims("alice", "jti", "another")).await;
        assert_eq!(standing(&server, &another).await, "SW_AUTH_INVALID_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn the_operator_makes_the_first_administrator() {
    with_provider(async |server, provider| {
        let (alice, _) = signed_in(&server, &provider, "alice").await;
        alice
            .get("/v1/admin/users")
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        let grant = ["admin", "set-roles", "alice", "--role", "tenant_admin"];
        let said = server.cli(&grant, "").done();
        assert!(said.stdout.contains("tenant_admin"), "{said:?}");
        alice.get("/v1/admin/users").await.data();
        // The next sign-in takes nothing of it back.
        let (alice, _) = signed_in(&server, &provider, "alice").await;
        alice.get("/v1/admin/users").await.data();
    })
    .await;
}

#[tokio::test]
async fn hybrid_tells_by_a_tokens_form_whose_it_is() {
    with_settings(
        &[("SCAIWAVE_AUTH_MODE", "hybrid")],
        async |server, provider| {
            let [local] = server.people(["laura"]).await;
            let (_, alice) = signed_in(&server, &provider, "alice").await;
            assert_eq!(alice["local_id"], "alice");
            let mock = server.stranger().with_token("mock-dev-token");
            assert_eq!(mock.get("/v1/me").await.data()["local_id"], "dev");
            let (_, dev) = signed_in(&server, &provider, "dev").await;
            assert_eq!(dev["local_id"], "dev-2", "nobody else is the mock user");

            let forged = provider
                .sign_as(json!({"claims": {"sub": "alice"}, "unknown_key": true}))
                .await;
            assert_eq!(standing(&server, &forged).await, "SW_AUTH_INVALID_TOKEN");
            // Each kind of refresh token goes where it belongs.
            let tokens = server.stranger().sign_in("laura", PASSWORD).await.data();
            let again = server
                .stranger()
                .refresh(tokens["refresh_token"].as_str().unwrap())
                .await;
            assert_eq!(again.data()["session_id"], tokens["session_id"]);
            let tokens = provider.sign_in(&server, "alice").await.data();
            let again = server
                .stranger()
                .refresh(tokens["refresh_token"].as_str().unwrap())
                .await;
            assert_eq!(again.data()["session_id"], tokens["session_id"]);
            local.api.get("/v1/me").await.data();
        },
    )
    .await;
}
