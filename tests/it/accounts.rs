//! Accounts and profiles: made by administrators, found in the directory, suspended.

use serde_json::json;

use crate::support::{PASSWORD, Person, on_both, rows};

#[tokio::test]
async fn an_account_signs_in_and_reads_its_profile() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let me = alice.api.get("/v1/me").await.data();
        assert_eq!(me["local_id"], "alice");
        assert_eq!(me["fqid"], "@alice:localhost");
        assert_eq!(me["display_name"], "Alice");
        assert_eq!(me["tenant"]["slug"], "default");
        assert!(me["personal_workspace_id"].is_string());

        let tokens = server.stranger().sign_in("alice", PASSWORD).await.data();
        assert_eq!(tokens["token_type"], "Bearer");
        assert_eq!(tokens["expires_in"], 3600);
        assert!(tokens["session_id"].is_string());
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_account_answer_alike() {
    on_both(async |server| {
        server.people(["alice"]).await;
        let wrong = server
            .stranger()
            .sign_in("alice", "wrong password")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        let unknown = server
            .stranger()
            .sign_in("nobody", "wrong password")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        assert_eq!(wrong["message"], unknown["message"]);
        assert_eq!(wrong["details"], unknown["details"]);
    })
    .await;
}

#[tokio::test]
async fn sign_in_takes_forms_as_well_as_json() {
    on_both(async |server| {
        server.people(["alice"]).await;
        let form = "grant_type=password&username=alice&password=correct+horse+battery%20staple";
        server
            .stranger()
            .post_raw("/v1/auth/token", "application/x-www-form-urlencoded", form)
            .await
            .data();
    })
    .await;
}

#[tokio::test]
async fn only_administrators_make_accounts() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let bob = json!({"local_id": "bob", "display_name": "Bob"});
        alice
            .api
            .post("/v1/admin/users", &bob)
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");

        let admin = &server.admin().await.api;
        let made = admin.post("/v1/admin/users", &bob).await.data();
        let one_time = made["password"]
            .as_str()
            .expect("a password that is shown once");
        Person::sign_in(&server.stranger(), "bob", one_time).await;

        let taken = admin
            .post("/v1/admin/users", &bob)
            .await
            .refused(422, "SW_VALIDATION_ERROR");
        assert_eq!(taken["details"]["fields"][0]["path"], "body.local_id");
        assert_eq!(taken["details"]["fields"][0]["reason"], "taken");
        for name in [
            "",
            "Bob",
            "-bob",
            "bob smith",
            "bob@example.org",
            &"b".repeat(65),
        ] {
            let wrong = json!({"local_id": name, "display_name": "Bob"});
            admin
                .post("/v1/admin/users", &wrong)
                .await
                .refused(422, "SW_VALIDATION_ERROR");
        }
    })
    .await;
}

#[tokio::test]
async fn a_suspended_account_is_out_at_once() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let admin = &server.admin().await.api;
        let path = format!("/v1/admin/users/{}", alice.id);
        admin
            .patch(&path, &json!({"state": "suspended"}))
            .await
            .data();
        alice
            .api
            .get("/v1/me")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        let stranger = server.stranger();
        stranger
            .sign_in("alice", PASSWORD)
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        stranger
            .sign_in("alice", "wrong password")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");

        admin.patch(&path, &json!({"state": "active"})).await.data();
        Person::sign_in(&stranger, "alice", PASSWORD).await;
    })
    .await;
}

#[tokio::test]
async fn changing_the_password_ends_the_other_sessions() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let other_device = Person::sign_in(&server.stranger(), "alice", PASSWORD).await;
        let change = |current: &str| json!({"current_password": current, "new_password": "a fresh long password"});
        alice
            .api
            .put("/v1/auth/password", &change("not the password"))
            .await
            .refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        alice.api.put("/v1/auth/password", &change(PASSWORD)).await.data();
        alice.api.get("/v1/me").await.data();
        other_device.api.get("/v1/me").await.refused(401, "SW_AUTH_INVALID_TOKEN");
        server.stranger().sign_in("alice", PASSWORD).await.refused(401, "SW_AUTH_INVALID_TOKEN");
        Person::sign_in(&server.stranger(), "alice", "a fresh long password").await;
    })
    .await;
}

#[tokio::test]
async fn a_profile_changes_only_where_asked() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        alice
            .api
            .put("/v1/me", &json!({"bio": "Keeper of the garden"}))
            .await
            .data();
        let me = alice
            .api
            .put("/v1/me", &json!({"display_name": "Alice A."}))
            .await
            .data();
        assert_eq!(
            (&me["display_name"], &me["bio"]),
            (&json!("Alice A."), &json!("Keeper of the garden"))
        );

        let seen = bob
            .api
            .get(&format!("/v1/profiles/{}", alice.id))
            .await
            .data();
        assert_eq!(seen["display_name"], "Alice A.");
        assert_eq!(seen["fqid"], alice.fqid);
        let by_name = bob.api.get("/v1/profiles/@alice:localhost").await.data();
        assert_eq!(by_name["id"], alice.id);
        bob.api
            .get("/v1/profiles/@nobody:localhost")
            .await
            .refused(404, "SW_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn the_directory_finds_people_by_name() {
    on_both(async |server| {
        let [alice, _, _] = server.people(["alice", "bob", "bobby"]).await;
        let found = alice.api.get("/v1/directory/participants?q=BOB").await.ok();
        let names: Vec<_> = found["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|person| person["local_id"].clone())
            .collect();
        assert_eq!(names, ["bob", "bobby"]);
        assert_eq!(found["meta"]["total"], 2);
        assert!(
            found["data"][0].get("email").is_none(),
            "the directory never shows an e-mail address"
        );
    })
    .await;
}

#[tokio::test]
async fn everybody_has_a_personal_workspace() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let me = alice.api.get("/v1/me").await.data();
        let id = me["personal_workspace_id"].as_str().unwrap();
        let found = rows(
            server.backend(),
            &server.database_url(),
            "SELECT id FROM workspaces",
        )
        .await;
        assert!(
            found.iter().any(|row| row.contains(id)),
            "{id} in {found:?}"
        );
    })
    .await;
}
