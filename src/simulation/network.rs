//! The way of events from one server to another: pages of logs, whole or not, from whoever holds them; the event with which
//! two branches of a log part; and the evidence of it that servers tell each other.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{Rng, RngExt};
use serde_json::Value;

use super::node::Node;
use crate::events::core::chain::Gap;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::store;
use crate::events::store::contents::{self, Missing};
use crate::federation::exchange::pages::Keys;
use crate::federation::exchange::{catch_up, forks};
use crate::federation::store::outbox;
use crate::rooms::timeline::Part;

/// Events in one page.
const PAGE: usize = 20;

/// What one delivery does to the events that it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// The next events, whole.
    Faithful,
    /// Some that were there already come again, and the next ones with them.
    Repeating,
    /// The next event is lost, those behind it come.
    Gapped,
    /// The next events, in another order.
    Shuffled,
    /// Some contents are left out, as by somebody who has not got them.
    Bare,
    /// Some contents are other ones, as by a liar.
    Forged,
    /// Some envelopes are other ones than those that were signed.
    Tampered,
}

/// The number of an event in its log, epochs included.
pub(super) fn place_of(event: &Event) -> (i64, i64) {
    (event.epoch, event.seq)
}

/// Takes a page of one log to a server, as `deliverer`. `true`: the receiver's log ends elsewhere now.
pub(super) async fn deliver(
    to: &Node,
    room: RoomId,
    deliverer: &ServerName,
    log: &[Event],
    manner: Manner,
    rng: &mut StdRng,
) -> bool {
    let Some(origin) = log.first().map(|event| event.origin.clone()) else {
        return false;
    };
    let before = to.head(room, &origin).await;
    let end = log.partition_point(|event| place_of(event) <= before.order());
    let from = match manner {
        Manner::Repeating => end.saturating_sub(rng.random_range(1..5)),
        Manner::Gapped => end + 1,
        _ => end,
    };
    let events = log.iter().skip(from).take(rng.random_range(1..=PAGE));
    let mut events: Vec<Event> = events.map(|event| spoilt(event, manner, rng)).collect();
    if manner == Manner::Shuffled {
        for last in (1..events.len()).rev() {
            events.swap(last, rng.random_range(0..=last));
        }
    }
    receive(to, room, deliverer, events).await;
    to.head(room, &origin).await != before
}

fn spoilt(event: &Event, manner: Manner, rng: &mut impl Rng) -> Event {
    let mut event = event.clone();
    let spoils = matches!(manner, Manner::Bare | Manner::Forged | Manner::Tampered);
    if !spoils || !rng.random_bool(0.4) {
        return event;
    }
    match manner {
        Manner::Bare => {
            event.content = None;
            event.salt = None;
        }
        Manner::Forged if event.content.is_some() => {
            event.content = Some(serde_json::json!({"body": "forged"}));
        }
        Manner::Tampered if rng.random_bool(0.5) => event.ts += 1,
        // Its id still fits to it.
        Manner::Tampered => event.state_seq += 1,
        _ => {}
    }
    event
}

/// Hands events to a server.
pub(super) async fn receive(to: &Node, room: RoomId, deliverer: &ServerName, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    to.has_moved.set(true);
    let (app, tenant) = (to.app(), to.tenant());
    let keys = Keys::load(app, &tenant, room, None).await.unwrap();
    catch_up::place(app, &tenant, deliverer, keys, events, Part::Log)
        .await
        .unwrap();
}

/// Hands a room's first log to a server that joins it: whole, or as of a long one the state first, and the rest later.
pub(super) async fn begin(to: &Node, room: RoomId, host: &Node, is_long: bool) {
    let mut log = host.log(room, &host.name).await;
    log.retain(|placed| {
        let of = &placed.event.event_type;
        !is_long || of.is_state() || of.is_of_log()
    });
    let events = log.iter().map(|placed| (*placed.event).clone()).collect();
    let part = match is_long {
        true => Part::State,
        false => Part::Beginning,
    };
    let (app, tenant) = (to.app(), to.tenant());
    let pinned = Some((host.name.clone(), host.keys.clone()));
    let keys = Keys::load(app, &tenant, room, pinned).await.unwrap();
    catch_up::place(app, &tenant, &host.name, keys, events, part)
        .await
        .unwrap();
}

