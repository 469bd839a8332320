//! Sign-in as clients meet it: the whole router over a real database, with a clock that the test moves.

use http::{Method, StatusCode};
use serde_json::json;

use crate::app::test_server::{PASSWORD, Server};

const DAY: i64 = 24 * 3600 * 1000;

#[tokio::test]
async fn a_lost_refresh_is_repeated_and_late_reuse_ends_the_session() {
    let server = Server::local().await;
    let first = server.sign_in("root", PASSWORD).await;
    let other = server.sign_in("root", PASSWORD).await.data("access_token");
    let token = first.data("refresh_token");

    // Two at once, then again after 20 s because the answer was lost: all lead to the same successor.
    let (one, two) = tokio::join!(server.refresh(&token), server.refresh(&token));
    server.clock.advance(20_000);
    let three = server.refresh(&token).await;
    for answer in [&one, &two, &three] {
        assert_eq!(
            server.standing(&answer.data("access_token")).await,
            "signed in"
        );
        assert_eq!(answer.data("refresh_token"), one.data("refresh_token"));
        assert_eq!(answer.data("session_id"), first.data("session_id"));
    }
    let successor = server.refresh(&one.data("refresh_token")).await;
    assert_eq!(
        server.standing(&successor.data("access_token")).await,
        "signed in"
    );

    // Ten minutes later whoever presents it holds a copy.
    server.clock.advance(600_000);
    assert_eq!(server.refresh(&token).await.code(), "SW_AUTH_INVALID_TOKEN");
    assert_eq!(
        server.standing(&successor.data("access_token")).await,
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(
        server
            .refresh(&successor.data("refresh_token"))
            .await
            .code(),
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(server.standing(&other).await, "signed in");
}

#[tokio::test]
async fn sockets_learn_at_once_that_their_session_has_ended() {
    let server = Server::local().await;
    let signed_in = server.sign_in("root", PASSWORD).await;
    let token = signed_in.data("access_token");
    let session = signed_in.data("session_id").parse().unwrap();
    let tenant = server.app.tenants().first().unwrap();
    let sessions = &server.app.auth().sessions;
    let mut watch = sessions
        .watch(&tenant, server.app.db(), session)
        .await
        .unwrap()
        .unwrap();

    server
        .ask(Method::POST, "/v1/auth/logout", Some(&token), json!({}))
        .await;
    watch.ended().await;
    drop(watch);
    let late = sessions
        .watch(&tenant, server.app.db(), session)
        .await
        .unwrap();
    assert!(late.is_none());
}

#[tokio::test]
async fn tokens_end_on_time() {
    let server = Server::local().await;
    let signed_in = server.sign_in("root", PASSWORD).await;
    let token = signed_in.data("access_token");
    server.clock.advance(3_599_999);
    assert_eq!(server.standing(&token).await, "signed in");
    server.clock.advance(1);
    assert_eq!(server.standing(&token).await, "SW_AUTH_EXPIRED_TOKEN");

    let refreshed = server.refresh(&signed_in.data("refresh_token")).await;
    server.clock.advance(30 * DAY - 1);
    let again = server.refresh(&refreshed.data("refresh_token")).await;
    server.clock.advance(30 * DAY);
    assert_eq!(
        server.refresh(&again.data("refresh_token")).await.code(),
        "SW_AUTH_EXPIRED_TOKEN"
    );
}

#[tokio::test]
async fn nobody_learns_whether_a_name_exists() {
    let server = Server::local().await;
    let wrong = server.sign_in("root", "wrong password").await;
    let unknown = server.sign_in("nobody", "wrong password").await;
    assert_eq!(wrong.status, unknown.status);
    assert_eq!(
        wrong.body["error"]["message"],
        unknown.body["error"]["message"]
    );
    assert_eq!(wrong.code(), "SW_AUTH_INVALID_TOKEN");
}

#[tokio::test]
async fn guessing_is_slowed_down_per_account() {
    let server = Server::local().await;
    server.create("alice", &[]).await;
    for _ in 0..5 {
        assert_eq!(
            server.sign_in("root", "wrong password").await.code(),
            "SW_AUTH_INVALID_TOKEN"
        );
    }
    let refused = server.sign_in("ROOT@example.org", PASSWORD).await;
    assert_eq!(refused.code(), "SW_RATE_LIMIT_EXCEEDED");
    assert_eq!(
        refused.body["error"]["details"],
        json!({"bucket": "logins", "retry_after_ms": 1000})
    );
    assert_eq!(
        server.sign_in("alice", PASSWORD).await.status,
        StatusCode::OK
    );
    server.clock.advance(1_000);
    assert_eq!(
        server.sign_in("root", PASSWORD).await.status,
        StatusCode::OK
    );
    assert_eq!(
        server.sign_in("root", "wrong password").await.code(),
        "SW_AUTH_INVALID_TOKEN"
    );
}

#[tokio::test]
async fn suspending_an_account_ends_its_sessions() {
    let server = Server::local().await;
    server.create("alice", &[]).await;
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let alice = server.sign_in("alice@example.org", PASSWORD).await;
    let id = server.id_of(&alice.data("access_token")).await;
    let path = format!("/v1/admin/users/{id}");
    let state = async |state: &str| {
        server
            .ask(Method::PATCH, &path, Some(&root), json!({ "state": state }))
            .await
    };

    assert_eq!(state("suspended").await.data("state"), "suspended");
    assert_eq!(
        server.standing(&alice.data("access_token")).await,
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(
        server.refresh(&alice.data("refresh_token")).await.code(),
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(
        server.sign_in("alice", PASSWORD).await.code(),
        "SW_AUTH_INSUFFICIENT_PERMISSION"
    );
    assert_eq!(
        server.sign_in("alice", "wrong password").await.code(),
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(state("active").await.data("state"), "active");
    assert_eq!(
        server.sign_in("alice", PASSWORD).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_new_password_ends_all_other_sessions_and_scripts() {
    let server = Server::local().await;
    let here = server.sign_in("root", PASSWORD).await.data("access_token");
    let elsewhere = server.sign_in("root", PASSWORD).await.data("access_token");
    let made = server
        .ask(
            Method::POST,
            "/v1/me/tokens",
            Some(&here),
            json!({"name": "bot"}),
        )
        .await;
    let script = made.data("token");
    assert_eq!(server.standing(&script).await, "signed in");
    let change = json!({"current_password": PASSWORD, "new_password": "another horse"});
    let changed = server
        .ask(Method::PUT, "/v1/auth/password", Some(&here), change)
        .await;
    assert_eq!(changed.body, json!({"data": {"ok": true}}));
    assert_eq!(server.standing(&here).await, "signed in");
    for ended in [&elsewhere, &script] {
        assert_eq!(server.standing(ended).await, "SW_AUTH_INVALID_TOKEN");
    }
    assert_eq!(
        server.sign_in("root", PASSWORD).await.code(),
        "SW_AUTH_INVALID_TOKEN"
    );
    assert_eq!(
        server.sign_in("root", "another horse").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn roles_count_from_the_next_request_on() {
    let server = Server::local().await;
    server.create("alice", &[]).await;
    let root = server.sign_in("root", PASSWORD).await.data("access_token");
    let alice = server.sign_in("alice", PASSWORD).await.data("access_token");
    let users = async || {
        server
            .ask(Method::GET, "/v1/admin/users", Some(&alice), json!({}))
            .await
    };
    let refused = users().await;
    assert_eq!(refused.code(), "SW_AUTH_INSUFFICIENT_PERMISSION");
    assert_eq!(
        refused.body["error"]["details"],
        json!({"permission": "users.manage"})
    );
    let path = format!("/v1/admin/users/{}/roles", server.id_of(&alice).await);
    let roles = json!({"roles": ["tenant_admin"]});
    assert_eq!(
        server
            .ask(Method::PUT, &path, Some(&root), roles)
            .await
            .status,
        StatusCode::OK
    );
    assert_eq!(users().await.body["meta"]["total"], 2);
}

#[tokio::test]
async fn the_longest_unused_session_makes_room_for_the_fifty_first() {
    let server = Server::local().await;
    let first = server.sign_in("root", PASSWORD).await;
    server.clock.advance(1_000);
    let second = server.sign_in("root", PASSWORD).await;
    server.clock.advance(1_000);
    // Used since, so that the second is the longest unused one.
    server.refresh(&first.data("refresh_token")).await;
    for _ in 0..49 {
        server.clock.advance(1_000);
        server.sign_in("root", PASSWORD).await;
    }
    assert_eq!(
        server.standing(&first.data("access_token")).await,
        "signed in"
    );
    assert_eq!(
        server.standing(&second.data("access_token")).await,
        "SW_AUTH_INVALID_TOKEN"
    );
}

#[tokio::test]
async fn in_mode_mock_every_bearer_is_the_same_admin() {
    let server = Server::start(&[("SCAIWAVE_AUTH_MODE", "mock")]).await;
    let first = server.id_of("mock-dev-token").await;
    assert_eq!(server.id_of("anything").await, first);
    let me = server
        .ask(Method::GET, "/v1/me", Some("x"), json!({}))
        .await;
    assert_eq!(me.data("local_id"), "dev");
    assert_eq!(me.body["data"]["roles"], json!(["tenant_admin"]));
    assert_eq!(
        server.sign_in("dev", PASSWORD).await.code(),
        "SW_AUTH_INSUFFICIENT_PERMISSION"
    );
}
