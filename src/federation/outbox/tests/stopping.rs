//! What an admin stops, by a pause or by the policy, stops with the next request.

use super::*;

async fn pause(server: &TestServer, paused: bool) {
    let mut tx = server.federation.db().begin().await.unwrap();
    store::peers::ensure(&server.tenant, &mut tx, &name(), NOW_MS)
        .await
        .unwrap();
    assert!(
        store::peers::set_paused(&server.tenant, &mut tx, &name(), paused)
            .await
            .unwrap()
    );
    tx.commit(()).await.unwrap();
    server.federation.peers().forget(&server.tenant, &name());
}

#[tokio::test]
async fn a_paused_or_forbidden_peer_is_left_alone() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 1).await;
    pause(&server, true).await;
    assert!(due(&server).await.is_empty());

    pause(&server, false).await;
    server.policy(DefaultMode::InviteOnly, &[]).await;
    sender(&server).drain().await;
    assert_eq!(fake.new_requests(), 0);
    assert!(due(&server).await.is_empty());
    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    assert_eq!(
        due(&server).await,
        [name()],
        "a changed policy is tried at once"
    );
}

#[tokio::test]
async fn a_delivery_under_way_stops_and_goes_on_where_it_stopped() {
    let (server, mut fake) = server(accept).await;
    begin(&server, room(1)).await;
    write(&server, room(1), 1, 150).await;
    // A sender that is under way looks again before each request.
    pause(&server, true).await;
    sender(&server).drain().await;
    assert_eq!(fake.new_requests(), 0);
    pause(&server, false).await;
    server.policy(DefaultMode::Closed, &["b.example"]).await;
    sender(&server).drain().await;
    assert_eq!(fake.new_requests(), 0);

    server.policy(DefaultMode::InviteOnly, &["b.example"]).await;
    sender(&server).drain().await;
    assert_eq!(
        numbers(&deliveries(&mut fake)),
        (1..=150).collect::<Vec<_>>()
    );
}
