//! What the request `state` answers from the events that decide about a room (federation specification, "Requests").

use std::collections::{BTreeMap, HashMap};

use crate::events::core::event_type::EventType;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::model::Placed;
use crate::rooms::core::content::{Change, LogPosition, Membership, StateChange};

/// The host's state events, and the keys of its log, after a place of it, in its order.
pub(super) fn of_host<'p>(
    deciding: &'p [Placed],
    host: &ServerName,
    after_seq: i64,
) -> Vec<&'p Placed> {
    let mut found: Vec<&Placed> = deciding
        .iter()
        .filter(|placed| {
            let event = &placed.event;
            let belongs = event.event_type.is_state() || event.event_type == EventType::LOG_KEY;
            belongs && event.origin == *host && event.seq > after_seq
        })
        .collect();
    found.sort_by_key(|placed| (placed.event.epoch, placed.event.seq));
    found
}

/// Where people who are joined by the host's word have left by themselves.
pub(super) fn unrecorded_leaves(
    deciding: &[Placed],
    host: &ServerName,
) -> BTreeMap<Fqid, LogPosition> {
    let mut joined: HashMap<Fqid, (i64, i64)> = HashMap::new();
    for placed in of_host(deciding, host, 0) {
        let event = &placed.event;
        let content = event.content.as_ref();
        let change =
            content.and_then(|content| StateChange::parse(&event.event_type, content).ok());
        let Some(Change::Member(member)) = change.map(|state| state.change) else {
            continue;
        };
        if member.membership != Membership::Join {
            joined.remove(&member.participant);
        } else if let Some(after) = &member.after {
            joined.insert(member.participant, after.order());
        } else {
            joined.entry(member.participant).or_insert((1, 0));
        }
    }
    let mut leaves = BTreeMap::new();
    for placed in deciding {
        let event = &placed.event;
        let place = (event.epoch, event.seq);
        let is_leave = event.event_type == EventType::ROOM_LEAVE;
        let Some(person) = event.sender.as_ref().filter(|_| is_leave) else {
            continue;
        };
        if joined.get(person).is_some_and(|after| *after < place) {
            let at = LogPosition {
                epoch: event.epoch,
                seq: event.seq,
                hash: Some(placed.hash),
            };
            leaves.insert(person.clone(), at);
        }
    }
    leaves
}
