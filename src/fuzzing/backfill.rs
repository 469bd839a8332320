//! Pages of a room's logs: read, verified by the keys that the logs bring, placed and judged, in one order and in another.

use std::collections::BTreeMap;

use super::events::stays_what_it_is;
use super::pages::{SERVERS, first_key, made_to_fit};
use super::{LIMITS, json};
use crate::events::core::chain::{self, Head};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::incoming;
use crate::events::core::names::ServerName;
use crate::events::core::verified::Verified;
use crate::events::model::{Placed, Standing};
use crate::federation::exchange::pages::Keys;
use crate::rooms::core::content;
use crate::rooms::core::judge::Verdict;
use crate::rooms::core::view::{RoomView, Taking};
use crate::rooms::timeline::place;

/// What `GET …/backfill` and `GET …/state` answer.
pub fn backfill_page(bytes: &[u8]) {
    if let Ok(page) = incoming::read_page(bytes, LIMITS) {
        for event in page.into_iter().filter_map(|item| item.event.ok()) {
            stays_what_it_is(&event);
        }
    }
    drop(incoming::read_lists(bytes, LIMITS, &["state"]));
    if let Some(page) = json(bytes) {
        ends_alike(&believed(made_to_fit(page)));
    }
}

/// What is believed of the logs, in the order of the page: the host's log comes first to be verified, since it names the
/// keys of the others, and each log as far as it can be followed.
pub(super) fn believed(events: Vec<Event>) -> Vec<Verified<Event>> {
    let host: ServerName = SERVERS[0].parse().expect("a server name");
    let mut keys = Keys::beginning(host.clone(), first_key(0).public_key().clone());
    let mut heads: BTreeMap<ServerName, Option<Head>> = BTreeMap::new();
    let (hosts, others): (Vec<_>, Vec<_>) = events
        .into_iter()
        .enumerate()
        .partition(|(_, event)| event.origin == host);
    let mut placed = Vec::new();
    for (index, event) in hosts.into_iter().chain(others) {
        let origin = event.origin.clone();
        // None: the log cannot be followed any further.
        let is_first = !heads.contains_key(&origin);
        let head = heads.entry(origin).or_insert(None);
        if head.is_none() && !is_first {
            continue;
        }
        let before = head.take();
        if let Ok(event) = keys.verify(event) {
            chain::follows(before.as_ref(), &event).expect("it was made to follow");
            *head = Some(Head::of(&event));
            placed.push((index, event));
        }
    }
    placed.sort_by_key(|(index, _)| *index);
    placed.into_iter().map(|(_, event)| event).collect()
}

/// In whatever order the logs come, their room is the same in the end.
fn ends_alike(page: &[Verified<Event>]) {
    let host = SERVERS[0];
    let Some(first) = page.iter().find(|event| event.origin.as_str() == host) else {
        return;
    };
    let (Some(mut one), Some(mut other)) = (Receiver::begin(first), Receiver::begin(first)) else {
        return;
    };
    let mut standings: BTreeMap<EventId, Standing> = BTreeMap::new();
    let rest = || page.iter().filter(|event| event.hash() != first.hash());
    for event in rest() {
        one.take(event);
        standings.entry(event.event_id).or_insert(Standing::Wait);
        for event in page {
            if let Some(before) = standings.get_mut(&event.event_id) {
                let now = one.standing(page, event);
                assert!(only_moves_on(*before, now), "{before} to {now}");
                *before = now;
            }
        }
    }
    let is_hosts = |event: &Event| event.origin.as_str() == host;
    let hosts = rest().filter(|event| is_hosts(event));
    let others = rest().filter(|event| !is_hosts(event));
    hosts.chain(others).for_each(|event| other.take(event));
    for event in rest() {
        let (here, there) = (one.standing(page, event), other.standing(page, event));
        assert_eq!(here, there, "{} {}", event.origin, event.seq);
    }
    let (here, there) = (&one.view, &other.view);
    assert_eq!(here.history.last(), there.history.last());
    assert_eq!(here.places_taken(), there.places_taken());
    for (person, member) in here.history.members() {
        assert_eq!(there.history.member(person), Some(member));
        assert_eq!(here.membership(person), there.membership(person));
    }
    let marks = |view: &RoomView| view.marks(Taking::FromEveryone);
    assert_eq!(marks(here), marks(there));
}

fn only_moves_on(before: Standing, now: Standing) -> bool {
    let voided = before == Standing::Valid && now == Standing::Void;
    now == before || before == Standing::Wait || voided
}

/// What a server holds of a room, by nothing but the pure rules.
struct Receiver {
    view: RoomView,
    placed: BTreeMap<EventId, Placed>,
}

impl Receiver {
    fn begin(create: &Verified<Event>) -> Option<Receiver> {
        let view = place::begin(create, create.hash())?;
        let placed = BTreeMap::from([(create.event_id, place::first(create, 1).placed)]);
        Some(Receiver { view, placed })
    }

    fn take(&mut self, event: &Verified<Event>) {
        let position = i64::try_from(self.placed.len()).unwrap_or(i64::MAX);
        let target = self.target(event).cloned();
        let landing = place::next(&mut self.view, event, position, target.as_ref(), None);
        self.placed.insert(event.event_id, landing.placed);
    }

    fn target(&self, event: &Event) -> Option<&Placed> {
        let content = event.content.as_ref()?;
        let id = content::target(&event.event_type, content).ok()??;
        self.placed.get(&id)
    }

    /// The verdict on an event by all that is here: state of the host and bookkeeping keep that of their arrival.
    fn standing(&self, page: &[Verified<Event>], event: &Event) -> Standing {
        let is_state = event.event_type.is_state() && event.origin == *self.view.history.host();
        let is_bookkeeping =
            event.event_type == EventType::ROOM_LEAVE || event.event_type.is_of_log();
        if is_state || is_bookkeeping {
            let placed = self.placed.get(&event.event_id);
            return placed.map_or(Standing::Wait, |placed| placed.standing);
        }
        let upto =
            |other: &&Verified<Event>| other.origin == event.origin && other.seq <= event.seq;
        let claims = page.iter().filter(upto).map(|other| other.state_seq);
        let highest = claims.max().unwrap_or_default();
        match place::judge_event(&self.view, event, highest, self.target(event)) {
            Verdict::Valid => Standing::Valid,
            Verdict::Void(_) => Standing::Void,
            Verdict::Wait(_) => Standing::Wait,
        }
    }
}
