//! What must be equal at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use futures::future::join_all;
use serde_json::{Value, json};

use super::CONVERGENCE;
use super::writers::{Fate, Ledger};
use crate::support::{Person, Server, Table, rows};

/// What all servers must show alike of one event: everything but positions and what is the reader's own.
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
fn by_id(history: &[Value]) -> Events {
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

type Events = BTreeMap<String, Value>;

/// Waits until all servers show the same room to their readers, one each, then checks that it is the right one.
pub(crate) async fn converge(readers: &[&Person], room: &str, ledger: &Ledger) {
    let began = Instant::now();
    let events = loop {
        let shown = join_all(readers.iter().map(|reader| reader.history(room))).await;
        let shown: Vec<_> = shown.iter().map(|history| by_id(history)).collect();
        let (first, others) = shown.split_first().unwrap();
        let complete = ledger.fates().keys().all(|event| first.contains_key(event));
        if complete && others.iter().all(|other| other == first) {
            break first.clone();
        }
        if began.elapsed() > CONVERGENCE {
            panic!("the servers do not agree: {}", differences(&shown));
        }
    };
    eprintln!("the servers agreed after {:?}", began.elapsed());
    everything_acknowledged_is_there(&events, ledger);
    let (first, others) = readers.split_first().unwrap();
    let (members_there, rights_there) = (members(first, room).await, rights(first, room).await);
    for reader in others {
        everybody_reacted(reader, room, ledger).await;
        assert_eq!(members(reader, room).await, members_there);
        assert_eq!(rights(reader, room).await, rights_there);
    }
}

/// What it takes to do something in the room.
async fn rights(person: &Person, room: &str) -> Value {
    let path = format!("/v1/rooms/{room}/power-levels");
    person.api.get(&path).await.data()
}

/// The first events that are not alike everywhere, as each server shows them.
fn differences(shown: &[Events]) -> String {
    let keys: BTreeSet<_> = shown.iter().flat_map(BTreeMap::keys).collect();
    let differ = |key: &&String| {
        let mut each = shown.iter().map(|events| events.get(*key));
        let first = each.next();
        each.any(|event| Some(event) != first)
    };
    let differing: Vec<_> = keys.into_iter().filter(differ).collect();
    let mut text = format!(
        "{} of {:?} events differ",
        differing.len(),
        shown.iter().map(BTreeMap::len).collect::<Vec<_>>()
    );
    for key in differing.iter().take(5) {
        for (server, events) in shown.iter().enumerate() {
            text += &format!("\n {server}: {:?}", events.get(*key));
        }
    }
    text
}

/// Every message that a server acknowledged is there byte for byte, and no other; one by somebody whose rights came and
/// went may have been judged void, by all servers alike.
fn everything_acknowledged_is_there(events: &Events, ledger: &Ledger) {
    let fates = ledger.fates();
    assert_eq!(
        fates.len(),
        ledger.len(),
        "every text was acknowledged under an id of its own"
    );
    let mut shown: BTreeMap<_, _> = events
        .iter()
        .filter(|(_, event)| event["event_type"] == "swp.room.message")
        .map(|(id, event)| (id.clone(), fate(event)))
        .collect();
    let disputed = ledger.disputed();
    shown.retain(|id, fate| match fate {
        Fate::Text(text) => match disputed.get(text) {
            Some(Some(acknowledged)) => {
                assert_eq!(id, acknowledged, "{text}");
                false
            }
            // The answer was lost.
            Some(None) => false,
            None => true,
        },
        _ => true,
    });
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

/// The reactions to a sample of messages, in full, as another server shows them.
async fn everybody_reacted(reader: &Person, room: &str, ledger: &Ledger) {
    let expected = ledger.reactions();
    let sample: BTreeSet<_> = expected
        .iter()
        .map(|(event, ..)| event.clone())
        .step_by(50)
        .collect();
    for event in sample {
        let path = format!("/v1/rooms/{room}/events/{event}/reactions?limit=200");
        let shown = reader.api.get(&path).await.data();
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

/// Compares the room's logs in the databases of stopped servers: their ends, and each event's place, verdict and content.
pub(crate) async fn logs_are_equal(servers: &[&Server], room: &str, ledger: &Ledger) {
    heads_are_equal(servers, room).await;
    let events = "SELECT event_id || ' ' || origin || ' ' || epoch || ' ' || seq || ' ' || hash || ' ' || verdict || ' ' \
         || COALESCE(content, 'none') FROM events";
    let events = alike(servers, events, room).await;
    for event in ledger.disputed().values().flatten() {
        let is_there = events.iter().any(|row| row.starts_with(event));
        assert!(is_there, "{event} was acknowledged");
    }
}

/// Compares the ends of the room's logs in the databases of stopped servers.
pub(crate) async fn heads_are_equal(servers: &[&Server], room: &str) {
    let ends = "SELECT origin || ' ' || epoch || ' ' || seq || ' ' || hash FROM logs";
    let ends = alike(servers, ends, room).await;
    assert_eq!(ends.len(), servers.len(), "a log of each server: {ends:?}");
}

/// What all servers have alike of the room.
async fn alike(servers: &[&Server], what: &str, room: &str) -> Table {
    let sql = format!("{what} WHERE room_id = '{room}'");
    let mut tables = Vec::with_capacity(servers.len());
    for server in servers {
        tables.push(rows(server.backend(), &server.database_url(), &sql).await);
    }
    let first = tables.swap_remove(0);
    for other in &tables {
        let parting = first.iter().zip(other).find(|(one, other)| one != other);
        assert_eq!(parting, None, "{what}");
        assert_eq!(first.len(), other.len(), "{what}");
    }
    first
}
