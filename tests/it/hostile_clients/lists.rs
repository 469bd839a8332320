//! Lists: pages as large as a number can be, and parameters that mean nothing. The walk takes its operations from the
//! description of the API.

use futures::stream::{self, StreamExt};
use serde_json::Value;

use crate::support::{Api, Server, on_both};

/// Reading operations of the description, with the ids in their paths replaced, and the names of their parameters.
async fn reading(
    server: &Server,
    room: &str,
    event: &str,
    person: &str,
) -> Vec<(String, Vec<String>)> {
    let document = server.stranger().get("/v1/openapi.json").await.ok();
    let paths = document["paths"].as_object().unwrap();
    let mut found = Vec::new();
    for (path, item) in paths {
        let operation = &item["get"];
        if operation.is_null() || path == "/v1/stream" {
            continue;
        }
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let names = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap().to_owned());
        let path = path
            .replace("{room_id}", room)
            .replace("{event_id}", event)
            .replace("{participant_id}", person)
            .replace("{group_id}", room);
        found.push((path, names.collect()));
    }
    found
}

/// How many rows an answer holds; a page for people holds none.
fn rows(answer: &str) -> usize {
    let answer: Value = serde_json::from_str(answer).unwrap_or_default();
    let data = &answer["data"];
    let list = data.as_array().or(data["events"].as_array());
    list.map_or(0, Vec::len)
}

/// Asks with a parameter, and with `timeout=0` where a poll would wait.
async fn asked(api: &Api, path: &str, parameter: &str) -> crate::support::Answer {
    let wait = if path == "/v1/sync" { "timeout=0&" } else { "" };
    api.get(&format!("{path}?{wait}{parameter}")).await
}

#[tokio::test]
async fn no_page_is_larger_than_it_may_be_and_no_parameter_breaks_the_server() {
    on_both(async |server| {
        let [alice, bob] = server.people(["alice", "bob"]).await;
        let room = alice.room_with("Garden", &[&bob]).await;
        let event = alice.says(&room, "first").await;
        let said = stream::iter(0..600).map(|number| {
            let (alice, room) = (&alice, &room);
            async move { alice.says(room, &format!("{number}")).await }
        });
        said.buffer_unordered(16).count().await;
        let operations = reading(&server, &room, event["id"].as_str().unwrap(), &bob.id).await;
        assert!(operations.len() > 25, "{operations:?}");
        let admin = &server.admin().await.api;
        let mut largest = 0;
        for (path, names) in operations {
            let api = if path.starts_with("/v1/admin") {
                admin
            } else {
                &alice.api
            };
            for name in names {
                for value in [
                    "1000000000",
                    "9223372036854775807",
                    "99999999999999999999",
                    "-1",
                    "1e9",
                    "%00",
                    "a%00b",
                    "%ff",
                    "%F0%9F%91%8D",
                    "%27%3B--",
                    "%25_%25",
                    "%",
                    "",
                ] {
                    let answer = asked(api, &path, &format!("{name}={value}")).await;
                    let status = answer.status.as_u16();
                    assert!(
                        status < 500,
                        "{path}?{name}={value}: {status} {}",
                        answer.text
                    );
                    if status == 200 {
                        largest = largest.max(rows(&answer.text));
                    }
                }
                let many = format!("{name}=1&").repeat(3_000);
                let answer = asked(api, &path, &many).await;
                assert!(answer.status.as_u16() < 500, "{path}: {name} many times");
            }
        }
        assert_eq!(largest, 500, "sync has the largest pages");
        let messages = format!("/v1/rooms/{room}/messages?limit=1000000000");
        assert_eq!(rows(&alice.api.get(&messages).await.text), 200);
        assert_eq!(alice.history(&room).await.len(), 605);
    })
    .await;
}
