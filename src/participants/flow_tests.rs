//! Profiles and the directory as clients meet them.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{ForeignProfile, Kind, store};
use crate::app::test_server::{Answer, PASSWORD, Server};
use crate::tenants::NewTenant;

async fn hear_of(server: &Server, fqid: &str, display_name: &str, ts: i64) {
    let profile = ForeignProfile {
        fqid: fqid.parse().unwrap(),
        kind: Kind::Human,
        display_name: display_name.to_owned(),
        avatar_url: None,
        bio: None,
        ts,
    };
    let tenant = server.app.tenants().first().unwrap();
    let mut tx = server.app.db().begin().await.unwrap();
    store::upsert_foreign(&tenant, &mut tx, &profile, ts)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
}

async fn get(server: &Server, token: &str, path: &str) -> Answer {
    server.ask(Method::GET, path, Some(token), json!({})).await
}

fn names(answer: &Answer) -> Vec<&str> {
    let people = answer.body["data"].as_array().unwrap();
    people
        .iter()
        .map(|person| person["display_name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn what_a_person_sets_wins_until_it_is_null() {
    let server = Server::local().await;
    let token = server.sign_in("root", PASSWORD).await.data("access_token");
    let put = async |change: Value| {
        server
            .ask(Method::PUT, "/v1/me", Some(&token), change)
            .await
    };
    let changed = put(json!({"display_name": "Zoë", "bio": "hi"})).await;
    assert_eq!(changed.data("display_name"), "Zoë");
    let back = put(json!({"display_name": null})).await;
    assert_eq!(back.data("display_name"), "root");
    assert_eq!(back.data("bio"), "hi");
    let media = json!({"avatar_url": "/v1/media/download/018f0000-0000-7000-8000-000000000001"});
    assert_eq!(put(media).await.code(), "SW_NOT_FOUND");
    let wrong = put(json!({"display_name": " ", "avatar_url": "http://plain.example"})).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn the_directory_shows_local_people_and_others_only_when_asked() {
    let server = Server::local().await;
    server.create("alice", &[]).await;
    hear_of(&server, "@bob:b.example", "Bob", 1).await;
    let token = server.sign_in("root", PASSWORD).await.data("access_token");
    let list = async |query: &str| {
        get(
            &server,
            &token,
            &format!("/v1/directory/participants{query}"),
        )
        .await
    };
    assert_eq!(names(&list("").await), ["alice", "root"]);
    let all = list("?include_federated=true").await;
    assert_eq!(names(&all), ["alice", "Bob", "root"]);
    assert_eq!(all.body["data"][1]["participant_type"], "federated");
    assert_eq!(
        names(&list("?include_federated=true&type=federated").await),
        ["Bob"]
    );
    assert_eq!(names(&list("?q=ALICE@EXAMPLE").await), ["alice"]);
    assert_eq!(names(&list("?q=%25").await), Vec::<&str>::new());
    let page = list("?limit=1&offset=1").await;
    assert_eq!(names(&page), ["root"]);
    assert_eq!(page.body["meta"]["total"], 2);
    assert_eq!(list("?type=nobody").await.code(), "SW_VALIDATION_ERROR");
}

#[tokio::test]
async fn a_foreign_profile_only_grows_newer_and_never_touches_local_people() {
    let server = Server::local().await;
    let token = server.sign_in("root", PASSWORD).await.data("access_token");
    let name = async |fqid: &str| {
        get(&server, &token, &format!("/v1/profiles/{fqid}"))
            .await
            .data("display_name")
    };
    hear_of(&server, "@bob:b.example", "Bob", 10).await;
    hear_of(&server, "@bob:b.example", "Old Bob", 5).await;
    assert_eq!(name("@bob:b.example").await, "Bob");
    hear_of(&server, "@bob:b.example", "New Bob", 11).await;
    assert_eq!(name("@bob:b.example").await, "New Bob");
    let own = server.app.tenants().first().unwrap().server_name().clone();
    hear_of(&server, &format!("@root:{own}"), "Impostor", i64::MAX).await;
    assert_eq!(name(&format!("@root:{own}")).await, "root");
    for unknown in ["@nobody:b.example", "@Bad:b.example", "not-an-id"] {
        let answer = get(&server, &token, &format!("/v1/profiles/{unknown}")).await;
        assert_eq!(answer.code(), "SW_NOT_FOUND", "{unknown}");
    }
}

#[tokio::test]
async fn a_request_may_name_its_own_tenant_only() {
    let server = Server::local().await;
    let other = NewTenant {
        slug: "other".to_owned(),
        name: "Other".to_owned(),
        server_name: "other.example".parse().unwrap(),
        scaikey_tenant_id: None,
    };
    let made = server.app.tenants().create(&other, 1, server.app.entropy());
    made.await.unwrap();
    let token = server
        .sign_in_at("root", PASSWORD, "default")
        .await
        .data("access_token");
    for (query, status) in [
        ("", 200),
        ("?tenant=default", 200),
        ("?tenant=other", 403),
        ("?tenant_id=none", 403),
    ] {
        let answer = get(&server, &token, &format!("/v1/me{query}")).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let named = server
        .ask(
            Method::PUT,
            "/v1/me",
            Some(&token),
            json!({"tenant": "other"}),
        )
        .await;
    assert_eq!(named.code(), "SW_AUTH_TENANT_MISMATCH");
    let unknown = server.sign_in_at("root", PASSWORD, "nowhere").await;
    assert_eq!(unknown.code(), "SW_TENANT_NOT_FOUND");
    assert_eq!(
        server.sign_in_at("root", PASSWORD, "other").await.code(),
        "SW_AUTH_INVALID_TOKEN"
    );
}
