//! Deliveries to a peer on this machine.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio_util::sync::CancellationToken;

mod answers;
mod returned;
mod silent;
mod stalls;
mod stopping;

use self::answers::{accept, answer, each, error, events};
use super::*;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::verified::Draft;
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::events::store as logs;
use crate::federation::client::fake_peer::{FakePeer, Received};
use crate::federation::core::delivery::LogPlace;
use crate::federation::core::policy::DefaultMode;
use crate::federation::model::Peer;
use crate::federation::test_support::{NOW_MS, TestPeer, TestServer};

fn room(number: u8) -> RoomId {
    format!("00000000-0000-8000-8000-0000000000{number:02}")
        .parse()
        .unwrap()
}

fn at(seq: i64) -> LogPlace {
    LogPlace { epoch: 1, seq }
}

/// A server whose peer `b.example` answers so.
async fn server(
    respond: impl FnMut(&Received) -> Vec<u8> + Send + 'static,
) -> (TestServer, FakePeer) {
    let fake = FakePeer::answering(respond).await;
    let server = TestServer::start([(name(), format!("http://{}", fake.address))]).await;
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    (server, fake)
}

fn name() -> ServerName {
    "b.example".parse().unwrap()
}

/// Appends `count` messages to our log of a room.
async fn write(server: &TestServer, room_id: RoomId, first: i64, count: i64) {
    let key = TestPeer::new("a.example", 1).key;
    let mut placed = vec![];
    let mut prev = (first > 1).then(|| Hash::of(b"before"));
    for seq in first..first + count {
        let draft = Draft {
            room_id,
            origin: "a.example".parse().unwrap(),
            sender: Some("@alice:a.example".parse().unwrap()),
            event_type: "swp.room.message".parse().unwrap(),
            content: json!({"msgtype": "swp.text", "body": format!("message {seq}")}),
            epoch: 1,
            seq,
            prev,
            ts: NOW_MS,
            state_seq: 0,
            state_hash: None,
            salt: [0; 16],
        };
        let signed = draft.sign(&key).unwrap();
        prev = Some(signed.hash());
        let room_number = i64::try_from(room_id.0.as_u128() & 0xff).unwrap();
        placed.push(Placed {
            position: room_number * 1_000 + seq,
            hash: signed.hash(),
            event: Arc::new(signed.into_inner()),
            standing: Standing::Valid,
            shown: Shown::History,
            kind: Kind::Timeline,
            target: None,
        });
    }
    let mut tx = server.federation.db().begin().await.unwrap();
    logs::insert(&server.tenant, &mut tx, &placed)
        .await
        .unwrap();
    extend(&server.tenant, &mut tx, &[(room_id, at(first + count - 1))])
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
}

async fn begin(server: &TestServer, room_id: RoomId) {
    let mut tx = server.federation.db().begin().await.unwrap();
    open(&server.tenant, &mut tx, &name(), room_id, at(0), at(0))
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
}

fn sender(server: &TestServer) -> Sender {
    Sender {
        federation: server.federation.clone(),
        tenant: server.tenant.clone(),
        destination: name(),
        key: (server.tenant.key(), name()),
        places: Arc::new(Places::new()),
        notes: Notes::start(&server.federation).0,
        stop: CancellationToken::new(),
    }
}

async fn due(server: &TestServer) -> Vec<ServerName> {
    store::outbox::due(
        &server.tenant,
        server.federation.db(),
        server.federation.now_ms(),
    )
    .await
    .unwrap()
}

async fn peer(server: &TestServer) -> Peer {
    store::peers::get(&server.tenant, server.federation.db(), &name())
        .await
        .unwrap()
        .unwrap()
}

fn deliveries(fake: &mut FakePeer) -> Vec<Vec<(String, i64, bool)>> {
    std::iter::from_fn(|| fake.received.try_recv().ok())
        .map(|received| events(&received))
        .collect()
}

fn numbers(deliveries: &[Vec<(String, i64, bool)>]) -> Vec<i64> {
    deliveries
        .iter()
        .flatten()
        .map(|(_, seq, _)| *seq)
        .collect()
}

#[tokio::test]
async fn one_more_person_of_a_server_that_has_the_room_skips_nothing() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 3).await;
    let mut tx = server.federation.db().begin().await.unwrap();
    open(&server.tenant, &mut tx, &name(), room(1), at(3), at(3))
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    sender(&server).drain().await;
    assert_eq!(numbers(&deliveries(&mut fake)), [1, 2, 3]);
}

#[tokio::test]
async fn what_a_server_has_fetched_by_itself_is_not_delivered_again() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 3).await;
    let mut tx = server.federation.db().begin().await.unwrap();
    // The last is beyond our log, the one before behind what it has.
    for seq in [2, 1, 9] {
        store::outbox::holds(&server.tenant, &mut tx, &name(), room(1), at(seq))
            .await
            .unwrap();
    }
    tx.commit(()).await.unwrap();
    sender(&server).drain().await;
    assert_eq!(numbers(&deliveries(&mut fake)), [3]);
}

