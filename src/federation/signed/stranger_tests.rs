//! Strangers whose names or descriptors lead into networks that are not theirs.

use serde_json::Value;

use super::tests::{BODY, refused};
use crate::events::core::names::ServerName;
use crate::events::core::sign::sign_document;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::core::policy::DefaultMode;
use crate::federation::model::Peer;
use crate::federation::store;
use crate::federation::test_support::{NOW_MS, TestPeer, TestServer};

const MINUTE_MS: i64 = 60_000;

/// What is known of a server.
async fn known(server: &TestServer, name: &ServerName) -> Peer {
    let row = store::peers::get(&server.tenant, server.federation.db(), name).await;
    row.unwrap().unwrap()
}

/// A redirect to a URL.
fn redirect(location: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

/// The descriptor of a server that says to live elsewhere: its own key signs that.
fn living_at(peer: &TestPeer, base_url: &str) -> String {
    let whole = peer.descriptor();
    let (_, document) = whole.split_once("\r\n\r\n").unwrap();
    let mut document: Value = serde_json::from_str(document).unwrap();
    let members = document.as_object_mut().unwrap();
    members.insert("base_url".to_owned(), base_url.into());
    sign_document("scaiwave-descriptor-v1\n", members, &peer.key).unwrap();
    let document = document.to_string();
    let length = document.len();
    format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{document}")
}

/// Case S-05: what a stranger's descriptor leads to is not connected to, and the next try waits.
#[tokio::test]
async fn a_stranger_s_descriptor_leads_nowhere() {
    let evil = TestPeer::new("evil.example", 9);
    let watched = FakePeer::plain(evil.descriptor()).await;
    let inside = format!("http://{}", watched.address);
    for (answer, error) in [
        (
            redirect("http://169.254.169.254/latest/meta-data/"),
            "redirect refused",
        ),
        (redirect(&format!("{inside}/")), "redirect refused"),
        (living_at(&evil, "http://127.0.0.1:8000"), "address refused"),
        (living_at(&evil, &inside), "address refused"),
        (
            living_at(&evil, &inside.replace("http:", "https:")),
            "address refused",
        ),
    ] {
        let mut fake = FakePeer::plain(answer).await;
        let url = format!("http://{}", fake.address);
        let server = TestServer::start([(evil.name.clone(), url)]).await;
        server.policy(DefaultMode::Open, &[]).await;
        let ask = async |ago_ms: i64| {
            let answer = server.answer(evil.echo_at(BODY, NOW_MS + ago_ms)).await;
            refused(answer, 401, "SW_FED_SIGNATURE_MISMATCH");
        };

        for _ in 0..3 {
            ask(0).await;
        }
        assert_eq!(fake.new_requests(), 1, "the next try waits");
        let first = known(&server, &evil.name).await;
        assert!(first.pinned.is_none(), "its key stays unknown");
        let told = first.last_error.unwrap();
        assert!(told.contains(error), "{told}");

        assert!(first.next_fetch_at >= NOW_MS + MINUTE_MS);
        let wait = first.next_fetch_at - NOW_MS;
        server.clock.advance(wait - 1);
        ask(wait - 1).await;
        assert_eq!(fake.new_requests(), 0, "not before the back-off is over");
        server.clock.advance(1);
        ask(wait).await;
        assert_eq!(fake.new_requests(), 1, "then once more");
        let second = known(&server, &evil.name).await;
        assert_eq!((first.fetch_failures, second.fetch_failures), (1, 2));
        assert!(second.next_fetch_at >= NOW_MS + wait + MINUTE_MS);
        assert_eq!(watched.connections(), 0);
    }
}

#[tokio::test]
async fn a_stranger_at_a_private_address_is_refused_without_a_connection() {
    let fake = FakePeer::plain("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let evil = TestPeer::new(&format!("localhost:{}", fake.address.port()), 9);
    let server = TestServer::start([]).await;
    server.policy(DefaultMode::Open, &[]).await;
    let answer = server.answer(evil.echo(BODY)).await;
    let error = refused(answer, 401, "SW_FED_SIGNATURE_MISMATCH");
    assert!(
        !error.to_string().contains("127.0.0.1"),
        "strangers are not told where names lead: {error}"
    );
    assert_eq!(fake.connections(), 0);
    let told = known(&server, &evil.name).await.last_error.unwrap();
    assert!(told.contains("address refused"), "{told}");
}
