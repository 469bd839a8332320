//! Vectors of judgement: whole rooms, verified by the keys that their logs bring, and delivered to servers in one order and
//! another; each of them ends with the room that is stated.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::runtime::Runtime;

use super::logs::delivered;
use super::{Ignored, compare, read};
use crate::app::test_server::Server;
use crate::events::core::event::Event;
use crate::events::core::verified::Verified;
use crate::events::store::contents;
use crate::federation::exchange::pages::Keys;
use crate::rooms::core::content::OriginKey;
use crate::rooms::judgement_tests::end::End;
use crate::rooms::timeline::{Page, Part, Receipt};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRoom {
    #[serde(rename = "name")]
    _name: Ignored,
    events: Vec<Box<RawValue>>,
    expect: Stated,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Stated {
    verdicts: Vec<String>,
    members: Value,
    room: Value,
    messages: Value,
}

/// Servers that live as long as the test, one for each order of arrival: their rooms are told apart by their ids.
struct Played {
    runtime: Runtime,
    servers: Vec<Server>,
}

impl Played {
    fn start() -> Played {
        let runtime = Runtime::new().unwrap();
        let servers = runtime.block_on(async {
            let mut servers = Vec::new();
            for _ in ORDERS {
                servers.push(Server::start(&[]).await);
            }
            servers
        });
        Played { runtime, servers }
    }
}

thread_local! {
    static PLAYED: Played = Played::start();
}

/// Where an event comes in an order of arrival: whether it is the host's, its number as written, and its log.
type Order = fn(bool, usize, &Event) -> (usize, String, i64, i64, usize);

/// As written; the host's log first; the host's log last; two branches of a log the other way round; the host's state first,
/// as somebody gets it who joins, and what stands between it later. The create event is always the first.
const ORDERS: [Order; 5] = [
    |_, number, _| (number, String::new(), 0, 0, 0),
    |is_hosts, number, event| by_log(usize::from(!is_hosts), number, event),
    |is_hosts, number, event| by_log(usize::from(is_hosts), number, event),
    |is_hosts, number, event| by_log(usize::from(!is_hosts), usize::MAX - number, event),
    |is_hosts, number, event| {
        let is_state = is_hosts && event.event_type.is_state();
        by_log(usize::from(!is_state), number, event)
    },
];
/// The one of them in which the state comes by itself.
const STATE_FIRST: usize = 4;

fn by_log(rank: usize, number: usize, event: &Event) -> (usize, String, i64, i64, usize) {
    let origin = event.origin.to_string();
    (rank, origin, event.epoch, event.seq, number)
}

pub(super) fn room(vector: &str) -> Result<(), String> {
    let OfRoom { events, expect, .. } = read(vector)?;
    let events: Result<Vec<_>, _> = events.iter().map(|event| delivered(event)).collect();
    let events = verified(events?)?;
    PLAYED.with(|played| {
        for (index, (server, order)) in played.servers.iter().zip(ORDERS).enumerate() {
            let part = |event: &Event| match event.event_type.is_state() {
                true if index == STATE_FIRST && event.origin == events[0].origin => Part::State,
                _ => Part::Beginning,
            };
            let found = played.runtime.block_on(end(server, &events, order, &part));
            compare(&expect, &found).map_err(|error| format!("order {index}: {error}"))?;
        }
        Ok(())
    })
}

/// Verifies the host's log first, since it names the keys of the others; the order stays.
fn verified(events: Vec<Event>) -> Result<Vec<Verified<Event>>, String> {
    let create = events.first().ok_or("no events")?;
    let host = create.origin.clone();
    let content = create.content.as_ref().ok_or("no create event")?;
    let key: OriginKey = serde_json::from_value(content["key"].clone())
        .map_err(|error| format!("no key: {error}"))?;
    let key = key.public_key.parse().map_err(|_| "no key")?;
    let mut keys = Keys::beginning(host.clone(), key);
    let mut verified = BTreeMap::new();
    let numbered = || events.iter().enumerate();
    let hosts = numbered().filter(|(_, event)| event.origin == host);
    let others = numbered().filter(|(_, event)| event.origin != host);
    for (number, event) in hosts.chain(others) {
        let event = keys.verify(event.clone());
        verified.insert(number, event.map_err(|error| format!("{number}: {error}"))?);
    }
    Ok(verified.into_values().collect())
}

/// What a server makes of the room once everything has come, and what had no place when it came, or lost a content that
/// counts after all, has come again.
async fn end(
    server: &Server,
    events: &[Verified<Event>],
    order: Order,
    part: &impl Fn(&Event) -> Part,
) -> Stated {
    let host = &events[0].origin;
    let mut waiting: Vec<_> = events.iter().enumerate().collect();
    waiting.sort_by_key(|(number, event)| match number {
        0 => (0, String::new(), 0, 0, 0),
        number => order(event.origin == *host, *number, event),
    });
    loop {
        let before = waiting.len();
        let mut refused = Vec::new();
        for (number, event) in waiting {
            if !has_place(server, event, part(event)).await {
                refused.push((number, event));
            }
        }
        waiting = refused;
        if waiting.len() == before || waiting.is_empty() {
            break;
        }
    }
    let (tenant, db) = (server.app.tenants().first().unwrap(), server.app.db());
    let (room_id, now) = (events[0].room_id, server.app.now());
    let lost = contents::wanted(&tenant, db, room_id, host, now, 100).await;
    for lost in lost.unwrap() {
        let whole = events.iter().find(|event| event.event_id == lost.event_id);
        let whole = whole.unwrap();
        has_place(server, whole, part(whole)).await;
    }
    let end = End::of(&server.app, room_id).await;
    let verdict = |event: &Verified<Event>| match end.verdicts.get(&event.event_id) {
        Some(verdict) => verdict.clone(),
        // It is in no log: on the other branch of a fork, or excluded. State from a fork on joins no chain.
        None if event.origin == *host && event.event_type.is_state() => "WAIT".to_owned(),
        None if end.frozen.contains(&event.origin.to_string()) => "FROZEN".to_owned(),
        None => "VOID".to_owned(),
    };
    let shown = events.iter().enumerate().filter_map(|(number, event)| {
        let mut message = end.messages.get(&event.event_id)?.clone();
        message["event"] = number.into();
        Some(message)
    });
    Stated {
        verdicts: events.iter().map(verdict).collect(),
        members: end.members,
        messages: shown.collect(),
        room: end.room,
    }
}

/// Delivers an event in a page of its own; whether it has its place.
async fn has_place(server: &Server, event: &Verified<Event>, part: Part) -> bool {
    let page = Page {
        tenant: server.app.tenants().first().unwrap(),
        deliverer: event.origin.clone(),
        events: vec![event.clone()],
        part,
    };
    let receipts = server.app.timeline().receive(page).await.unwrap();
    match receipts.into_inner().as_slice() {
        [Receipt::Accepted | Receipt::Duplicate] => true,
        [Receipt::Rejected { placed, .. }] => *placed,
        _ => false,
    }
}
