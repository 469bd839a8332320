//! The whole way of a peer's pages, through the writer into the database, against the oracle and against each other.

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sqlx::Row;
use tokio::runtime::Runtime;

use super::oracle::Oracle;
use super::rule::in_some_order;
use super::script::script;
use super::world::{SERVERS, World, key, server};
use crate::app::App;
use crate::app::test_server::Server;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::core::verified::{self, Verified};
use crate::events::model::Standing;
use crate::rooms::timeline::{Page, Part, Receipt};
use crate::rooms::{rebuild, verify};

/// Each room is written to two databases: fewer of them are made up than where nothing but memory is used.
fn cases() -> Config {
    let usual = Config::default();
    Config {
        cases: (usual.cases / 8).max(1),
        ..usual
    }
}

/// In which order and in which pages events arrive, which arrive again, and which first come without their content.
#[derive(Clone, Debug)]
struct Arrival {
    order: Vec<usize>,
    pages: Vec<usize>,
    again: Vec<usize>,
    bare: Vec<bool>,
    /// In which order the contents follow.
    later: Vec<usize>,
}

fn arrival() -> impl Strategy<Value = Arrival> {
    let (order, pages, again) = (
        vec(0..6_usize, 1..60),
        vec(1..12_usize, 1..8),
        vec(0..100_usize, 0..6),
    );
    let bare = vec(prop::bool::weighted(0.1), 1..60);
    let later = vec(0..6_usize, 1..60);
    (order, pages, again, bare, later).prop_map(|(order, pages, again, bare, later)| Arrival {
        order,
        pages,
        again,
        bare,
        later,
    })
}

/// The event as it comes from somebody who has not got its content.
fn without_content(event: &Verified<Event>) -> Verified<Event> {
    let mut bare = event.clone().into_inner();
    bare.content = None;
    bare.salt = None;
    let index = SERVERS
        .iter()
        .position(|name| *name == bare.origin.as_str())
        .unwrap();
    verified::verify(bare, key(index).public_key()).unwrap()
}

async fn receive(to: &Server, events: Vec<Verified<Event>>) -> Vec<Receipt> {
    let page = Page {
        tenant: to.app.tenants().first().unwrap(),
        deliverer: server(0),
        events,
        part: Part::Beginning,
    };
    to.app.timeline().receive(page).await.unwrap().into_inner()
}

/// Delivers a room; what was delivered before comes again in the middle of what is new. Contents that were left out follow
/// in any order, with everything else once more.
async fn deliver(to: &Server, world: &World, arrival: &Arrival) {
    receive(to, vec![world.logs[0][0].clone()]).await;
    let order = in_some_order(world, &arrival.order);
    let mut rest = order.as_slice();
    let mut again = arrival.again.iter();
    for most in arrival.pages.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (page, later) = rest.split_at((*most).min(rest.len()));
        let known = &order[..order.len() - rest.len()];
        let mut events: Vec<_> = page
            .iter()
            .map(|event| match is_bare(arrival, event) {
                true => without_content(event),
                false => (*event).clone(),
            })
            .collect();
        let mut repeated = None;
        if let (Some(choice), false) = (again.next(), known.is_empty()) {
            let place = choice % events.len();
            events.insert(place, known[choice % known.len()].clone());
            repeated = Some(place);
        }
        let receipts = receive(to, events).await;
        for (index, receipt) in receipts.iter().enumerate() {
            assert_eq!(*receipt == Receipt::Duplicate, repeated == Some(index));
        }
        rest = later;
    }
    if arrival.bare.contains(&true) {
        for event in in_some_order(world, &arrival.later) {
            assert_eq!(receive(to, vec![event.clone()]).await, [Receipt::Duplicate]);
        }
    }
}

/// Never the create event: without its content there is no room.
fn is_bare(arrival: &Arrival, event: &Event) -> bool {
    let number = usize::try_from(event.seq).unwrap() + event.origin.as_str().len();
    event.event_type != EventType::ROOM_CREATE && arrival.bare[number % arrival.bare.len()]
}

/// What a server has of an event.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    pub(crate) verdict: String,
    pub(crate) has_content: bool,
}

pub(crate) async fn held(by: &App, room_id: RoomId) -> BTreeMap<String, Held> {
    let sql = "SELECT event_id, verdict, CASE WHEN content IS NULL THEN 0 ELSE 1 END AS has FROM events WHERE room_id = $1";
    let rows = sqlx::query(sql)
        .bind(room_id.to_string())
        .fetch_all(by.db().reader())
        .await
        .unwrap();
    let held = rows.iter().map(|row| {
        let held = Held {
            verdict: row.get("verdict"),
            has_content: row.get::<i64, _>("has") == 1,
        };
        (row.get("event_id"), held)
    });
    held.collect()
}

