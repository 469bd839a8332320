//! Sessions: refresh tokens rotate, and a session that ends takes its tokens and sockets with it.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{
    Api, Backend, PASSWORD, Person, Server, Socket, eventually, on_both, set_clock_apart, skipped,
};

async fn signed_in(server: &Server, name: &str) -> Value {
    server.stranger().sign_in(name, PASSWORD).await.data()
}

fn refresh_token(tokens: &Value) -> &str {
    tokens["refresh_token"].as_str().expect("a refresh token")
}

async fn works(server: &Server, tokens: &Value) -> Api {
    let api = server
        .stranger()
        .with_token(tokens["access_token"].as_str().expect("an access token"));
    api.get("/v1/me").await.data();
    api
}

#[tokio::test]
async fn a_refresh_keeps_the_session() {
    on_both(async |server| {
        server.people(["alice"]).await;
        let first = signed_in(&server, "alice").await;
        let second = server
            .stranger()
            .refresh(refresh_token(&first))
            .await
            .data();
        assert_eq!(first["session_id"], second["session_id"]);
        assert_ne!(first["refresh_token"], second["refresh_token"]);
        works(&server, &second).await;
        server
            .stranger()
            .refresh("no such token")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
    })
    .await;
}

#[tokio::test]
async fn two_refreshes_at_once_both_end_in_a_working_session() {
    on_both(async |server| {
        server.people(["alice"]).await;
        let tokens = signed_in(&server, "alice").await;
        let stranger = server.stranger();
        let (left, right) = tokio::join!(
            stranger.refresh(refresh_token(&tokens)),
            stranger.refresh(refresh_token(&tokens))
        );
        let (left, right) = (left.data(), right.data());
        works(&server, &left).await;
        works(&server, &right).await;
        // A lost answer: the same token once more, within the time of grace.
        let again = stranger.refresh(refresh_token(&tokens)).await.data();
        works(&server, &again).await;
        stranger.refresh(refresh_token(&again)).await.data();
    })
    .await;
}

/// The time of grace is 30 s and no setting: here time itself is what is tested, so this test lets it pass.
#[tokio::test]
async fn late_reuse_of_a_refresh_token_ends_that_session_only() {
    let late = Backend::ALL.map(|backend| async move {
        let server = Server::start(backend, &[]).await;
        server.people(["alice"]).await;
        let other = signed_in(&server, "alice").await;
        let tokens = signed_in(&server, "alice").await;
        let successor = server
            .stranger()
            .refresh(refresh_token(&tokens))
            .await
            .data();
        let mut socket = Socket::open(&works(&server, &successor).await, None).await;

        tokio::time::sleep(Duration::from_secs(31)).await;
        server
            .stranger()
            .refresh(refresh_token(&tokens))
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        assert_eq!(
            socket.ending().await,
            (4001, "SW_AUTH_INVALID_TOKEN".to_owned())
        );
        server
            .stranger()
            .refresh(refresh_token(&successor))
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        works(&server, &other).await;
        let log = server.log();
        assert!(
            !log.contains(refresh_token(&tokens)),
            "a token is never logged"
        );
    });
    futures::future::join_all(late).await;
}

/// Case C-05: a lost answer is repeated after 20 seconds, and a token of ten minutes ago ends its session and no other.
#[tokio::test]
async fn a_lost_answer_is_made_up_for_and_a_stolen_token_found_out() {
    for backend in Backend::ALL {
        let mut server = Server::start(backend, &[]).await;
        server.people(["alice"]).await;
        let other = signed_in(&server, "alice").await;
        let tokens = signed_in(&server, "alice").await;
        let stranger = server.stranger();
        let token = refresh_token(&tokens);
        let (one, same) = tokio::join!(stranger.refresh(token), stranger.refresh(token));
        let (one, same) = (one.data(), same.data());
        works(&server, &one).await;
        works(&server, &same).await;

        server.stop().await;
        if !set_clock_apart(&mut server, 20) {
            skipped(
                "sessions::a_lost_answer_is_made_up_for",
                "no libfaketime; tests/run installs it",
            );
            return;
        }
        server.launch();
        let again = stranger.refresh(token).await.data();
        works(&server, &again).await;
        let next = stranger.refresh(refresh_token(&one)).await.data();
        works(&server, &next).await;

        let stolen = signed_in(&server, "alice").await;
        let successor = stranger.refresh(refresh_token(&stolen)).await.data();
        server.stop().await;
        set_clock_apart(&mut server, 20 + 600);
        server.launch();
        let mut of_session = Socket::open(&works(&server, &successor).await, None).await;
        let mut of_other = Socket::open(&works(&server, &other).await, None).await;
        let reused = stranger.refresh(refresh_token(&stolen)).await;
        reused.refused(401, "SW_AUTH_INVALID_TOKEN");
        let ended = (4001, "SW_AUTH_INVALID_TOKEN".to_owned());
        assert_eq!(of_session.ending().await, ended);
        of_other.send(&json!({"type": "ping"}));
        of_other.next_of("pong").await;
        works(&server, &other).await;
        works(&server, &next).await;
        let log = server.log();
        assert!(log.contains("refresh_token_reused"), "{log}");
        for tokens in [&tokens, &one, &same, &again, &next, &stolen, &successor] {
            assert!(
                !log.contains(refresh_token(tokens)),
                "a token is never logged"
            );
        }
    }
}

