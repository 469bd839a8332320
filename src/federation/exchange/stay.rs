//! Since when, and until when, people of one server were in a room, as this server saw it. Pure.

use std::collections::BTreeMap;

use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::model::{Placed, Standing};
use crate::rooms::core::content::{
    Change, LogPosition, MemberChange, Membership, Positions, StateChange,
};

/// A time without a break during which somebody of the server was in the room, in positions of the own stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    /// The first one's join.
    pub(super) from: i64,
    /// How it ended, if it did.
    pub(super) end: Option<End>,
}

/// The end of a stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    /// The last one's leave or removal.
    pub(super) position: i64,
    /// The host's event that removed the last one, or recorded its leave.
    pub(super) removal: Option<EventId>,
    /// Whether that was a ban.
    pub(super) banned: bool,
    /// Where in the server's own log its removal cuts off, as epoch and number.
    pub(super) own: Option<(i64, i64)>,
}

struct Joined {
    position: i64,
    after: (i64, i64),
}

/// Walks through what happened to the people of one server.
struct Walk {
    joined: BTreeMap<Fqid, Joined>,
    leaves: BTreeMap<Fqid, (i64, i64)>,
    stay: Option<Stay>,
}

/// The latest stay of `server`, from the events that decide about a room; `None`: nobody of it was ever in.
pub(super) fn latest(host: &ServerName, server: &ServerName, deciding: &[Placed]) -> Option<Stay> {
    let mut events: Vec<&Placed> = deciding.iter().collect();
    events.sort_unstable_by_key(|placed| placed.position);
    let mut walk = Walk {
        joined: BTreeMap::new(),
        leaves: BTreeMap::new(),
        stay: None,
    };
    for placed in events
        .iter()
        .filter(|item| item.standing == Standing::Valid)
    {
        let event = &placed.event;
        if event.event_type == EventType::ROOM_LEAVE && event.origin == *server {
            if let Some(person) = &event.sender {
                walk.left(person, placed);
            }
        } else if event.origin == *host
            && let Some((change, cut_off)) = member_change(placed)
            && change.participant.server_name() == server
        {
            let own = cut_off.get(server).map(LogPosition::order);
            walk.changed(&change, placed, own);
        }
    }
    walk.stay
}

fn member_change(placed: &Placed) -> Option<(MemberChange, Positions)> {
    let content = placed.event.content.as_ref()?;
    let state = StateChange::parse(&placed.event.event_type, content).ok()?;
    match state.change {
        Change::Member(change) => Some((*change, state.cutoff)),
        _ => None,
    }
}

impl Walk {
    fn changed(&mut self, change: &MemberChange, placed: &Placed, own: Option<(i64, i64)>) {
        if change.membership != Membership::Join {
            let was_joined = self.joined.remove(&change.participant).is_some();
            let end = End {
                position: placed.position,
                removal: Some(placed.event.event_id),
                banned: change.membership == Membership::Ban,
                own,
            };
            self.removed(was_joined, end);
            return;
        }
        let person = &change.participant;
        let kept = self.joined.get(person).map(|joined| joined.after);
        let after = match &change.after {
            Some(after) => after.order(),
            None => kept.unwrap_or(LogPosition::START.order()),
        };
        if self.leaves.get(person).is_some_and(|leave| *leave > after) {
            // It has left since; its server only has not told the host yet.
            return;
        }
        let position = self
            .joined
            .get(person)
            .map_or(placed.position, |joined| joined.position);
        self.joined
            .insert(person.clone(), Joined { position, after });
        if self.stay.as_ref().is_none_or(|stay| stay.end.is_some()) {
            self.stay = Some(Stay {
                from: position,
                end: None,
            });
        }
    }

    fn left(&mut self, person: &Fqid, placed: &Placed) {
        let place = (placed.event.epoch, placed.event.seq);
        let latest = self.leaves.entry(person.clone()).or_insert(place);
        *latest = (*latest).max(place);
        if self
            .joined
            .get(person)
            .is_some_and(|joined| joined.after < place)
        {
            self.joined.remove(person);
            self.ended(End {
                position: placed.position,
                removal: None,
                banned: false,
                own: None,
            });
        }
    }

    fn removed(&mut self, was_joined: bool, removed: End) {
        if was_joined {
            self.ended(removed);
            return;
        }
        let is_empty = self.joined.is_empty();
        if let Some(end) = self.stay.as_mut().and_then(|stay| stay.end.as_mut())
            && is_empty
            && (removed.banned || end.removal.is_none())
        {
            end.removal = removed.removal;
            end.banned |= removed.banned;
        }
    }

    fn ended(&mut self, end: End) {
        if let (true, Some(stay)) = (self.joined.is_empty(), &mut self.stay) {
            stay.end = Some(end);
        }
    }
}
