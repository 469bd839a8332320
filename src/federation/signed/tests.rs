//! Checks 1 to 5, in their order, on whole requests.

use axum::body::Body;
use http::StatusCode;
use serde_json::{Value, json};

use crate::events::core::sign::KeyPair;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::core::descriptor::KeyEntry;
use crate::federation::core::http_signature;
use crate::federation::core::policy::DefaultMode;
use crate::federation::peers::ConfirmError;
use crate::federation::store;
use crate::federation::test_support::{NOW_MS, TestPeer, TestServer};

pub(super) const BODY: &str = r#"{"n": 7}"#;

/// A server, its allowed peer `b.example`, and what answers at that peer's address.
async fn pair() -> (TestServer, TestPeer, FakePeer) {
    let peer = TestPeer::new("b.example", 7);
    let fake = FakePeer::plain(peer.descriptor()).await;
    let server = TestServer::start([(peer.name.clone(), format!("http://{}", fake.address))]).await;
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    (server, peer, fake)
}

pub(super) fn refused(answer: (StatusCode, Value), status: u16, code: &str) -> Value {
    let (found, body) = answer;
    assert_eq!(
        (found.as_u16(), body["error"]["code"].as_str()),
        (status, Some(code)),
        "{body}"
    );
    body["error"].clone()
}

