//! Who waits for whom.

use std::sync::mpsc::channel;

use futures::FutureExt;

use super::*;
use crate::federation::test_support::TestServer;

fn names() -> [ServerName; 2] {
    ["b.example", "c.example"].map(|name| name.parse().unwrap())
}

#[tokio::test]
async fn who_floods_waits_for_itself_and_nobody_else_does() {
    let tenant = TestServer::start([]).await.tenant;
    let [b, c] = names();
    let shares = Shares::of(4);
    let held = [
        shares.turn(&tenant, &b).await,
        shares.turn(&tenant, &b).await,
    ];
    let mut third = Box::pin(shares.turn(&tenant, &b));
    assert!(third.as_mut().now_or_never().is_none());
    assert!(shares.turn(&tenant, &c).now_or_never().is_some());
    drop(held);
    assert!(third.now_or_never().is_some());
}

#[tokio::test]
async fn a_processor_is_free_for_others_although_one_peer_keeps_all_that_it_gets_busy() {
    let tenant = TestServer::start([]).await.tenant;
    let [b, c] = names();
    // With one processor there are two places, so that nobody has all.
    let shares = Shares::of(1);
    let (release, wait) = channel::<()>();
    let busy = shares.turn(&tenant, &b).await;
    let busy = tokio::spawn(async move { busy.work(move || wait.recv()).await });
    let other = shares.turn(&tenant, &c).await;
    assert_eq!(other.work(|| 7).await, Some(7));
    release.send(()).unwrap();
    assert_eq!(busy.await.unwrap(), Some(Ok(())));
}

#[tokio::test]
async fn who_goes_away_has_its_turn_until_its_work_is_done() {
    let tenant = TestServer::start([]).await.tenant;
    let [b, _] = names();
    let shares = Shares::of(2);
    let ((release, wait), (begun, has_begun)) = (channel::<()>(), channel::<()>());
    let turn = shares.turn(&tenant, &b).await;
    let working = tokio::spawn(async move {
        let work = move || {
            begun.send(()).unwrap();
            wait.recv()
        };
        turn.work(work).await
    });
    tokio::task::spawn_blocking(move || has_begun.recv())
        .await
        .unwrap()
        .unwrap();
    working.abort();
    assert!(working.await.unwrap_err().is_cancelled());
    let mut next = Box::pin(shares.turn(&tenant, &b));
    assert!(next.as_mut().now_or_never().is_none());
    release.send(()).unwrap();
    next.await;
}

#[tokio::test]
async fn a_peer_has_few_requests_at_one_time() {
    let tenant = TestServer::start([]).await.tenant;
    let [b, c] = names();
    let shares = Shares::of(2);
    let mut held: Vec<_> = (0..MOST_REQUESTS)
        .map(|_| shares.request(&tenant, &b).unwrap())
        .collect();
    assert!(shares.request(&tenant, &b).is_none());
    assert!(shares.request(&tenant, &c).is_some());
    held.pop();
    assert!(shares.request(&tenant, &b).is_some());
}
