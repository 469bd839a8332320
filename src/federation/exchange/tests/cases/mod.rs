//! What went wrong elsewhere, played here from its beginning to its end.

mod batches;
mod cut_off;
mod pages;
mod relayed;
mod signing;
mod stolen_key;

use std::collections::BTreeMap;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{Home, Log, Peer};
use crate::app::test_server::{PASSWORD, START, Server};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::Draft;
use crate::events::model::Placed;
use crate::events::store;
use crate::federation::client::fake_peer::Received;
use crate::federation::core::policy::PolicyChange;
use crate::tenants::Tenant;

/// For what takes no time but that of the machine.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// Waits until something is so.
pub(super) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(DEADLINE, waiting).await;
    assert!(waited.is_ok(), "{what}: not within {DEADLINE:?}");
}

/// A free port of the loopback, and the URL that leads there.
async fn address() -> (TcpListener, String) {
    let at = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", at.local_addr().unwrap());
    (at, url)
}

fn tenant(of: &Server) -> Tenant {
    of.app.tenants().first().unwrap()
}

/// Lets a server deal with others.
async fn allow(server: &Server, names: &[&str]) {
    let change = PolicyChange {
        allowed_peers: Some(names.iter().map(ToString::to_string).collect()),
        ..PolicyChange::default()
    };
    let policies = server.app.federation().policies();
    policies
        .change(&tenant(server), change, START)
        .await
        .unwrap();
}

/// A request of somebody's client.
async fn ask(server: &Server, who: &str, method: Method, path: &str, body: Value) -> Value {
    let token = server.sign_in(who, PASSWORD).await.data("access_token");
    let answer = server.ask(method, path, Some(&token), body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    answer.body["data"].clone()
}

/// The texts of a room's messages as somebody reads them, oldest first; null: nothing is shown.
pub(super) async fn texts(server: &Server, who: &str, room: RoomId) -> Vec<Value> {
    let path = format!("/v1/rooms/{room}/messages?direction=forward&limit=200");
    let page = ask(server, who, Method::GET, &path, json!({})).await;
    let rows = page.as_array().unwrap().iter();
    let messages = rows.filter(|row| row["event_type"] == "swp.room.message");
    messages.map(|row| row["content"]["body"].clone()).collect()
}

/// One origin's log as a server holds it.
pub(super) async fn log(of: &Server, room: RoomId, origin: &ServerName) -> Vec<Placed> {
    let (db, tenant) = (of.app.db(), tenant(of));
    let page = store::log_page(&tenant, db, room, origin, (1, 0), 1000).await;
    page.unwrap()
}

/// Where all logs of a room end, and with which hashes.
async fn heads(of: &Server, room: RoomId) -> Vec<String> {
    let ends = store::logs::ends(&tenant(of), of.app.db().reader(), room).await;
    let ends = ends.unwrap().into_iter();
    let mut heads: Vec<_> = ends
        .map(|end| format!("{} {} {} {}", end.origin, end.epoch, end.seq, end.hash))
        .collect();
    heads.sort();
    heads
}

/// All rows but those of the journal and of sign-ins, by their tables.
async fn rows(of: &Server) -> BTreeMap<String, Vec<String>> {
    let reader = of.app.db().reader();
    let names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
         AND name NOT IN ('federation_rejected', 'sessions', 'refresh_replacements')";
    let names: Vec<String> = sqlx::query_scalar(names).fetch_all(reader).await.unwrap();
    let mut tables = BTreeMap::new();
    for name in names {
        let columns = "SELECT group_concat('quote(\"' || name || '\")', ' || '','' || ') FROM pragma_table_info($1)";
        let columns: String = sqlx::query_scalar(columns)
            .bind(&name)
            .fetch_one(reader)
            .await
            .unwrap();
        let all = sqlx::AssertSqlSafe(format!("SELECT {columns} FROM \"{name}\""));
        let mut all: Vec<String> = sqlx::query_scalar(all).fetch_all(reader).await.unwrap();
        all.sort();
        tables.insert(name, all);
    }
    tables
}

/// Everything that was refused, newest first: who delivered it, which event it was, and the check that failed.
async fn journal(of: &Server) -> Vec<(String, Option<String>, i64)> {
    let page = crate::federation::store::journal::page(&tenant(of), of.app.db(), None, 100).await;
    let entries = page.unwrap().into_iter();
    entries
        .map(|entry| (entry.peer, entry.event_id, entry.check_no))
        .collect()
}

/// Nothing in the store contradicts itself.
pub(super) async fn is_sound(server: &Server) {
    let checked = crate::rooms::verify::tenant(&tenant(server), server.app.db()).await;
    checked.unwrap();
}

/// The server does nothing by itself from here on, only what it is asked.
fn rests(server: &Server) {
    server.app.stop().cancel();
}

/// Appends an event to a log as its server does, with this key; as it goes over the wire.
fn append(log: &mut Log, draft: Draft, key: &KeyPair) -> Value {
    let event = draft.sign(key).unwrap();
    let value = event.to_value();
    log.events.push(event);
    value
}

/// What the next message would be.
fn message(log: &Log, peer: &Peer, sender: &str, body: &str) -> Draft {
    let content = json!({ "msgtype": "swp.text", "body": body });
    log.draft(peer, sender, EventType::ROOM_MESSAGE, content)
}

/// Delivers events and answers what became of each: `accepted`, or the code and whether it took its place.
async fn outcomes(home: &Home, peer: &Peer, events: &[Value]) -> Vec<String> {
    let mut all = Vec::new();
    for batch in events.chunks(100) {
        all.extend(peer.deliver(home, batch).await);
    }
    let word = |result: &Value| match result["error"]["code"].as_str() {
        Some(code) if result["placed"] == true => format!("{code} placed"),
        Some(code) => format!("{code} stalled"),
        None => result["status"].as_str().unwrap().to_owned(),
    };
    all.iter().map(word).collect()
}

/// An answer of a played server.
pub(super) fn answer(body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

/// What a played server answers to `backfill` from these events.
pub(super) fn page(events: &[Value], asked: &Received) -> Value {
    let asks = |name: &str, value: &str| asked.line.contains(&format!("{name}={value}&"));
    let wanted = events.iter().filter(|event| {
        let origin = event["origin"].as_str().unwrap();
        asks("origin", origin)
    });
    let after = asked.line.split("after_seq=").nth(1).unwrap();
    let after: i64 = after.split('&').next().unwrap().parse().unwrap();
    let rest: Vec<_> = wanted
        .filter(|event| event["seq"].as_i64().unwrap() > after)
        .collect();
    json!({ "events": rest, "has_more": false })
}

/// The position of an event that goes over the wire.
pub(super) fn position(event: &Value) -> Value {
    let mut envelope = event.clone();
    for member in ["content", "salt"] {
        envelope.as_object_mut().unwrap().remove(member);
    }
    let hash = Event::from_value(envelope).unwrap().hash();
    json!({ "epoch": event["epoch"], "seq": event["seq"], "hash": hash })
}
