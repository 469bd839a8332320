//! A room as this server sees it: the folded state and the ends of all logs that it holds.

use std::collections::BTreeMap;

use super::content::{Lifecycle, LogPosition, Membership, Positions, RoomType};
use super::history::{History, Member, StateSeq};
use crate::events::core::chain::{Gap, Head};
use crate::events::core::hash::Hash;
use crate::events::core::names::{Fqid, ServerName};

/// Places of a log that an origin without members may go on beyond what the host acknowledged.
pub const MOST_WITHOUT_MEMBERS: i64 = 10_000;

/// The end of one origin's log, and what in it decides about membership.
#[derive(Clone, Debug)]
pub struct Log {
    /// Its last event.
    pub head: LogPosition,
    /// That event's time, in ms.
    pub ts: i64,
    /// The highest `state_seq` that any of its events claims.
    pub state_seq: StateSeq,
    /// Where people of this origin left by themselves.
    pub leaves: BTreeMap<Fqid, Vec<(i64, i64)>>,
    /// The place in its epoch at which it forks, if it does.
    pub forked_at: Option<i64>,
    /// What of it is not here yet; in the host's log alone.
    pub gaps: Vec<Gap>,
}

impl Log {
    /// Where it ends; nowhere if it is empty.
    pub fn end(&self) -> Option<Head> {
        Some(Head {
            epoch: self.head.epoch,
            seq: self.head.seq,
            hash: self.head.hash?,
            ts: self.ts,
        })
    }

    /// Puts a gap as it is now in the place of what was known of it.
    pub fn set_gap(&mut self, gap: Gap) {
        self.gaps.retain(|known| known.until_seq != gap.until_seq);
        if !gap.is_filled() {
            self.gaps.push(gap);
        }
    }
}

/// A room for deciding and judging.
#[derive(Clone, Debug)]
pub struct RoomView {
    /// The folded host state.
    pub history: History,
    /// The logs that this server holds, the own one included.
    pub logs: BTreeMap<ServerName, Log>,
}

/// Whose rights a state event takes away: decides which cut-offs it names.
#[derive(Clone, Copy, Debug)]
pub enum Taking<'a> {
    /// Nobody's.
    Nothing,
    /// One person's.
    From(&'a Fqid),
    /// The whole room's.
    FromEveryone,
}

impl RoomView {
    /// What the state says of `person`, own leaves that the host has not recorded yet included.
    pub fn membership(&self, person: &Fqid) -> Option<Membership> {
        let member = self.history.member(person)?;
        if member.membership == Membership::Join && self.has_left(person, member) {
            return Some(Membership::Leave);
        }
        Some(member.membership)
    }

    /// The entry of somebody who is in the room now.
    pub fn joined(&self, person: &Fqid) -> Option<&Member> {
        self.history.member(person).filter(|member| {
            member.membership == Membership::Join && !self.has_left(person, member)
        })
    }

    fn has_left(&self, person: &Fqid, member: &Member) -> bool {
        self.leaves(person)
            .iter()
            .any(|leave| *leave > member.after.order())
    }

    /// Where `person` left by itself, in its own origin's log.
    pub fn leaves(&self, person: &Fqid) -> &[(i64, i64)] {
        self.logs
            .get(person.server_name())
            .and_then(|log| log.leaves.get(person))
            .map_or(&[], Vec::as_slice)
    }

    /// Everybody who is in the room now.
    pub fn joined_members(&self) -> impl Iterator<Item = (&Fqid, &Member)> {
        self.history.members().filter(|(person, member)| {
            member.membership == Membership::Join && !self.has_left(person, member)
        })
    }

    /// Whether this place of `origin`'s log lies beyond a fork.
    pub fn is_frozen(&self, origin: &ServerName, (epoch, seq): (i64, i64)) -> bool {
        self.logs.get(origin).is_some_and(|log| {
            log.head.epoch == epoch && log.forked_at.is_some_and(|forked_at| seq >= forked_at)
        })
    }

    /// Whether the host's log forked and this server's rests on its state from there on: whatever is added to it waits for ever.
    pub fn rests_on_lost_state(&self, own: &ServerName) -> bool {
        let log = |origin| self.logs.get(origin);
        let is_forked = log(self.history.host()).is_some_and(|log| log.forked_at.is_some());
        is_forked && log(own).is_some_and(|log| log.state_seq > self.history.last().0)
    }

    /// Whether nobody of `origin` is in the room any more, and this place of its log lies further beyond what the host
    /// acknowledged than such an origin has reason to go on (federation specification, "Who is gone").
    pub fn goes_on_without_members(
        &self,
        origin: &ServerName,
        sender: Option<&Fqid>,
        (epoch, seq): (i64, i64),
    ) -> bool {
        let (settled_epoch, settled_seq) = self.history.settled(origin);
        let acknowledged = match epoch == settled_epoch {
            true => settled_seq,
            false => 0,
        };
        // Who sends is most likely there, and found at once.
        let is_of_member = |person: &Fqid| self.joined(person).is_some();
        origin != self.history.host()
            && seq.saturating_sub(acknowledged) > MOST_WITHOUT_MEMBERS
            && !sender.is_some_and(is_of_member)
            && !self
                .joined_members()
                .any(|(person, _)| person.server_name() == origin)
    }

    /// How many places are taken: joined and invited people.
    pub fn places_taken(&self) -> usize {
        self.history
            .members()
            .filter(|(person, _)| {
                matches!(
                    self.membership(person),
                    Some(Membership::Join | Membership::Invite)
                )
            })
            .count()
    }

    /// How many of the places are taken by people of other servers than the host.
    pub fn foreign_places_taken(&self) -> usize {
        self.history
            .members()
            .filter(|(person, _)| person.server_name() != self.history.host())
            .filter(|(person, _)| {
                matches!(
                    self.membership(person),
                    Some(Membership::Join | Membership::Invite)
                )
            })
            .count()
    }

    /// Whether the room can be written to.
    pub fn is_open(&self) -> bool {
        self.history.lifecycle() == Lifecycle::Open
    }

    /// The kind of room.
    pub fn room_type(&self) -> RoomType {
        self.history.profile().room_type
    }

    /// The end of `origin`'s log.
    pub fn head(&self, origin: &ServerName) -> LogPosition {
        self.logs
            .get(origin)
            .map_or(LogPosition::START, |log| log.head.clone())
    }

    /// The state event that a new event names: the last one held.
    pub fn state_claim(&self) -> (StateSeq, Hash) {
        self.history.last()
    }

    /// What a new state event says of the other logs: the cut-offs of what it takes away, and the heads that moved
    /// since an earlier state event named them.
    pub fn marks(&self, taking: Taking<'_>) -> (Positions, Positions) {
        let known = self.history.seen();
        let mut cutoff = Positions::new();
        let mut seen = Positions::new();
        for (origin, log) in &self.logs {
            if origin == self.history.host() {
                continue;
            }
            if known
                .get(origin)
                .is_none_or(|before| before.order() < log.head.order())
            {
                seen.insert(origin.clone(), log.head.clone());
            }
        }
        match taking {
            Taking::Nothing => {}
            Taking::From(person) => self.cut(person.server_name(), &mut cutoff),
            Taking::FromEveryone => {
                for (person, _) in self.joined_members() {
                    self.cut(person.server_name(), &mut cutoff);
                }
            }
        }
        (cutoff, seen)
    }

    fn cut(&self, origin: &ServerName, cutoff: &mut Positions) {
        if origin != self.history.host() && !cutoff.contains_key(origin) {
            cutoff.insert(origin.clone(), self.head(origin));
        }
    }
}
