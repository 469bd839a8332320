//! What was acknowledged survives SIGKILL; what was not may be repeated without a double.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{Person, on_both};

const SENDERS: usize = 16;
const ROUNDS: usize = 5;
/// After how many acknowledgements of a round the server is killed.
const ACKNOWLEDGED: usize = 60;

/// Sends until the connection breaks; `acknowledged` gets the event of each answer.
async fn send_until_killed(
    person: &Person,
    room: &str,
    name: &str,
    count: &AtomicUsize,
    acknowledged: &Mutex<BTreeMap<String, String>>,
) {
    let path = format!("/v1/rooms/{room}/send");
    for number in 0.. {
        let body = format!("{name}/{number}");
        let message = json!({"content": {"body": body}, "event_uuid": event_uuid(&body)});
        match person
            .api
            .try_call(Method::POST, &path, Some(&message))
            .await
        {
            Ok(answer) => {
                let event = answer.data()["id"].as_str().unwrap().to_owned();
                acknowledged.lock().unwrap().insert(body, event);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(_) => return,
        }
    }
}

/// The same uuid for the same text, so that a text can be sent again.
fn event_uuid(body: &str) -> String {
    let digest = hex::encode(<sha2::Sha256 as sha2::Digest>::digest(body));
    let part = |range| digest.get(range).unwrap();
    format!(
        "{}-{}-8{}-a{}-{}",
        part(0..8),
        part(8..12),
        part(13..16),
        part(17..20),
        part(20..32)
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_being_killed_again_and_again() {
    on_both(async |mut server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let acknowledged = Mutex::new(BTreeMap::new());
        for round in 0..ROUNDS {
            let count = AtomicUsize::new(0);
            let names: Vec<_> = (0..SENDERS)
                .map(|sender| format!("{round}/{sender}"))
                .collect();
            let senders =
                futures::future::join_all(names.iter().enumerate().map(|(sender, name)| {
                    let person = if sender % 2 == 0 { &alice } else { &bob };
                    send_until_killed(person, &room, name, &count, &acknowledged)
                }));
            let killing = async {
                while count.load(Ordering::Relaxed) < ACKNOWLEDGED {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                server.kill();
            };
            tokio::join!(senders, killing);
            server.launch();
        }

        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(acknowledged.len() >= ROUNDS * ACKNOWLEDGED);
        let mut stored = BTreeMap::new();
        for event in bob.history(&room).await {
            if let Some(body) = event["content"]["body"]
                .as_str()
                .filter(|_| event["event_type"] == "swp.room.message")
            {
                let id = event["id"].as_str().unwrap().to_owned();
                assert_eq!(
                    stored.insert(body.to_owned(), id),
                    None,
                    "{body} is there twice"
                );
            }
        }
        for (body, event) in &acknowledged {
            assert_eq!(stored.get(body), Some(event), "{body} was acknowledged");
        }
        // Repeating everything, acknowledged or not, changes nothing.
        for (body, event) in &stored {
            let sender = if body.split('/').nth(1).unwrap().parse::<usize>().unwrap() % 2 == 0 {
                &alice
            } else {
                &bob
            };
            let again = json!({"content": {"body": "again"}, "event_uuid": event_uuid(body)});
            assert_eq!(sender.send(&room, &again).await.data()["id"], json!(event));
        }
        assert_eq!(bob.bodies(&room).await.len(), stored.len());
        server.cli(&["admin", "verify"], "").done();
    })
    .await;
}
