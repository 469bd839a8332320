//! What the peer of these tests answers, and what it was sent.

use serde_json::{Value, json};

use crate::federation::client::fake_peer::Received;

pub(super) fn answer(status: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

pub(super) fn error(status: &str, code: &str) -> Vec<u8> {
    answer(status, &json!({"error": {"code": code, "message": "no"}}))
}

/// `(room, seq, has content)` of each event of a delivery.
pub(super) fn events(received: &Received) -> Vec<(String, i64, bool)> {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    let events = body["events"].as_array().unwrap();
    let read = |event: &Value| {
        (
            event["room_id"].as_str().unwrap().to_owned(),
            event["seq"].as_i64().unwrap(),
            event.get("content").is_some(),
        )
    };
    events.iter().map(read).collect()
}

/// Answers each event with the result that it gets by its room and seq.
pub(super) fn each(received: &Received, result: impl Fn(&str, i64) -> Value) -> Vec<u8> {
    let body: Value = serde_json::from_slice(&received.body).unwrap();
    let of = |event: &Value| {
        let (room, seq) = (event["room_id"].as_str(), event["seq"].as_i64());
        let mut result = result(room.unwrap(), seq.unwrap());
        result["event_id"] = event["event_id"].clone();
        result
    };
    let results: Vec<Value> = body["events"].as_array().unwrap().iter().map(of).collect();
    answer("200 OK", &json!({ "results": results }))
}

/// Takes every event with this result.
pub(super) fn all(received: &Received, result: &Value) -> Vec<u8> {
    each(received, |_, _| result.clone())
}

pub(super) fn accept(received: &Received) -> Vec<u8> {
    all(received, &json!({"status": "accepted"}))
}