/// Everything that clients could be told of a room, without the positions of this server. Whether an own leave is shown,
/// or the host's record of it, is left out: that depends on which of them was here first, and whether the join was. What is
/// shown to nobody because its content is missing stands like what is void, and an edit that was erased like one that was
/// so before it came.
pub(crate) async fn told(by: &App, room_id: RoomId) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for sql in [
        "SELECT e.event_id || ' ' || CASE WHEN e.verdict = 'valid' AND e.content IS NULL
             AND (e.shown = 0 OR e.type = 'swp.room.message.edit') THEN 'void' ELSE e.verdict END || ' ' || CASE WHEN e.type = 'swp.room.leave'
             OR e.content LIKE '%recorded_leave%' OR (e.type = 'swp.room.message.edit' AND e.content IS NULL) THEN 0 ELSE e.shown END
             || ' ' || COALESCE(e.content, '-') AS line FROM events e WHERE e.room_id = $1",
        "SELECT 'changes ' || c.event_id || COALESCE(c.content, '-') || ' ' || COALESCE(c.edit_order, '-') || ' '
             || COALESCE(c.redaction_order, '-') || ' ' || COALESCE(c.redacted_by, '-') AS line
         FROM message_changes c JOIN events e ON e.event_id = c.event_id WHERE e.room_id = $1",
        "SELECT 'reaction ' || r.event_id || r.emoji || r.participant_id || ' ' || r.change_order || ' ' || r.active AS line
         FROM reactions r JOIN events e ON e.event_id = r.event_id WHERE e.room_id = $1",
        "SELECT 'member ' || fqid || ' ' || membership || ' ' || power_level || ' ' || COALESCE(joined_at, 0) || ' '
             || changed_at AS line FROM members WHERE room_id = $1",
        "SELECT 'room ' || state || ' ' || COALESCE(name, '-') || ' ' || edit_window_seconds || ' ' || power_levels || ' '
             || member_count AS line FROM rooms WHERE id = $1",
        "SELECT 'end ' || origin || ' ' || seq || ' ' || hash || ' ' || state_seq AS line FROM logs WHERE room_id = $1",
    ] {
        let rows = sqlx::query(sql)
            .bind(room_id.to_string())
            .fetch_all(by.db().reader())
            .await
            .unwrap();
        found.extend(rows.iter().map(|row| row.get::<String, _>("line")));
    }
    found
}

/// Whether a server that follows the rule still has the event's content: redactions and void events leave none, but for the
/// host's state.
pub(crate) fn keeps_content(oracle: &Oracle<'_>, event: &Event) -> bool {
    let is_hosts_state = event.event_type.is_state() && event.origin == server(0);
    is_hosts_state || (oracle.verdict(event) != Standing::Void && !oracle.is_erased(event))
}

#[test]
fn two_servers_end_with_the_same_room_whatever_the_order_the_pages_and_the_repetitions() {
    let runtime = Runtime::new().unwrap();
    let (one, other) = runtime.block_on(async { (Server::local().await, Server::local().await) });
    let rooms = std::cell::Cell::new(0);
    let mut runner = TestRunner::new(cases());
    let strategy = (script(), arrival(), arrival());
    let outcome = runner.run(&strategy, |(script, first, second)| {
        rooms.set(rooms.get() + 1);
        let world = World::play(&rooms.get().to_string(), &script);
        let oracle = Oracle::new(&world);
        runtime.block_on(async {
            deliver(&one, &world, &first).await;
            deliver(&other, &world, &second).await;
            let held = held(&one.app, world.room_id).await;
            for event in world.events() {
                let expected = Held {
                    verdict: oracle.verdict(event).as_str().to_owned(),
                    has_content: keeps_content(&oracle, event),
                };
                let place = format!("{} {}", event.origin, event.seq);
                prop_assert_eq!(&held[&event.event_id.to_string()], &expected, "{}", place);
            }
            let (here, there) = (
                told(&one.app, world.room_id).await,
                told(&other.app, world.room_id).await,
            );
            let differ: Vec<_> = here.symmetric_difference(&there).collect();
            prop_assert!(differ.is_empty(), "{differ:#?}");
            Ok(())
        })
    });
    outcome.unwrap();
    runtime.block_on(async {
        let rooms = rooms.get();
        for server in [&one, &other] {
            stands_up_to_verification(server, rooms).await;
        }
    });
}

/// The store verifies, and the rows made anew from the logs are the same.
async fn stands_up_to_verification(server: &Server, rooms: usize) {
    let tenant = server.app.tenants().first().unwrap();
    let db = server.app.db();
    verify::tenant(&tenant, db).await.unwrap();
    let ids = (1..=rooms).map(|nonce| World::play(&nonce.to_string(), &[]).room_id);
    let mut before = Vec::new();
    for id in ids.clone() {
        before.push(told(&server.app, id).await);
    }
    rebuild::tenant(&tenant, db, server.app.now())
        .await
        .unwrap();
    for (id, before) in ids.zip(before) {
        assert_eq!(told(&server.app, id).await, before);
    }
}
