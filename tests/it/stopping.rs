//! A stop that was asked for: quick, and everybody is told.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::{Person, Socket, on_both};

#[tokio::test]
async fn a_stop_takes_less_than_five_seconds_with_clients_connected() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        alice.says(&room, "before").await;
        let mut sockets = [
            Socket::open(&alice.api, None).await,
            Socket::open(&bob.api, None).await,
        ];
        let (_, end) = bob.sync_from(0).await;
        let poll_api = bob.api.clone();
        let poll = tokio::spawn(async move {
            let path = format!("/v1/sync?since={end}&timeout=60000");
            poll_api.try_call(reqwest::Method::GET, &path, None).await
        });
        // The poll is open once the server knows of two requests of bob; a frame shows that it is alive.
        alice
            .api
            .put("/v1/typing", &json!({"room_id": room, "typing": true}))
            .await
            .data();

        let began = Instant::now();
        server.terminate();
        for socket in &mut sockets {
            assert_eq!(socket.ending().await.0, 1001);
        }
        let status = server.ended().await;
        assert!(status.success(), "{status}");
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "stopped after {:?}",
            began.elapsed()
        );
        // The poll was answered or its connection closed, not left hanging.
        if let Ok(answer) = poll.await.unwrap() {
            assert!(answer.status == 200 || answer.status == 503, "{answer:?}");
        }

        server.launch();
        assert_eq!(bob.bodies(&room).await, ["before"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_stop_is_there_after_it() {
    on_both(async |mut server| {
        let people: [Person; 4] = server.people(["ann", "ben", "cem", "dag"]).await;
        let [ann, others @ ..] = &people;
        let room = ann
            .room_with("Busy", &others.iter().collect::<Vec<_>>())
            .await;
        let (sent, mut first) = tokio::sync::mpsc::unbounded_channel();
        let senders = people.iter().map(async |person| {
            let mut acknowledged = Vec::new();
            loop {
                let text = format!("{} {}", person.fqid, acknowledged.len());
                let path = format!("/v1/rooms/{room}/send");
                let body = json!({"content": {"msgtype": "swp.text", "body": text}});
                let answer = person
                    .api
                    .try_call(reqwest::Method::POST, &path, Some(&body));
                match answer.await {
                    Ok(answer) if answer.status == 200 => acknowledged.push(text),
                    _ => return acknowledged,
                }
                sent.send(()).ok();
            }
        });
        let stopping = async {
            for _ in 0..20 {
                first.recv().await;
            }
            server.interrupt();
        };
        let (acknowledged, ()) =
            futures::future::join(futures::future::join_all(senders), stopping).await;
        let status = server.ended().await;
        assert!(status.success(), "{status}");

        server.launch();
        let there = ann.bodies(&room).await;
        for text in acknowledged.iter().flatten() {
            assert!(there.contains(text), "{text} is missing");
        }
        server.stop().await;
        server.cli(&["admin", "verify"], "").done();
    })
    .await;
}
