//! A log that the peer cannot place waits by itself, and admins see why.

use serde_json::Value;

use super::*;

const HOUR_MS: i64 = 3_600_000;
const REASON: &str = "SW_FED_SIGNATURE_MISMATCH: no";

/// A server whose peer refuses the second event of room 1.
async fn stalled() -> (TestServer, FakePeer) {
    let (server, fake) = server(|received| {
        each(received, |room_id, seq| match (room_id == room(1).to_string(), seq) {
            (true, 2) => json!({"status": "rejected", "placed": false, "error": {"code": "SW_FED_SIGNATURE_MISMATCH", "message": "no"}}),
            _ => json!({"status": "accepted"}),
        })
    })
    .await;
    for number in 1..=2 {
        begin(&server, room(number)).await;
        write(&server, room(number), 1, 2).await;
    }
    sender(&server).drain().await;
    (server, fake)
}

/// What admins see of the peer.
async fn shown(server: &TestServer) -> Value {
    let views = server.federation.peer_views(&server.tenant, "", 10);
    json!(views.await.unwrap()[0])
}

#[tokio::test]
async fn admins_see_a_stalled_log_until_it_goes_on() {
    let (server, fake) = stalled().await;
    let expected = format!("our log of room {} stalls there: {REASON}", room(1));
    assert_eq!(shown(&server).await["last_error"], json!(expected));
    assert_eq!(shown(&server).await["queue"]["events"], 1);

    // What holds up all deliveries comes first, as long as it does.
    write(&server, room(2), 3, 1).await;
    server.clock.advance(1);
    fake.respond_from_now_on(|_| error("503 Service Unavailable", "SW_SERVICE_UNAVAILABLE"));
    sender(&server).drain().await;
    let seen = shown(&server).await["last_error"].to_string();
    assert!(seen.contains("SW_SERVICE_UNAVAILABLE"), "{seen}");
    fake.respond_from_now_on(|received| {
        each(received, |room_id, _| match room_id == room(1).to_string() {
            true => json!({"status": "rejected", "placed": false, "error": {"code": "SW_FED_SIGNATURE_MISMATCH", "message": "no"}}),
            false => json!({"status": "accepted"}),
        })
    });
    server.clock.advance(HOUR_MS);
    sender(&server).drain().await;
    assert_eq!(shown(&server).await["last_error"], json!(expected));

    fake.respond_from_now_on(accept);
    server.clock.advance(HOUR_MS);
    sender(&server).drain().await;
    let seen = shown(&server).await["last_error"].to_string();
    assert!(!seen.contains("stalls"), "{seen}");
}

#[tokio::test]
async fn a_log_that_has_been_stalled_for_a_week_is_tried_once_a_day_however_busy_the_peer_is() {
    let (server, mut fake) = stalled().await;
    let mut tx = server.federation.db().begin().await.unwrap();
    for _ in 0..235 {
        let next = NOW_MS + HOUR_MS;
        store::outbox::stalled(&server.tenant, &mut tx, &name(), room(1), next, REASON)
            .await
            .unwrap();
    }
    tx.commit(()).await.unwrap();
    fake.new_requests();
    server.clock.advance(HOUR_MS);
    sender(&server).drain().await;
    assert_eq!(fake.new_requests(), 1);

    server.clock.advance(23 * HOUR_MS);
    let peers = server.federation.peers();
    peers.seen(&server.tenant, &name(), 0).await.unwrap();
    assert!(due(&server).await.is_empty(), "traffic ends no such wait");
    server.clock.advance(2 * HOUR_MS);
    assert_eq!(due(&server).await, [name()]);
}

#[tokio::test]
async fn a_void_event_moves_the_position_on_and_a_stalled_log_holds_up_no_other() {
    let (server, mut fake) = server(|received| {
        each(received, |room_id, seq| match (room_id == room(1).to_string(), seq) {
            (true, 2) => json!({"status": "rejected", "placed": false, "error": {"code": "SW_FED_SIGNATURE_MISMATCH", "message": "x"}}),
            (false, 1) => json!({"status": "rejected", "placed": true, "error": {"code": "SW_ROOM_FORBIDDEN", "message": "x"}}),
            _ => json!({"status": "accepted"}),
        })
    })
    .await;
    for number in 1..=2 {
        begin(&server, room(number)).await;
        write(&server, room(number), 1, 3).await;
    }
    sender(&server).drain().await;
    assert_eq!(deliveries(&mut fake).len(), 1);
    assert!(due(&server).await.is_empty(), "the stalled log waits");
    server.clock.advance(1_000);
    let pending = store::outbox::pending(
        &server.tenant,
        server.federation.db(),
        &name(),
        NOW_MS + 1_000,
        10,
    )
    .await
    .unwrap();
    assert_eq!(pending.len(), 1);
    assert_eq!(
        (pending[0].room_id, pending[0].sent, pending[0].stalls),
        (room(1), at(1), 1)
    );
    assert_eq!(peer(&server).await.send_failures, 0);
}
