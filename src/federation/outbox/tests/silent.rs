//! Servers that take what they are sent and never answer, and one that is down for long: what they cost, and whom.

use futures::future::join_all;
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// More of them than requests are under way at one time.
const SILENT: usize = 80;

fn silent(number: usize) -> ServerName {
    format!("silent{number}.example").parse().unwrap()
}

/// A place that takes connections and says nothing, and the connections that it has taken.
async fn well_of_silence() -> (String, tokio::sync::mpsc::UnboundedReceiver<TcpStream>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (taken, connections) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if taken.send(stream).is_err() {
                return;
            }
        }
    });
    (url, connections)
}

#[tokio::test]
async fn servers_that_never_answer_hold_up_nobody_else() {
    let (nowhere, mut connections) = well_of_silence().await;
    let mut fake = FakePeer::answering(accept).await;
    let names: Vec<ServerName> = (0..SILENT).map(silent).collect();
    let good = (name(), format!("http://{}", fake.address));
    let all = names.iter().map(|name| (name.clone(), nowhere.clone()));
    let server = TestServer::start(all.chain([good])).await;
    server.policy(DefaultMode::Open, &[]).await;
    let mut tx = server.federation.db().begin().await.unwrap();
    for destination in names.iter().chain([&name()]) {
        open(&server.tenant, &mut tx, destination, room(1), at(0), at(0))
            .await
            .unwrap();
    }
    tx.commit(()).await.unwrap();
    write(&server, room(1), 1, 1).await;

    let to_good = sender(&server);
    let to_silent = names.iter().map(|name| Sender {
        destination: name.clone(),
        key: (server.tenant.key(), name.clone()),
        places: Arc::clone(&to_good.places),
        ..sender(&server)
    });
    let to_silent: Vec<Sender> = to_silent.collect();
    let unanswered = async {
        tokio::select! {
            _ = join_all(to_silent.iter().map(Sender::drain)) => panic!("none of them answers"),
            () = std::future::pending() => {}
        }
    };
    let delivered = async {
        for _ in 0..64 {
            connections.recv().await.unwrap();
        }
        // All places are taken by those.
        to_good.drain().await;
    };
    tokio::select! {
        () = unanswered => {}
        () = delivered => {}
    }
    assert_eq!(numbers(&deliveries(&mut fake)), [1]);
}

#[tokio::test]
async fn a_server_that_is_down_for_long_costs_a_row_a_room() {
    let (server, _fake) =
        server(|_| error("503 Service Unavailable", "SW_SERVICE_UNAVAILABLE")).await;
    begin(&server, room(1)).await;
    for first in [1, 501] {
        write(&server, room(1), first, 500).await;
        sender(&server).drain().await;
        let (tenant, db) = (&server.tenant, server.federation.db());
        let waiting = store::outbox::pending(tenant, db, &name(), i64::MAX, 100)
            .await
            .unwrap();
        let ends: Vec<_> = waiting.iter().map(|row| (row.sent, row.end)).collect();
        assert_eq!(ends, [(at(0), at(first + 499))]);
        let jobs = store::outbox::next_job(tenant, db, &name(), i64::MAX).await;
        assert!(jobs.unwrap().is_none());
    }
}
