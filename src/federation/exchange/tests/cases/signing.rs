//! A hostile host that wants something signed.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::super::hosting::{ALICE, Host, MALLORY, accept, hosted};
use super::{answer, ask, is_sound, log, rows, until};
use crate::auth::roles::Role;
use crate::events::core::ids::EventId;
use crate::events::core::sign::recorded;
use crate::events::store;
use crate::federation::client::fake_peer::Received;

/// Stands in everything that the host would like to have signed.
const BAIT: &str = "bait";

/// What the host answers is right, and holds more than was asked for.
fn answers(host: &mut Host, asked: &Received) -> Vec<u8> {
    let mut right = host.answers(asked);
    if asked.line.contains("/.well-known/") {
        return answer(&right);
    }
    for list in ["events", "results"] {
        let entries = right.get_mut(list).and_then(Value::as_array_mut);
        match (list, entries) {
            (_, None) => {}
            ("events", Some(events)) => events.push(half_made()),
            (_, Some(results)) => results
                .iter_mut()
                .for_each(|result| *result = with_bait(result.take())),
        }
    }
    answer(&with_bait(right))
}

/// A member event for somebody with rights elsewhere, to be completed and signed.
fn half_made() -> Value {
    json!({
        "v": "v1", "room_id": "018f0000-0000-8000-8000-000000000001", "origin": "a.example", "epoch": 1, "seq": 1,
        "sender": "@root:a.example", "type": "swp.room.member",
        "content": { "participant": MALLORY, "membership": "join", "power_level": 100, "reason": BAIT },
    })
}

/// The same answer with all that might be mistaken for something to sign.
fn with_bait(mut right: Value) -> Value {
    let more = json!({
        "event_template": half_made(),
        "to_sign": format!("scaiwave-event-v1\n{{\"{BAIT}\":1}}"),
        "sender": "@root:a.example",
        "actor": "@root:a.example",
        "content": { "reason": BAIT },
        "state": [half_made()],
        "ts": 1,
    });
    let members = right.as_object_mut().unwrap();
    for (name, value) in more.as_object().unwrap() {
        members.entry(name.clone()).or_insert(value.clone());
    }
    // What says which room it is about says another one.
    members.insert("room_id".to_owned(), half_made()["room_id"].clone());
    right
}

/// The JSON after a prefix.
fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Case S-07: with a hostile host, too, a server signs what its own user asked for, and nothing that was handed to it.
#[tokio::test]
async fn everything_that_is_signed_was_composed_here() {
    let (home, host, fake) = hosted(Host::open()).await;
    let answering = Arc::clone(&host);
    fake.respond_from_now_on(move |asked| answers(&mut answering.lock().unwrap(), asked));
    home.server.create("root", &[Role::TenantAdmin]).await;
    let own = home.server.app.keys().current(&home.tenant()).unwrap();
    recorded::begin(own.key_id());

    let invitation = with_bait(host.lock().unwrap().invites());
    accept(&home, &invitation).await;
    let room = Host::room();
    let said = home.say(room, "hello").await;
    let path = format!("/v1/rooms/{room}/leave");
    home.ask(Method::POST, &path, json!({})).await;
    until("the host hears that she left", async || {
        let host = host.lock().unwrap();
        let mut delivered = host.delivered.iter();
        delivered.any(|event| event["type"] == "swp.room.leave")
    })
    .await;

    let (mut events, mut requests, mut others) = (Vec::new(), Vec::new(), 0);
    for message in recorded::of(own.key_id()) {
        let text = String::from_utf8(message).unwrap();
        assert!(!text.contains(BAIT), "{text}");
        assert!(!text.contains("root"), "{text}");
        assert!(
            !text.contains("018f0000-0000-8000-8000-000000000001"),
            "{text}"
        );
        match text.split_once('\n').unwrap() {
            ("scaiwave-event-v1", event) => events.push(json_of(event)),
            ("scaiwave-request-v1", request) => requests.push(json_of(request)),
            ("scaiwave-profile-v1", profile) => {
                assert_eq!(json_of(profile)["fqid"], ALICE);
                others += 1;
            }
            ("scaiwave-descriptor-v1", descriptor) => {
                assert_eq!(json_of(descriptor)["server_name"], "a.example");
                others += 1;
            }
            (line, rest) => {
                assert!(line.starts_with("\"@method\": "), "unknown purpose: {text}");
                assert!(rest.starts_with("\"@authority\": h.example\n"), "{text}");
                others += 1;
            }
        }
    }
    assert!(others > 3, "requests were signed, too");

    // She asked to join, and nobody else asked for anything.
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(
        (&request["action"], &request["actor"]),
        (&json!("join"), &json!(ALICE))
    );
    assert_eq!(request["room_id"], json!(room));
    assert_eq!(request["host"], "h.example");
    let names: Vec<_> = request["content"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["after", "key", "profile"]);

    // She said something, and left.
    let kinds: Vec<_> = events.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(kinds, ["swp.room.message", "swp.room.leave"]);
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["room_id"], json!(room));
        assert_eq!(
            (&event["origin"], &event["sender"]),
            (&json!("a.example"), &json!(ALICE))
        );
        assert_eq!(event["seq"], json!(at + 1));
        let id: EventId = event["event_id"].as_str().unwrap().parse().unwrap();
        let on = home.server.app.db().reader();
        let stored = store::by_id(&home.tenant(), on, id).await.unwrap().unwrap();
        assert_eq!(
            stored.event.content_hash.to_string(),
            event["content_hash"].as_str().unwrap()
        );
        let content = stored.event.content.clone().unwrap();
        match at {
            0 => assert_eq!(content, json!({ "body": "hello" })),
            _ => assert_eq!(content["reason"], Value::Null),
        }
    }
    assert_eq!(json!(said), events[0]["event_id"]);

    // What came along has no effect either.
    let own_log = log(&home.server, room, home.tenant().server_name()).await;
    assert_eq!(own_log.len(), 2);
    let path = "/v1/me/invitations";
    let invitations = ask(&home.server, "root", Method::GET, path, json!({})).await;
    assert_eq!(invitations, json!([]));
    let members = rows(&home.server).await.remove("members").unwrap();
    assert!(members.iter().all(|row| !row.contains("root")));
    is_sound(&home.server).await;
}
