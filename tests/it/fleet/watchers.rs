//! The people who watch: a socket each, opened again from its cursor whenever it breaks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::support::{Api, Person, Socket, eventually};

/// How long a watcher may lag behind what its server holds.
const LAG: Duration = Duration::from_secs(120);

/// One durable frame of the room.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    id: String,
    position: i64,
    sender: String,
}

pub(crate) struct Watcher {
    api: Api,
    room: String,
    since: i64,
    frames: Arc<Mutex<Vec<Frame>>>,
    messages: Arc<Mutex<Vec<String>>>,
    watching: JoinHandle<()>,
}

impl Watcher {
    /// Watches from now on.
    pub(crate) async fn start(person: &Person, room: &str, tls: Arc<rustls::ClientConfig>) -> Self {
        let since = person.api.get("/v1/sync?since=latest").await.data()["next_cursor"]
            .as_i64()
            .unwrap();
        let (frames, messages) = (Arc::default(), Arc::default());
        let watching = tokio::spawn(watch(
            person.api.clone(),
            room.to_owned(),
            since,
            tls,
            Arc::clone(&frames),
            Arc::clone(&messages),
        ));
        Self {
            api: person.api.clone(),
            room: room.to_owned(),
            since,
            frames,
            messages,
            watching,
        }
    }

    /// The ids of the messages seen so far.
    pub(crate) fn messages(&self) -> Arc<Mutex<Vec<String>>> {
        self.messages.clone()
    }

    /// Compares the frames with what sync has: the same events, in the same order, none twice. What somebody said whose right
    /// to it was taken may have been shown before that was known, and is not there any more: `besides` is that person's id.
    pub(crate) async fn saw_everything_once_and_in_order(self, besides: Option<&str>) {
        let counts = |frame: &&Frame| Some(frame.sender.as_str()) != besides;
        let expected = self.synced().await;
        let expected: Vec<_> = expected.iter().filter(counts).collect();
        eventually("the socket brings everything", LAG, async || {
            assert!(!self.watching.is_finished(), "the watcher failed");
            let seen = self.frames.lock().unwrap();
            seen.iter().filter(counts).count() >= expected.len()
        })
        .await;
        let seen = self.frames.lock().unwrap();
        let seen: Vec<_> = seen.iter().filter(counts).collect();
        let parting = seen
            .iter()
            .zip(&expected)
            .find(|(seen, expected)| seen != expected);
        assert_eq!(parting, None, "frames and sync part here");
        assert_eq!(seen.len(), expected.len());
    }

    /// The room's events as sync hands them out.
    async fn synced(&self) -> Vec<Frame> {
        let (events, _) = self.api.sync_from(self.since).await;
        let of_room = events
            .iter()
            .filter(|event| event["room_id"] == json!(self.room));
        of_room.map(frame).collect()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

fn frame(event: &Value) -> Frame {
    Frame {
        id: event["id"].as_str().unwrap().to_owned(),
        position: event["stream_position"].as_i64().unwrap(),
        sender: event["sender_id"].as_str().unwrap().to_owned(),
    }
}

async fn watch(
    api: Api,
    room: String,
    since: i64,
    tls: Arc<rustls::ClientConfig>,
    frames: Arc<Mutex<Vec<Frame>>>,
    messages: Arc<Mutex<Vec<String>>>,
) {
    let mut cursor = since;
    let mut known = BTreeSet::new();
    loop {
        let Ok(mut socket) = Socket::try_open(&api, Some(cursor), Some(&tls)).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        while let Ok(received) = socket.receive_whenever().await {
            let Some(position) = received["stream_position"].as_i64() else {
                continue;
            };
            assert!(
                position > cursor,
                "frames ascend: {position} after {cursor}"
            );
            cursor = position;
            if received["room_id"] != json!(room) {
                continue;
            }
            let frame = frame(&received);
            assert!(known.insert(frame.id.clone()), "{} came twice", frame.id);
            if received["type"] == "swp.room.message" {
                messages.lock().unwrap().push(frame.id.clone());
            }
            frames.lock().unwrap().push(frame);
        }
    }
}