#[tokio::test]
async fn a_log_arrives_in_order_and_once() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    assert!(due(&server).await.is_empty());
    write(&server, room(1), 1, 250).await;
    assert_eq!(due(&server).await, [name()]);

    sender(&server).drain().await;
    let sent = deliveries(&mut fake);
    assert_eq!(
        sent.iter().map(Vec::len).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert_eq!(numbers(&sent), (1..=250).collect::<Vec<_>>());
    assert!(due(&server).await.is_empty());
    assert_eq!(peer(&server).await.last_sent_at, Some(NOW_MS));

    write(&server, room(1), 251, 1).await;
    sender(&server).drain().await;
    assert_eq!(numbers(&deliveries(&mut fake)), [251]);
}

#[tokio::test]
async fn several_rooms_share_a_delivery() {
    let (server, mut fake) = server(accept).await;
    for number in 1..=3 {
        begin(&server, room(number)).await;
        write(&server, room(number), 1, 2).await;
    }
    sender(&server).drain().await;
    let sent = deliveries(&mut fake);
    assert_eq!(sent.iter().map(Vec::len).collect::<Vec<_>>(), [6]);
}

#[tokio::test]
async fn a_peer_that_is_away_is_waited_for_longer_and_longer_and_nothing_is_lost() {
    let (server, mut fake) =
        server(|_| error("503 Service Unavailable", "SW_SERVICE_UNAVAILABLE")).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 3).await;
    let mut waits = vec![];
    for _ in 0..15 {
        sender(&server).drain().await;
        let wait = peer(&server).await.next_send_at - server.federation.now_ms();
        assert!(due(&server).await.is_empty(), "not before its time");
        waits.push(wait);
        server.clock.advance(wait);
        assert_eq!(due(&server).await, [name()]);
    }
    assert!(
        waits[0] <= 1_000 && waits[14] >= 1_800_000 && waits.iter().all(|wait| *wait <= 3_600_000),
        "{waits:?}"
    );
    let state = peer(&server).await;
    assert_eq!(state.failing_since, Some(NOW_MS));
    assert!(state.last_error.unwrap().contains("SW_SERVICE_UNAVAILABLE"));

    server.clock.advance(8 * 24 * 3_600_000);
    sender(&server).drain().await;
    assert!(peer(&server).await.next_send_at - server.federation.now_ms() >= 24 * 3_600_000);

    assert!(
        server
            .federation
            .peers()
            .seen(&server.tenant, &name(), 0)
            .await
            .unwrap(),
        "a valid request ends the waiting"
    );
    assert_eq!(due(&server).await, [name()]);
    deliveries(&mut fake);
    fake.respond_from_now_on(accept);
    sender(&server).drain().await;
    assert_eq!(numbers(&deliveries(&mut fake)), [1, 2, 3]);
    assert_eq!(peer(&server).await.send_failures, 0);
}

#[tokio::test]
async fn a_wish_to_wait_is_respected() {
    let (server, _fake) = server(|_| {
        b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 60\r\ncontent-length: 0\r\n\r\n".to_vec()
    })
    .await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 1).await;
    sender(&server).drain().await;
    assert!(peer(&server).await.next_send_at >= NOW_MS + 60_000);
}

#[tokio::test]
async fn a_refused_batch_is_split_and_the_culprit_goes_without_content() {
    let (server, mut fake) = server(|received| {
        let culprit = events(received)
            .iter()
            .any(|(_, seq, has_content)| *seq == 37 && *has_content);
        if culprit {
            error("422 Unprocessable Entity", "SW_VALIDATION_ERROR")
        } else {
            accept(received)
        }
    })
    .await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 100).await;
    sender(&server).drain().await;
    assert!(due(&server).await.is_empty());
    let taken: Vec<(String, i64, bool)> = deliveries(&mut fake)
        .into_iter()
        .filter(|sent| {
            !sent
                .iter()
                .any(|(_, seq, has_content)| *seq == 37 && *has_content)
        })
        .flatten()
        .collect();
    assert_eq!(
        taken.iter().map(|(_, seq, _)| *seq).collect::<Vec<_>>(),
        (1..=100).collect::<Vec<_>>()
    );
    let bare: Vec<i64> = taken
        .iter()
        .filter(|(_, _, has_content)| !has_content)
        .map(|(_, seq, _)| *seq)
        .collect();
    assert_eq!(bare, [37]);
}

#[tokio::test]
async fn an_answer_that_says_nothing_moves_nothing() {
    let (server, _fake) = server(|_| answer("200 OK", &json!({"results": []}))).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 1).await;
    sender(&server).drain().await;
    assert!(
        peer(&server)
            .await
            .last_error
            .unwrap()
            .contains("0 results for 1 events")
    );
    assert_eq!(peer(&server).await.send_failures, 1);
}

