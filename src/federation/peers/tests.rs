//! When a peer's descriptor is fetched anew.

use std::time::{Duration, Instant};

use http::{Method, StatusCode};

use super::*;
use crate::federation::client::fake_peer::{FakePeer, tls};
use crate::federation::client::{Call, ClientOptions};
use crate::federation::core::descriptor::KeyEntry;
use crate::federation::core::policy::DefaultMode;
use crate::federation::test_support::{NOW_MS, TestPeer, TestServer};

const HALF_MS: i64 = VALIDITY_MS / 2;
const BODY: &str = r#"{"n": 7}"#;
const NOTHING: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

/// The peer's descriptor as it is at this time.
fn descriptor_at(peer: &TestPeer, base_url: Option<&str>, now_ms: i64) -> String {
    let keys = vec![KeyEntry::first(&peer.key, NOW_MS)];
    let base_url = base_url.map(|url| url.parse().unwrap());
    peer.descriptor_at(keys, &peer.key, base_url, now_ms)
}

/// Waits until the peer's descriptor may be relied upon until then.
async fn reliable(server: &TestServer, peer: &TestPeer, until: i64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let known = server.federation.peers().get(&server.tenant, &peer.name);
        if known.await.unwrap().descriptor_until == until {
            return;
        }
        assert!(Instant::now() < deadline, "it is not renewed");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_descriptor_of_a_peer_that_calls_is_renewed_at_half_of_its_time() {
    let peer = TestPeer::new("b.example", 7);
    let mut fake = FakePeer::plain(peer.descriptor()).await;
    let url = format!("http://{}", fake.address);
    let server = TestServer::start([(peer.name.clone(), url)]).await;
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    let calls = async |now_ms: i64| {
        let (status, body) = server.answer(peer.echo_at(BODY, now_ms)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
    };
    calls(NOW_MS).await;
    server.clock.advance(HALF_MS);
    calls(NOW_MS + HALF_MS).await;
    assert_eq!(fake.new_requests(), 1, "at first contact only");

    let later = NOW_MS + HALF_MS + 1_000;
    server.clock.advance(1_000);
    fake.answer_from_now_on(descriptor_at(&peer, None, later));
    for _ in 0..5 {
        calls(later).await;
    }
    reliable(&server, &peer, later + VALIDITY_MS).await;
    calls(later).await;
    assert_eq!(fake.new_requests(), 1, "once, and nobody waited for it");

    // Beyond the time of the first one, nothing has to be fetched while somebody waits.
    fake.answer_from_now_on(NOTHING);
    server.clock.advance(HALF_MS - 1_000);
    calls(NOW_MS + VALIDITY_MS).await;
    assert_eq!(fake.new_requests(), 0);
}

#[tokio::test]
async fn a_peer_that_moved_is_called_where_it_lives_now() {
    let (acceptor, ca) = tls("localhost");
    let home = FakePeer::start(NOTHING, Some(acceptor.clone())).await;
    let mut before = FakePeer::start(NOTHING, Some(acceptor.clone())).await;
    let mut after = FakePeer::start(NOTHING, Some(acceptor)).await;
    let at = |place: &FakePeer| format!("https://localhost:{}", place.address.port());
    let peer = TestPeer::new(&format!("localhost:{}", home.address.port()), 7);
    let server = TestServer::with(ClientOptions {
        private_hosts: ["localhost".to_owned()].into(),
        ca_pem: Some(ca.into_bytes()),
        ..ClientOptions::default()
    })
    .await;
    server.policy(DefaultMode::Open, &[]).await;
    let call = async || {
        let call = Call {
            method: Method::GET,
            path_and_query: "/x",
            body: None,
            max_response: 1_000,
        };
        let called = server.federation.call(&server.tenant, &peer.name, call);
        called.await.unwrap();
    };

    home.answer_from_now_on(descriptor_at(&peer, Some(&at(&before)), NOW_MS));
    call().await;
    assert_eq!((before.new_requests(), after.new_requests()), (1, 0));
    // At half of its time the next call learns it, and does not wait for that.
    let later = NOW_MS + HALF_MS + 1_000;
    server.clock.advance(HALF_MS + 1_000);
    home.answer_from_now_on(descriptor_at(&peer, Some(&at(&before)), later));
    call().await;
    reliable(&server, &peer, later + VALIDITY_MS).await;
    assert_eq!((before.new_requests(), after.new_requests()), (1, 0));
    // What is not to be relied upon any more is fetched before the call.
    server.clock.advance(VALIDITY_MS);
    home.answer_from_now_on(descriptor_at(&peer, Some(&at(&after)), later + VALIDITY_MS));
    call().await;
    assert_eq!((before.new_requests(), after.new_requests()), (0, 1));
    // Where it cannot be had, the last one has to do.
    server.clock.advance(VALIDITY_MS);
    home.answer_from_now_on(NOTHING);
    call().await;
    assert_eq!((before.new_requests(), after.new_requests()), (0, 1));
}
