//! Groups that administrators make, beside those of an identity provider.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PASSWORD, Person, execute, on_both};

const PATH: &str = "/v1/admin/groups";
const MIRRORED: &str = "00000000-0000-8000-8000-00000000cafe";

#[tokio::test]
async fn administrators_make_groups_and_leave_those_of_the_provider_alone() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let admin = Person::sign_in(&server.stranger(), "admin", PASSWORD).await;
        let gardeners = json!({"name": "Gardeners", "member_ids": [bob.id, alice.id, bob.id]});
        let made = admin.api.post(PATH, &gardeners).await.data();
        assert_eq!(made["member_count"], 2);
        assert_eq!(made["role_slugs"], json!([]));
        let group = format!("{PATH}/{}", made["id"].as_str().unwrap());
        let me = alice.api.get("/v1/me").await.data();
        assert_eq!(me["groups"], json!([made["id"]]));
        let smaller = json!({"name": "Growers", "member_ids": [bob.id]});
        let changed = admin.api.put(&group, &smaller).await.data();
        assert_eq!(
            (&changed["name"], &changed["member_ids"]),
            (&json!("Growers"), &json!([bob.id]))
        );
        let me = alice.api.get("/v1/me").await.data();
        assert_eq!(me["groups"], json!([]));
        let empty = json!({"name": "Nobody"});
        let empty = admin.api.post(PATH, &empty).await.data();
        assert_eq!(empty["member_ids"], json!([]));
        let stranger = json!({"member_ids": [MIRRORED]});
        let refused = admin.api.put(&group, &stranger).await;
        refused.refused(404, "SW_NOT_FOUND");

        server.stop().await;
        let mirrored = format!(
            "INSERT INTO user_groups (tenant, id, issuer, name, name_key, role_slugs, updated_at)
             SELECT id, '{MIRRORED}', 'https://provider.example', 'Staff', 'staff', '[]', 1 FROM tenants"
        );
        execute(server.backend(), &server.database_url(), &mirrored).await;
        server.launch();
        let listed = admin.api.get(PATH).await.data();
        let shown = |group: &Value| (group["name"].clone(), group["read_only"].clone());
        let listed: Vec<_> = listed.as_array().unwrap().iter().map(shown).collect();
        let expected = [("Growers", false), ("Nobody", false), ("Staff", true)];
        assert_eq!(
            listed,
            expected.map(|(name, read_only)| (json!(name), json!(read_only)))
        );
        let of_provider = format!("{PATH}/{MIRRORED}");
        let rename = json!({"name": "Mine"});
        for (method, body) in [(Method::PUT, Some(&rename)), (Method::DELETE, None)] {
            let asked = admin.api.try_call(method, &of_provider, body).await;
            let error = asked.unwrap();
            error.refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        }
        let refused = alice.api.put(&group, &rename).await;
        refused.refused(403, "SW_AUTH_INSUFFICIENT_PERMISSION");
        admin.api.delete(&group).await.data();
        admin.api.delete(&group).await.refused(404, "SW_NOT_FOUND");
    })
    .await;
}