#[tokio::test]
async fn an_access_token_runs_out() {
    for backend in Backend::ALL {
        let server = Server::start(
            backend,
            &[
                ("SCAIWAVE_ACCESS_TOKEN_TTL", "2"),
                ("SCAIWAVE_CLOCK_SKEW", "0"),
            ],
        )
        .await;
        server.people(["alice"]).await;
        let tokens = signed_in(&server, "alice").await;
        assert_eq!(tokens["expires_in"], 2);
        let api = works(&server, &tokens).await;
        let expired = async || {
            let answer = api.get("/v1/me").await;
            !answer.status.is_success() && answer.code() == "SW_AUTH_EXPIRED_TOKEN"
        };
        eventually("the token runs out", Duration::from_secs(10), expired).await;
        let fresh = server
            .stranger()
            .refresh(refresh_token(&tokens))
            .await
            .data();
        works(&server, &fresh).await;
    }
}

#[tokio::test]
async fn signing_out_ends_tokens_and_sockets() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let phone = Person::sign_in(&server.stranger(), "alice", PASSWORD).await;
        let mut socket = Socket::open(&phone.api, None).await;
        assert_eq!(
            phone.api.post("/v1/auth/logout", &json!({})).await.data()["revoked"],
            1
        );
        assert_eq!(
            socket.ending().await,
            (4001, "SW_AUTH_INVALID_TOKEN".to_owned())
        );
        phone
            .api
            .get("/v1/me")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        alice.api.get("/v1/me").await.data();
    })
    .await;
}

#[tokio::test]
async fn a_person_sees_and_ends_own_sessions() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let phone = signed_in(&server, "alice").await;
        let phone_api = works(&server, &phone).await;
        let mut socket = Socket::open(&phone_api, None).await;
        let sessions = alice.api.get("/v1/me/sessions").await.data();
        let sessions = sessions.as_array().unwrap();
        assert_eq!(sessions.len(), 2);
        assert_eq!(
            sessions
                .iter()
                .filter(|session| session["current"] == true)
                .count(),
            1
        );
        let connected: Vec<_> = sessions
            .iter()
            .filter(|session| session["connected"] == true)
            .collect();
        assert_eq!(connected.len(), 1);
        assert_eq!(connected[0]["id"], phone["session_id"]);

        let path = format!("/v1/me/sessions/{}", phone["session_id"].as_str().unwrap());
        bob.api.delete(&path).await.refused(404, "SW_NOT_FOUND");
        alice.api.delete(&path).await.data();
        assert_eq!(socket.ending().await.0, 4001);
        phone_api
            .get("/v1/me")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
        alice.api.delete(&path).await.refused(404, "SW_NOT_FOUND");
    })
    .await;
}

#[tokio::test]
async fn access_tokens_act_as_their_owner_until_revoked() {
    on_both(async |server| {
        let [alice] = server.people(["alice"]).await;
        let made = alice
            .api
            .post("/v1/me/tokens", &json!({"name": "backup script"}))
            .await
            .data();
        let secret = made["token"].as_str().expect("the token, shown once");
        assert!(secret.starts_with("swt_"));
        let script = server.stranger().with_token(secret);
        assert_eq!(
            script.get("/v1/me").await.data()["participant_id"],
            alice.id
        );

        let listed = alice.api.get("/v1/me/tokens").await.data();
        assert_eq!(listed[0]["name"], "backup script");
        assert!(listed[0].get("token").is_none());
        let path = format!("/v1/me/tokens/{}", made["id"].as_str().unwrap());
        alice.api.delete(&path).await.data();
        script
            .get("/v1/me")
            .await
            .refused(401, "SW_AUTH_INVALID_TOKEN");
    })
    .await;
}
