//! What people are told about, as clients meet it.

mod inbox;
mod keywords;
mod modes;
mod snoozes;

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::app::test_server::Answer;
use crate::messages::flow_tests::House;
use crate::presence::live::Listener;

/// Longest wait for a frame.
const PATIENCE: Duration = Duration::from_secs(20);

/// The house, and a device of Bob's that hears what he is told; Alice writes to him alone to end a test.
struct Home {
    house: House,
    device: Listener,
    bob: String,
    dm: String,
}

impl Home {
    async fn build() -> Home {
        let house = House::build().await;
        let bob = house.id_of("bob").await;
        let body = json!({"participant_id": bob});
        let dm = house.ask("alice", Method::POST, "/v1/rooms/dm", body).await;
        let dm = dm.data("id");
        let tenant = house.server.app.tenants().first().unwrap();
        // A reader of the stream: with the first one, people begin to be told.
        let path = "/v1/sync?since=latest&timeout=0";
        house.ask("bob", Method::GET, path, json!({})).await.ok();
        let live = house.server.app.presence().live();
        let device = live.listen(&tenant, bob.parse().unwrap());
        Home {
            house,
            device,
            bob,
            dm,
        }
    }

    async fn ask(&self, who: &str, method: Method, path: &str, body: Value) -> Answer {
        self.house.ask(who, method, path, body).await
    }

    /// Bob's preferences.
    async fn prefer(&self, change: Value) {
        self.ask("bob", Method::PUT, "/v1/me/preferences", change)
            .await
            .ok();
    }

    /// Alice sends to the room; the event's id.
    async fn send(&self, content: Value) -> String {
        let body = json!({ "content": content });
        self.house.post("alice", "send", body).await.data("id")
    }

    /// Alice mentions Bob; the event's id.
    async fn mention(&self, body: &str) -> String {
        self.send(json!({"body": body, "mentions": [self.bob]}))
            .await
    }

    /// Waits until everything said so far was told: what is said after the first event was shown comes in a later turn of
    /// the task that tells, and is shown after that.
    async fn settle(&self) {
        for _ in 0..2 {
            let body = json!({"content": {"body": "tick"}});
            let sent = self.house.post("alice", "send", body).await.ok();
            let position = sent["stream_position"].as_i64().unwrap() - 1;
            let path = format!("/v1/sync?since={position}&limit=1&timeout=20000");
            let shown = self.ask("bob", Method::GET, &path, json!({})).await.ok();
            assert_eq!(shown["events"][0]["id"], sent["id"]);
        }
    }

    /// The live frames up to an answer to a question that Alice asks in the DM.
    async fn frames(&self) -> Vec<Value> {
        let path = format!("/v1/rooms/{}/send", self.dm);
        let end = json!({"content": {"body": "the end?"}});
        self.ask("alice", Method::POST, &path, end).await.ok();
        let mut frames: Vec<Value> = Vec::new();
        loop {
            for frame in self.device.take() {
                let frame: Value = serde_json::from_slice(&frame).unwrap();
                if frame["snippet"] == "the end?" {
                    return frames;
                }
                frames.push(frame);
            }
            tokio::time::timeout(PATIENCE, self.device.woken())
                .await
                .expect("the notification of a DM");
        }
    }

    /// What Bob was told so far: reason and snippet.
    async fn told(&self) -> Vec<(String, String)> {
        let frames = self.frames().await;
        let notices = frames
            .iter()
            .filter(|frame| frame["type"] == "swp.notification");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        notices
            .map(|frame| (text(&frame["reason"]), text(&frame["snippet"])))
            .collect()
    }

    /// Bob's inbox: reason and snippet.
    async fn inbox(&self) -> Vec<(String, String)> {
        let items = self
            .ask("bob", Method::GET, "/v1/inbox/priority", json!({}))
            .await
            .ok();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let items = items.as_array().unwrap().iter();
        items
            .map(|item| (text(&item["reason"]), text(&item["snippet"])))
            .collect()
    }
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(reason, snippet)| ((*reason).to_owned(), (*snippet).to_owned()))
        .collect()
}