#[tokio::test]
async fn a_signed_request_of_an_allowed_peer_is_answered() {
    let (server, peer, mut fake) = pair().await;
    for _ in 0..3 {
        let (status, body) = server.answer(peer.echo(BODY)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        assert_eq!(
            body,
            json!({"tenant": "default", "peer": "b.example", "n": 7})
        );
    }
    assert_eq!(fake.new_requests(), 1, "the key is fetched once");
    let known = store::peers::get(&server.tenant, server.federation.db(), &peer.name)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(known.last_seen_at, Some(NOW_MS));
    assert_eq!(known.skew_ms, Some(0));
}

#[tokio::test]
async fn the_first_check_that_fails_names_the_error() {
    let (server, peer, fake) = pair().await;
    let stranger = TestPeer::new("evil.example", 9);

    // Everything is wrong with this one, check by check less.
    let all_wrong = || {
        let mut request = stranger.echo_at("{}", NOW_MS - 100_000);
        request
            .headers_mut()
            .insert("x-scaiwave-protocol", "v9".parse().unwrap());
        request
    };
    server.policy(DefaultMode::Closed, &[]).await;
    let error = refused(server.answer(all_wrong()).await, 422, "SW_VALIDATION_ERROR");
    assert_eq!(error["details"]["fields"][0]["path"], "body.n");

    let old = |peer: &TestPeer| peer.echo_at(BODY, NOW_MS - 100_000);
    let mut wrong_version = old(&stranger);
    wrong_version
        .headers_mut()
        .insert("x-scaiwave-protocol", "v9".parse().unwrap());
    let error = refused(
        server.answer(wrong_version).await,
        400,
        "SW_FED_PROTOCOL_VERSION",
    );
    assert_eq!(error["details"]["supported"], json!(["v1"]));

    refused(server.answer(old(&stranger)).await, 403, "SW_FED_REFUSED");
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    refused(
        server.answer(old(&stranger)).await,
        403,
        "SW_FED_PEER_UNKNOWN",
    );
    let error = refused(
        server.answer(old(&peer)).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
    assert_eq!(error["details"]["created"], NOW_MS / 1000 - 100);
    assert_eq!(error["details"]["now"], NOW_MS / 1000);
    assert_eq!(
        fake.connections(),
        0,
        "nothing is fetched for a request that fails an earlier check"
    );
    assert!(
        store::peers::page(&server.tenant, server.federation.db(), "", 10)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn an_unsigned_request_is_refused() {
    let (server, ..) = pair().await;
    let unsigned = |version: bool| {
        let mut request = http::Request::post("/echo")
            .header("host", "a.example")
            .header("content-type", "application/json");
        if version {
            request = request.header("x-scaiwave-protocol", "v1");
        }
        request.body(Body::from(BODY)).unwrap()
    };
    refused(
        server.answer(unsigned(true)).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
    refused(
        server.answer(unsigned(false)).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
}

#[tokio::test]
async fn too_large_a_body_is_refused_before_anything_else() {
    let (server, peer, _) = pair().await;
    let body = format!(r#"{{"n": 7, "x": "{}"}}"#, "x".repeat(20_000));
    refused(
        server.answer(peer.echo(&body)).await,
        413,
        "SW_CONTENT_TOO_LARGE",
    );
}

#[tokio::test]
async fn what_a_verified_peer_sends_wrong_is_journalled() {
    let (server, peer, _) = pair().await;
    refused(
        server.answer(peer.echo(r#"{"n": "seven"}"#)).await,
        422,
        "SW_VALIDATION_ERROR",
    );
    let (status, _) = server.answer(peer.echo(BODY)).await;
    assert_eq!(status, StatusCode::OK);
    refused(
        server.answer(peer.echo(r#"{"n": "seven"}"#)).await,
        422,
        "SW_VALIDATION_ERROR",
    );
    let journal = store::journal::page(&server.tenant, server.federation.db(), None, 10)
        .await
        .unwrap();
    assert_eq!(journal.len(), 1);
    assert_eq!(
        (journal[0].peer.as_str(), journal[0].check_no),
        ("b.example", 1)
    );
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused_and_journalled() {
    let (server, _, _) = pair().await;
    let thief = TestPeer::new("b.example", 66);
    let error = refused(
        server.answer(thief.echo(BODY)).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
    assert_eq!(error["details"]["path"], "/echo");
    let journal = store::journal::page(&server.tenant, server.federation.db(), None, 10)
        .await
        .unwrap();
    assert_eq!(
        (journal[0].peer.as_str(), journal[0].check_no),
        ("b.example", 5)
    );
}

#[tokio::test]
async fn a_request_for_another_host_shows_what_arrived() {
    let (server, peer, _) = pair().await;
    let mut request = peer.echo(BODY);
    request
        .headers_mut()
        .insert("host", "up:8000".parse().unwrap());
    let error = refused(
        server.answer(request).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
    assert_eq!(error["details"]["authority"], "up:8000");
    assert!(
        error["message"].as_str().unwrap().contains("proxy"),
        "{error}"
    );
}

#[tokio::test]
async fn an_unknown_key_causes_one_fetch_a_minute_and_many_cause_few() {
    let (server, peer, mut fake) = pair().await;
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);
    assert_eq!(fake.new_requests(), 1);
    let ask = async |seed: u8, now_ms: i64| {
        let request = TestPeer::new("b.example", seed).echo_at(BODY, now_ms);
        let answer = server.answer(request).await;
        refused(answer, 401, "SW_FED_SIGNATURE_MISMATCH");
    };
    for _ in 0..5 {
        ask(100, NOW_MS).await;
    }
    assert_eq!(fake.new_requests(), 1, "the same key once");
    for seed in 101..110 {
        ask(seed, NOW_MS).await;
    }
    assert_eq!(
        fake.new_requests(),
        2,
        "four keys a minute, the first one included"
    );
    server.clock.advance(60_000);
    ask(100, NOW_MS + 60_000).await;
    assert_eq!(fake.new_requests(), 1);
}

#[tokio::test]
async fn a_key_that_takes_over_right_after_first_contact_is_believed_at_once() {
    let (server, peer, fake) = pair().await;
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);
    let next = TestPeer::new("b.example", 8);
    let mut first = KeyEntry::first(&peer.key, NOW_MS);
    first.expires_at = Some(NOW_MS + 1_000_000);
    let second = KeyEntry::following(&peer.key, &peer.name, next.key.public_key(), NOW_MS + 1);
    fake.answer_from_now_on(peer.descriptor_with(vec![first, second], &next.key, NOW_MS));
    assert_eq!(server.answer(next.echo(BODY)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_rotated_key_is_followed() {
    let peer = TestPeer::new("b.example", 7);
    let next = TestPeer::new("b.example", 8);
    let later = NOW_MS + 120_000;
    let mut first = KeyEntry::first(&peer.key, NOW_MS);
    let before =
        FakePeer::plain(peer.descriptor_with(vec![first.clone()], &peer.key, NOW_MS)).await;
    let server =
        TestServer::start([(peer.name.clone(), format!("http://{}", before.address))]).await;
    server.policy(DefaultMode::Open, &[]).await;
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);

    first.expires_at = Some(later + 1_000);
    let second = KeyEntry::following(&peer.key, &peer.name, next.key.public_key(), later);
    before.answer_from_now_on(peer.descriptor_with(vec![first, second], &next.key, later));
    server.clock.advance(120_000);
    assert_eq!(
        server.answer(next.echo_at(BODY, later)).await.0,
        StatusCode::OK
    );
    assert_eq!(
        server.answer(peer.echo_at(BODY, later)).await.0,
        StatusCode::OK,
        "the overlap"
    );
    server.clock.advance(2_000);
    refused(
        server.answer(peer.echo_at(BODY, later + 2_000)).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
}

#[tokio::test]
async fn a_silently_replaced_key_is_refused_and_told_to_admins() {
    let (server, peer, fake) = pair().await;
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);
    let thief = TestPeer::new("b.example", 66);
    fake.answer_from_now_on(thief.descriptor());
    server.clock.advance(60_000);
    let request = thief.echo_at(BODY, NOW_MS + 60_000);
    refused(
        server.answer(request).await,
        401,
        "SW_FED_SIGNATURE_MISMATCH",
    );
    assert_eq!(
        server.answer(peer.echo_at(BODY, NOW_MS + 60_000)).await.0,
        StatusCode::OK
    );
    let known = store::peers::get(&server.tenant, server.federation.db(), &peer.name)
        .await
        .unwrap()
        .unwrap();
    assert!(
        known
            .last_error
            .unwrap()
            .contains("an admin has to confirm")
    );

    let confirm = async |key: &TestPeer| {
        let peers = server.federation.peers();
        peers
            .confirm(&server.tenant, &peer.name, key.key.key_id())
            .await
    };
    assert!(matches!(
        confirm(&peer).await,
        Err(ConfirmError::OtherKey { .. })
    ));
    confirm(&thief).await.unwrap();
    assert_eq!(
        server.answer(thief.echo_at(BODY, NOW_MS + 60_000)).await.0,
        StatusCode::OK
    );
}

#[tokio::test]
async fn strangers_are_limited_by_address_and_verified_peers_are_not() {
    let (server, peer, _) = pair().await;
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);
    let stranger = TestPeer::new("evil.example", 9);
    let mut limited = false;
    for _ in 0..30 {
        limited |= server.answer(stranger.echo(BODY)).await.0 == StatusCode::TOO_MANY_REQUESTS;
    }
    assert!(limited);
    assert_eq!(server.answer(peer.echo(BODY)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn the_descriptor_is_served_and_verifies() {
    let server = TestServer::start([]).await;
    let request = http::Request::get("/.well-known/scaiwave/server").header("host", "a.example");
    let (status, document) = server.answer(request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
    let name = "a.example".parse().unwrap();
    let read =
        crate::federation::core::descriptor::read(document.to_string().as_bytes(), &name, NOW_MS)
            .unwrap();
    assert_eq!(read.keys.len(), 1);
}

#[tokio::test]
async fn a_server_that_asks_itself_needs_its_own_key_and_nobody_s_leave() {
    let (server, _, fake) = pair().await;
    server.policy(DefaultMode::InviteOnly, &[]).await;
    let ask = |method: &str, key: &KeyPair| {
        let signed = http_signature::Request {
            method,
            authority: "a.example",
            path: "/whoami",
            query: None,
            body: b"",
        };
        let own = server.tenant.server_name();
        let mut request = http::Request::builder().method(method).uri("/whoami");
        for (name, value) in http_signature::sign(&signed, own, key, NOW_MS).unwrap() {
            request = request.header(name, value);
        }
        let request = request.header("host", "a.example");
        server.answer(request.body(Body::empty()).unwrap())
    };
    let own = server.federation.keys().current(&server.tenant).unwrap();
    let (status, body) = ask("GET", &own).await;
    assert_eq!((status, body), (StatusCode::OK, json!("a.example")));
    refused(ask("POST", &own).await, 403, "SW_FED_PEER_UNKNOWN");
    let thief = TestPeer::new("a.example", 66).key;
    refused(ask("GET", &thief).await, 401, "SW_FED_SIGNATURE_MISMATCH");
    let peers = store::peers::page(&server.tenant, server.federation.db(), "", 10);
    assert!(peers.await.unwrap().is_empty(), "it is no peer of itself");
    assert_eq!(fake.connections(), 0);
}
