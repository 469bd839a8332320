//! What the played peer answers: as a server that keeps the protocol, from its copies of rooms.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Value, json};

use super::Peer;
use super::received::{Received, json_response};
use super::room::RoomCopy;
use crate::protocol::event;

pub(super) fn answer(peer: &Peer, request: &Received) -> Response {
    if let Some(fault) = &request.fault {
        return refusal(StatusCode::UNAUTHORIZED, "SW_FED_SIGNATURE_MISMATCH", fault);
    }
    let path: Vec<&str> = request.path.trim_start_matches('/').split('/').collect();
    match (request.method.as_str(), path.as_slice()) {
        ("POST", ["send"]) => take(peer, request),
        ("POST", ["invite" | "ephemeral"]) => json_response(&json!({"ok": true})),
        ("POST", ["rooms", room_id, "join" | "request"]) => execute(peer, room_id, &request.body),
        ("GET", ["rooms", room_id, what]) => read(peer, room_id, what, &request.query),
        ("GET", ["profile", local_id]) => {
            let fqid = peer.fqid(local_id);
            let profile = peer.profile(&fqid, &format!("Guest {fqid}"));
            json_response(&json!({"profile": profile, "key": peer.key_document()}))
        }
        _ => refusal(StatusCode::NOT_FOUND, "SW_NOT_FOUND", "no such path"),
    }
}

fn take(peer: &Peer, request: &Received) -> Response {
    let results: Vec<Value> = request
        .events()
        .iter()
        .map(|event| take_one(peer, event))
        .collect();
    json_response(&json!({"results": results}))
}

fn take_one(peer: &Peer, event: &Value) -> Value {
    let id = event["event_id"].clone();
    let room_id = event["room_id"].as_str().unwrap_or("");
    let origin = event["origin"].as_str().unwrap_or("");
    let before = event["seq"].as_i64().unwrap_or(0) - 1;
    let taken = peer.with_room(room_id, |room| {
        let before = room.at(origin, before).cloned();
        if origin == peer.subject_name() {
            event::judge(event, peer.subject_key(), before.as_ref())?;
        }
        Ok::<bool, String>(room.learn(event))
    });
    match taken {
        Some(Ok(true)) => json!({"event_id": id, "status": "accepted"}),
        Some(Ok(false)) => json!({"event_id": id, "status": "duplicate"}),
        Some(Err(reason)) => {
            peer.complain(format!("event {id}: {reason}"));
            rejected(&id, "SW_FED_SIGNATURE_MISMATCH", &reason)
        }
        None => rejected(&id, "SW_ROOM_NOT_FOUND", "no such room"),
    }
}

fn rejected(id: &Value, code: &str, message: &str) -> Value {
    let error = json!({"code": code, "message": message});
    json!({"event_id": id, "status": "rejected", "error": error, "placed": false})
}

fn execute(peer: &Peer, room_id: &str, document: &Value) -> Response {
    match peer.executes(room_id, document) {
        Ok(events) => json_response(&with_offers(&events)),
        Err(reason) => {
            peer.complain(format!("request {document}: {reason}"));
            refusal(StatusCode::FORBIDDEN, "SW_ROOM_FORBIDDEN", &reason)
        }
    }
}

/// The answer of a host that would like other things to be signed than were asked for: members that no server knows, and so
/// ignores. What the server under test signs is judged elsewhere, byte for byte.
fn with_offers(events: &[Value]) -> Value {
    let offered = json!({
        "type": "swp.room.member", "room_id": "00000000-0000-8000-8000-000000000000",
        "content": {"participant": "@admin:elsewhere.example", "membership": "join", "power_level": 100},
    });
    json!({"events": events, "event_template": offered, "to_sign": offered})
}

fn read(peer: &Peer, room_id: &str, what: &str, query: &str) -> Response {
    let found = peer.with_room(room_id, |room| match what {
        "heads" => Some(json!({"heads": room.heads()})),
        "state" => Some(json!({
            "state": room.state_events(), "leaves": {}, "heads": room.heads(),
        })),
        "members" => Some(json!({"members": []})),
        "backfill" => Some(backfill(room, query)),
        _ => None,
    });
    match found.flatten() {
        Some(body) => json_response(&body),
        None => refusal(StatusCode::NOT_FOUND, "SW_ROOM_NOT_FOUND", "no such room"),
    }
}

fn backfill(room: &RoomCopy, query: &str) -> Value {
    let parameters: std::collections::BTreeMap<String, String> =
        url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
    let number = |name: &str, otherwise: i64| {
        parameters
            .get(name)
            .and_then(|text| text.parse().ok())
            .unwrap_or(otherwise)
    };
    let origin = parameters.get("origin").map_or("", String::as_str);
    let mut events = room.after(origin, number("after_seq", 0));
    let limit = usize::try_from(number("limit", 100)).unwrap_or(100);
    let has_more = events.len() > limit;
    events.truncate(limit);
    json!({"events": events, "has_more": has_more})
}

fn refusal(status: StatusCode, code: &str, message: &str) -> Response {
    let body = json!({"error": {"code": code, "message": message}});
    (status, json_response(&body)).into_response()
}