/// Brings what is missing between the state events of the host's log. `true`: something came.
pub(super) async fn fill_gaps(to: &Node, from: &Node, room: RoomId, host: &ServerName) -> bool {
    let before = gaps(to, room).await;
    if before.is_empty() {
        return false;
    }
    let log = from.log(room, host).await;
    for gap in &before {
        let within = log.iter().filter(|placed| gap.holds(placed.event.seq));
        let events = within.map(|placed| (*placed.event).clone()).collect();
        receive(to, room, &from.name, events).await;
    }
    gaps(to, room).await != before
}

async fn gaps(of: &Node, room: RoomId) -> Vec<Gap> {
    let (tenant, on) = (of.tenant(), of.app().db().reader());
    let found = store::gaps::of_room(&tenant, on, room).await.unwrap();
    found.into_iter().map(|(_, gap)| gap).collect()
}

/// The logs of which a server lacks contents that it would ask `holder` for.
pub(super) async fn lacks_contents_of(
    to: &Node,
    room: RoomId,
    holder: &ServerName,
) -> BTreeSet<ServerName> {
    let wanted = wanted(to, room, holder).await;
    wanted.into_iter().map(|missing| missing.origin).collect()
}

async fn wanted(to: &Node, room: RoomId, holder: &ServerName) -> Vec<Missing> {
    let (app, tenant) = (to.app(), to.tenant());
    let wanted = contents::wanted(&tenant, app.db(), room, holder, app.now(), 1000);
    wanted.await.unwrap()
}

/// Brings the contents that a server lacks and `holder` has in one of these logs. `true`: there were some.
pub(super) async fn bring_contents(
    to: &Node,
    room: RoomId,
    holder: &ServerName,
    logs: &[Vec<Event>],
) -> bool {
    let mut found = false;
    for missing in wanted(to, room, holder).await {
        let held = logs
            .iter()
            .flatten()
            .find(|event| event.event_id == missing.event_id);
        let held = held.filter(|event| event.content.is_some()).cloned();
        found |= held.is_some();
        receive(to, room, holder, held.into_iter().collect()).await;
    }
    found
}

/// Compares a log with the branch of it that `holder` has: the first event that differs is placed beside the one that is
/// here. `true`: that moved the log's end.
pub(super) async fn compare(
    to: &Node,
    room: RoomId,
    holder: &ServerName,
    theirs: &[Event],
) -> bool {
    let Some(origin) = theirs.first().map(|event| event.origin.clone()) else {
        return false;
    };
    let end = to.log_end(room, &origin).await;
    let Some(end) = end.filter(|end| end.forked_at.is_none()) else {
        return false;
    };
    let ours = to.log(room, &origin).await;
    let parts = theirs.iter().find(|event| {
        let here = ours
            .iter()
            .find(|placed| event.epoch == end.epoch && place_of(&placed.event) == place_of(event));
        here.is_some_and(|placed| placed.hash != event.hash())
    });
    let Some(event) = parts.cloned() else {
        return false;
    };
    let (app, tenant) = (to.app(), to.tenant());
    forks::bring(app, &tenant, holder, event).await.unwrap();
    to.log_end(room, &origin).await != Some(end)
}

/// Takes what a server has to tell another one of forks there. `true`: there was something.
pub(super) async fn tell_evidence(from: &Node, to: &Node) -> bool {
    let (app, tenant) = (from.app(), from.tenant());
    let mut any = false;
    while let Some(job) = outbox::next_job(&tenant, app.db(), &to.name, i64::MAX)
        .await
        .unwrap()
    {
        if job.kind == "evidence" {
            let mut body: Value = serde_json::from_str(&job.body).unwrap();
            for event in body["events"].as_array_mut().unwrap() {
                let event = Event::from_value(event.take()).unwrap();
                receive(to, event.room_id, &from.name, vec![event]).await;
            }
            any = true;
        }
        let mut tx = app.db().begin().await.unwrap();
        outbox::remove_job(&tenant, &mut tx, job.id).await.unwrap();
        tx.commit(()).await.unwrap();
    }
    any
}
