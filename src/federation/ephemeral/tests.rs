//! Live words to peers on this machine.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::federation::client::fake_peer::{FakePeer, Received};
use crate::federation::core::policy::DefaultMode;
use crate::federation::store;
use crate::federation::test_support::{NOW_MS, TestServer};

const TAKEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n{\"ok\":true}";
const AWAY: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 2\r\n\r\n{}";

fn names(count: usize) -> Vec<ServerName> {
    let names = (0..count).map(|number| format!("b{number}.example"));
    names.map(|name| name.parse().unwrap()).collect()
}

fn alice() -> Fqid {
    "@alice:a.example".parse().unwrap()
}

async fn server(count: usize, answer: &str) -> (TestServer, FakePeer) {
    let fake = FakePeer::plain(answer).await;
    let url = format!("http://{}", fake.address);
    let peers = names(count).into_iter().map(|name| (name, url.clone()));
    let server = TestServer::start(peers).await;
    server.policy(DefaultMode::Open, &[]).await;
    (server, fake)
}

/// Sends until the guard is dropped.
fn sending(server: &TestServer) -> tokio_util::sync::DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(run(server.federation.clone(), stop.clone()));
    stop.drop_guard()
}

fn tell(server: &TestServer, to: &ServerName, status: State) {
    let ephemeral = server.federation.ephemeral();
    let now = server.federation.now_ms();
    ephemeral.tell_presence(&server.tenant, to, &alice(), status, now);
}

/// Waits until a server is left alone because it did not take a request.
async fn left_alone(server: &TestServer, to: &Destination) {
    while !server.federation.ephemeral().mail().is_left_alone(to) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn body(request: &Received) -> Value {
    serde_json::from_slice(&request.body).unwrap()
}

#[tokio::test]
async fn two_hundred_servers_get_one_request_each_with_the_latest_word() {
    let (server, mut fake) = server(200, TAKEN).await;
    for status in [State::Online, State::Idle, State::Busy] {
        for name in names(200) {
            tell(&server, &name, status);
        }
    }
    let _sending = sending(&server);
    let mut hosts = BTreeSet::new();
    for _ in 0..200 {
        let request = fake.received.recv().await.unwrap();
        assert_eq!(
            request.line,
            "POST /_scaiwave/federation/v1/ephemeral HTTP/1.1"
        );
        let about_alice = json!([{"participant": "@alice:a.example", "status": "busy"}]);
        assert_eq!(
            body(&request),
            json!({"presence": about_alice, "typing": []})
        );
        hosts.insert(request.headers["host"].to_str().unwrap().to_owned());
    }
    assert_eq!(hosts.len(), 200);
    assert_eq!(fake.new_requests(), 0);
}

#[tokio::test]
async fn a_server_that_is_away_is_asked_once_and_nothing_is_written_down_about_it() {
    let (server, mut fake) = server(2, AWAY).await;
    let [away, other] = names(2).try_into().unwrap();
    let _sending = sending(&server);
    tell(&server, &away, State::Online);
    fake.received.recv().await.unwrap();
    let to = (server.tenant.key(), away.clone());
    // Its silence begins once the answer is here.
    left_alone(&server, &to).await;
    for status in [State::Busy, State::Idle, State::Busy] {
        tell(&server, &away, status);
    }
    tell(&server, &other, State::Online);
    let next = fake.received.recv().await.unwrap();
    assert_eq!(next.headers["host"], "b1.example");
    assert_eq!(fake.new_requests(), 0);
    let row = store::peers::get(&server.tenant, server.federation.db(), &away).await;
    assert_eq!(row.unwrap(), None);
}

#[tokio::test]
async fn a_paused_server_is_told_nothing() {
    let (server, mut fake) = server(2, TAKEN).await;
    let [paused, other] = names(2).try_into().unwrap();
    let mut tx = server.federation.db().begin().await.unwrap();
    let tenant = &server.tenant;
    store::peers::ensure(tenant, &mut tx, &paused, NOW_MS)
        .await
        .unwrap();
    store::peers::set_paused(tenant, &mut tx, &paused, true)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    tell(&server, &paused, State::Online);
    let _sending = sending(&server);
    let to = (server.tenant.key(), paused);
    left_alone(&server, &to).await;
    tell(&server, &other, State::Online);
    let first = fake.received.recv().await.unwrap();
    assert_eq!(first.headers["host"], "b1.example");
}