#[tokio::test]
async fn a_closed_delivery_ends_where_it_was_closed() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 3).await;
    let mut tx = server.federation.db().begin().await.unwrap();
    close(&server.tenant, &mut tx, &name(), room(1), at(2))
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
    write(&server, room(1), 4, 2).await;
    sender(&server).drain().await;
    assert_eq!(numbers(&deliveries(&mut fake)), [1, 2]);
    assert!(
        depths(&server.tenant, server.federation.db())
            .await
            .unwrap()
            .is_empty()
    );
    write(&server, room(1), 6, 1).await;
    assert!(due(&server).await.is_empty());
}

async fn add(server: &TestServer, kind: &str, path: &str) {
    let job = Job {
        id: uuid::Uuid::from_u128(rand::random()),
        kind: kind.to_owned(),
        path: path.to_owned(),
        body: json!({"hello": 1}).to_string(),
        expires_at: NOW_MS + 1_000,
        tries: 0,
    };
    let mut tx = server.federation.db().begin().await.unwrap();
    add_job(&server.tenant, &mut tx, &name(), &job, NOW_MS)
        .await
        .unwrap();
    tx.commit(()).await.unwrap();
}

async fn jobs(server: &TestServer) -> i64 {
    depths(&server.tenant, server.federation.db())
        .await
        .unwrap()
        .first()
        .map_or(0, |(_, depth)| depth.jobs)
}

#[tokio::test]
async fn a_request_is_repeated_until_it_is_taken_or_refused_for_good() {
    let (server, mut fake) =
        server(|_| error("503 Service Unavailable", "SW_SERVICE_UNAVAILABLE")).await;
    add(&server, "invite", "/invite").await;
    assert_eq!(due(&server).await, [name()]);
    sender(&server).drain().await;
    assert_eq!(jobs(&server).await, 1);
    let received = fake.received.recv().await.unwrap();
    assert_eq!(
        received.line,
        "POST /_scaiwave/federation/v1/invite HTTP/1.1"
    );
    assert_eq!(received.body, br#"{"hello":1}"#);

    fake.answer_from_now_on(answer("200 OK", &json!({})));
    sender(&server).drain().await;
    assert_eq!(jobs(&server).await, 1, "it rests");
    server.clock.advance(999);
    sender(&server).drain().await;
    assert_eq!(jobs(&server).await, 0);

    add(&server, "invite", "/invite").await;
    fake.answer_from_now_on(error("404 Not Found", "SW_NOT_FOUND"));
    sender(&server).drain().await;
    assert_eq!(jobs(&server).await, 0);
    let shown = peer(&server).await.last_error.unwrap();
    assert!(
        shown.contains("(invite) was given up") && shown.contains("SW_NOT_FOUND"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_request_that_is_refused_for_now_holds_up_no_events() {
    for (status, code) in [
        ("401 Unauthorized", "SW_FED_SIGNATURE_MISMATCH"),
        ("503 Service Unavailable", "SW_SERVICE_UNAVAILABLE"),
    ] {
        let (server, mut fake) = server(move |received| match received.line.contains("/invite") {
            true => error(status, code),
            false => accept(received),
        })
        .await;
        add(&server, "invite", "/invite").await;
        begin(&server, room(1)).await;
        write(&server, room(1), 1, 2).await;
        sender(&server).drain().await;
        assert_eq!(jobs(&server).await, 1);
        assert!(due(&server).await.is_empty(), "it rests");
        let lines = std::iter::from_fn(|| fake.received.try_recv().ok());
        let sent = lines
            .filter(|received| received.line.contains("/send"))
            .count();
        assert_eq!(sent, 1, "{status}");
        let shown = peer(&server).await;
        assert_eq!(shown.send_failures, 0);
        assert!(shown.last_error.unwrap().contains(code));
    }
}

#[tokio::test]
async fn a_request_that_is_too_old_is_given_up() {
    let (server, mut fake) = server(|_| answer("200 OK", &json!({}))).await;
    add(&server, "invite", "/invite").await;
    server.clock.advance(1_000);
    sender(&server).drain().await;
    assert_eq!(jobs(&server).await, 0);
    assert_eq!(fake.new_requests(), 0);
}

#[tokio::test]
async fn the_senders_run_until_they_are_stopped() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    let stop = CancellationToken::new();
    let running = tokio::spawn(run(server.federation.clone(), stop.clone()));
    for seq in 1..=3 {
        write(&server, room(1), seq, 1).await;
        server.federation.wake_senders();
        let received = fake.received.recv().await.unwrap();
        assert_eq!(
            events(&received)
                .iter()
                .map(|(_, seq, _)| *seq)
                .collect::<Vec<_>>(),
            [seq]
        );
    }
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !due(&server).await.is_empty() {
        assert!(
            std::time::Instant::now() < deadline,
            "the last delivery is never recorded"
        );
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
}
