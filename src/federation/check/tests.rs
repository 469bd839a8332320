//! Reports about a server, told by what it answers.

use super::*;
use crate::federation::client::fake_peer::FakePeer;
use crate::federation::core::policy::DefaultMode;
use crate::federation::test_support::{TestPeer, TestServer};

/// The verdict on each step.
fn verdicts(report: &Report) -> Vec<(&'static str, bool)> {
    report
        .steps
        .iter()
        .map(|step| (step.step, step.ok))
        .collect()
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A peer that answers with its descriptor and, to everything else, with `rest`.
async fn peer_answering(peer: &TestPeer, rest: String) -> (TestServer, FakePeer) {
    let descriptor = peer.descriptor();
    let fake = FakePeer::answering(move |received| {
        let answer = match received.line.contains("/.well-known/") {
            true => &descriptor,
            false => &rest,
        };
        answer.clone().into_bytes()
    })
    .await;
    let server = TestServer::start([(peer.name.clone(), format!("http://{}", fake.address))]).await;
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    (server, fake)
}

async fn check(server: &TestServer, peer: &TestPeer) -> Report {
    server
        .federation
        .check(&server.tenant, &peer.name)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_server_that_is_well_is_said_to_be_so_and_nothing_is_remembered() {
    let peer = TestPeer::new("b.example", 7);
    let nobody = answer(
        "404 Not Found",
        r#"{"error": {"code": "SW_NOT_FOUND", "message": ""}}"#,
    );
    let (server, mut fake) = peer_answering(&peer, nobody).await;
    let report = check(&server, &peer).await;
    let all = ["policy", "connection", "descriptor", "key", "signature"];
    assert_eq!(verdicts(&report), all.map(|step| (step, true)));
    assert!(report.ok);
    fake.received.recv().await.unwrap();
    let probe = fake.received.recv().await.unwrap();
    let line = "GET /_scaiwave/federation/v1/profile/%40nobody.here?x=a%2Fb HTTP/1.1";
    assert_eq!(probe.line, line);
    assert_eq!(probe.headers["host"], "b.example");
    let known = server.federation.peers().get(&server.tenant, &peer.name);
    assert_eq!(known.await.unwrap().pinned, None);
}

#[tokio::test]
async fn what_is_wrong_is_found_step_by_step() {
    let peer = TestPeer::new("b.example", 7);
    let refusal = r#"{"error": {"code": "SW_FED_PEER_UNKNOWN", "message": "who?"}}"#;
    let (server, fake) = peer_answering(&peer, answer("403 Forbidden", refusal)).await;
    server.policy(DefaultMode::InviteOnly, &[]).await;
    let report = check(&server, &peer).await;
    let wrong: Vec<_> = report.steps.iter().filter(|step| !step.ok).collect();
    assert_eq!(wrong[0].step, "policy");
    assert_eq!(wrong[1].step, "signature");
    assert!(wrong[1].message.contains("allow"), "{wrong:?}");

    fake.answer_from_now_on(answer("404 Not Found", ""));
    let report = check(&server, &peer).await;
    assert_eq!(verdicts(&report).last(), Some(&("connection", false)));
    fake.answer_from_now_on(
        "HTTP/1.1 301 Moved Permanently\r\nlocation: /\r\ncontent-length: 0\r\n\r\n",
    );
    let report = check(&server, &peer).await;
    assert!(report.steps.last().unwrap().message.contains("redirect"));
    fake.answer_from_now_on(answer("200 OK", "{}"));
    let report = check(&server, &peer).await;
    assert_eq!(verdicts(&report).last(), Some(&("descriptor", false)));
}

#[tokio::test]
async fn a_key_that_is_not_believed_is_named() {
    let peer = TestPeer::new("b.example", 7);
    let (server, fake) = peer_answering(&peer, answer("200 OK", "{}")).await;
    let confirmed =
        server
            .federation
            .peers()
            .confirm(&server.tenant, &peer.name, peer.key.key_id());
    confirmed.await.unwrap();
    let thief = TestPeer::new("b.example", 66);
    fake.answer_from_now_on(thief.descriptor());
    let report = check(&server, &peer).await;
    let key = report.steps.iter().find(|step| step.step == "key").unwrap();
    assert!(
        !key.ok && key.message.contains(&thief.key.key_id().to_string()),
        "{key:?}"
    );
}

#[tokio::test]
async fn another_server_under_the_own_name_is_noticed() {
    let impostor = TestPeer::new("a.example", 66);
    let fake = FakePeer::plain(impostor.descriptor()).await;
    let server =
        TestServer::start([(impostor.name.clone(), format!("http://{}", fake.address))]).await;
    let report = check(&server, &impostor).await;
    assert!(verdicts(&report).contains(&("key", false)), "{report:?}");
}
