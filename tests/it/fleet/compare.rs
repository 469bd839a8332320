//! What must be equal at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde_json::{Value, json};

use super::CONVERGENCE;
use super::writers::{Fate, Ledger};
use crate::support::{Person, Server, rows};

/// What both servers must show alike of one event: everything but positions and what is the reader's own.
fn common(event: &Value) -> Value {
    let mut common = event.clone();
    let fields = common.as_object_mut().unwrap();
    for own in [
        "stream_position",
        "event_uuid",
        "sent_by",
        "reactions",
        "thread",
    ] {
        fields.remove(own);
    }
    let mut counts: Vec<_> = event["reactions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reaction| json!([reaction["emoji"], reaction["count"]]))
        .collect();
    counts.sort_by_key(Value::to_string);
    common["reactions"] = counts.into();
    // The text of a system message names each server's own people by their short name.
    if common["content"]["msgtype"] == "swp.system" {
        common["content"]["body"].take();
    }
    common
}

/// A room's history by event id; each id must be there once.
fn by_id(history: &[Value]) -> BTreeMap<String, Value> {
    let mut events = BTreeMap::new();
    for event in history {
        let id = event["id"].as_str().unwrap().to_owned();
        assert_eq!(
            events.insert(id, common(event)),
            None,
            "an event is there twice: {event}"
        );
    }
    events
}

async fn members(person: &Person, room: &str) -> BTreeSet<String> {
    let path = format!("/v1/rooms/{room}/members?limit=500");
    let members = person.api.get(&path).await.data();
    let shown = members.as_array().unwrap().iter().map(|member| {
        let participant = &member["participant"];
        json!([
            participant["fqid"],
            participant["id"],
            member["membership"],
            member["power_level"],
            member["joined_at"]
        ])
        .to_string()
    });
    shown.collect()
}

/// Waits until both sides show the same room, then checks that it is the right one.
pub(super) async fn converge(of_a: &[Person; 2], of_b: &[Person; 2], room: &str, ledger: &Ledger) {
    let began = Instant::now();
    let events = loop {
        let (on_a, on_b) = tokio::join!(of_a[0].history(room), of_b[0].history(room));
        let (on_a, on_b) = (by_id(&on_a), by_id(&on_b));
        let complete = ledger.fates().keys().all(|event| on_a.contains_key(event));
        if complete && on_a == on_b {
            break on_a;
        }
        if began.elapsed() > CONVERGENCE {
            panic!("the servers do not agree: {}", differences(&on_a, &on_b));
        }
    };
    eprintln!("the servers agreed after {:?}", began.elapsed());
    everything_acknowledged_is_there(&events, ledger);
    everybody_reacted(of_b, room, ledger).await;
    assert_eq!(members(&of_a[0], room).await, members(&of_b[0], room).await);
}

fn differences(on_a: &BTreeMap<String, Value>, on_b: &BTreeMap<String, Value>) -> String {
    let keys: BTreeSet<_> = on_a.keys().chain(on_b.keys()).collect();
    let differing: Vec<_> = keys
        .into_iter()
        .filter(|key| on_a.get(*key) != on_b.get(*key))
        .collect();
    let shown = differing
        .iter()
        .take(5)
        .map(|key| format!("\n a: {:?}\n b: {:?}", on_a.get(*key), on_b.get(*key)));
    format!(
        "{} of {} / {} events differ{}",
        differing.len(),
        on_a.len(),
        on_b.len(),
        shown.collect::<String>()
    )
}

/// Every message that a server acknowledged is there byte for byte, and no other.
fn everything_acknowledged_is_there(events: &BTreeMap<String, Value>, ledger: &Ledger) {
    let fates = ledger.fates();
    assert_eq!(
        fates.len(),
        ledger.len(),
        "every text was acknowledged under an id of its own"
    );
    let shown: BTreeMap<_, _> = events
        .iter()
        .filter(|(_, event)| event["event_type"] == "swp.room.message")
        .map(|(id, event)| (id.clone(), fate(event)))
        .collect();
    for (id, expected) in &fates {
        assert_eq!(shown.get(id), Some(expected), "{id}");
    }
    assert_eq!(shown.len(), fates.len(), "nothing that nobody sent");
}

fn fate(event: &Value) -> Fate {
    let text = |content: &Value| content["body"].as_str().unwrap_or_default().to_owned();
    if !event["redacted_at"].is_null() {
        assert_eq!(event["content"], json!({}), "{event}");
        Fate::Redacted
    } else if event["edited_at"].is_null() {
        Fate::Text(text(&event["content"]))
    } else {
        Fate::Edited {
            now: text(&event["content"]),
            before: text(&event["original_content"]),
        }
    }
}

/// The reactions to a sample of messages, in full, as the other side shows them.
async fn everybody_reacted(people: &[Person; 2], room: &str, ledger: &Ledger) {
    let expected = ledger.reactions();
    let sample: BTreeSet<_> = expected
        .iter()
        .map(|(event, ..)| event.clone())
        .step_by(50)
        .collect();
    for event in sample {
        let path = format!("/v1/rooms/{room}/events/{event}/reactions?limit=200");
        let shown = people[0].api.get(&path).await.data();
        let shown: BTreeSet<_> = shown
            .as_array()
            .unwrap()
            .iter()
            .map(|reaction| {
                [&reaction["participant_id"], &reaction["emoji"]]
                    .map(|text| text.as_str().unwrap().to_owned())
            })
            .collect();
        let of_event = expected.iter().filter(|(of, ..)| *of == event);
        let of_event: BTreeSet<_> = of_event
            .map(|(_, who, emoji)| [who.clone(), emoji.clone()])
            .collect();
        assert_eq!(shown, of_event, "reactions to {event}");
    }
}

/// Compares the ends of the room's logs in the databases of two stopped servers.
pub(super) async fn heads_are_equal(a: &Server, b: &Server, room: &str) {
    let sql = format!(
        "SELECT origin || ' ' || epoch || ' ' || seq || ' ' || hash FROM logs WHERE room_id = '{room}'"
    );
    let on_a = rows(a.backend(), &a.database_url(), &sql).await;
    let on_b = rows(b.backend(), &b.database_url(), &sql).await;
    assert_eq!(on_a.len(), 2, "a log of each server: {on_a:?}");
    assert_eq!(on_a, on_b);
}
