//! The way of events from one server to another: pages of logs, whole or not, from whoever holds them.

use rand::rngs::StdRng;
use rand::{Rng, RngExt};

use super::node::Node;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::store::contents;
use crate::federation::exchange::catch_up;
use crate::federation::exchange::pages::Keys;
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
    /// Some contents are left out, as by somebody who has not got them.
    Bare,
    /// Some contents are other ones, as by a liar.
    Forged,
}

/// Takes a page of one log to a server, as `deliverer`. `true`: the receiver's log has grown.
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
    let end = usize::try_from(to.end(room, &origin).await).unwrap();
    let from = match manner {
        Manner::Repeating => end.saturating_sub(rng.random_range(1..5)),
        Manner::Gapped => end + 1,
        _ => end,
    };
    let events = log.iter().skip(from).take(rng.random_range(1..=PAGE));
    let events: Vec<Event> = events.map(|event| spoilt(event, manner, rng)).collect();
    receive(to, room, deliverer, events).await;
    usize::try_from(to.end(room, &origin).await).unwrap() > end
}

fn spoilt(event: &Event, manner: Manner, rng: &mut impl Rng) -> Event {
    let mut event = event.clone();
    if matches!(manner, Manner::Bare | Manner::Forged) && rng.random_bool(0.4) {
        if manner == Manner::Bare {
            event.content = None;
            event.salt = None;
        } else if event.content.is_some() {
            event.content = Some(serde_json::json!({"body": "forged"}));
        }
    }
    event
}

/// Hands events to a server.
pub(super) async fn receive(to: &Node, room: RoomId, deliverer: &ServerName, events: Vec<Event>) {
    if events.is_empty() {
        return;
    }
    let (app, tenant) = (to.app(), to.tenant());
    let keys = Keys::load(app, &tenant, room, None).await.unwrap();
    catch_up::place(app, &tenant, deliverer, keys, events, Part::Log)
        .await
        .unwrap();
}

/// Hands a room's first log to a server that joins it.
pub(super) async fn begin(to: &Node, room: RoomId, host: &Node) {
    let log = host.log(room, &host.name, 0).await;
    let events = log.iter().map(|placed| (*placed.event).clone()).collect();
    let (app, tenant) = (to.app(), to.tenant());
    let pinned = Some((host.name.clone(), vec![host.key.clone()]));
    let keys = Keys::load(app, &tenant, room, pinned).await.unwrap();
    catch_up::place(app, &tenant, &host.name, keys, events, Part::Beginning)
        .await
        .unwrap();
}

/// Brings the contents that a server lacks and `holder` has in one of these logs. `true`: there were some.
pub(super) async fn bring_contents(
    to: &Node,
    room: RoomId,
    holder: &ServerName,
    logs: &[Vec<Event>],
) -> bool {
    let (app, tenant) = (to.app(), to.tenant());
    let wanted = contents::wanted(&tenant, app.db(), room, holder, app.now(), 1000);
    let mut found = false;
    for missing in wanted.await.unwrap() {
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
