//! The host's state events of one room, folded (federation specification, "Judgement").
//!
//! `H` is the chain of state events held without a gap. Judging an event needs the state as it was at any point of
//! that chain, so each fact is kept as a timeline of `(position, value)` instead of one current value: the state after
//! state event `k` is a binary search away, and folding happens once.

use std::collections::BTreeMap;

use super::content::{
    Change, Create, HistoryVisibility, Lifecycle, LogPosition, MemberChange, Membership, Positions,
    RoomType, SettingsChange, StateChange,
};
use super::epochs::Epochs;
use super::levels::{LevelKey, Levels, OWNER};
use super::servers::ServerLists;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, ServerName};
use crate::workspaces::WorkspaceId;

/// A state event's `seq` in the host's log. State is named by it: `S[k]` is the state after the event with seq `k`.
pub type StateSeq = i64;

/// The values that a fact had, each from a state event on.
#[derive(Clone, Debug)]
struct Timeline<T>(Vec<(StateSeq, T)>);

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Timeline(Vec::new())
    }
}

impl<T> Timeline<T> {
    fn push(&mut self, from: StateSeq, value: T) {
        self.0.push((from, value));
    }

    fn at(&self, k: StateSeq) -> Option<&T> {
        let after = self.0.partition_point(|(from, _)| *from <= k);
        self.0.get(after.checked_sub(1)?).map(|(_, value)| value)
    }

    fn latest(&self) -> Option<&T> {
        self.0.last().map(|(_, value)| value)
    }
}

/// What the state says of one person.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// The relation.
    pub membership: Membership,
    /// The level, 0 to 100; kept on leaving, for `rejoin`.
    pub power_level: u8,
    /// Whether the latest profile that a membership event brought is that of an AI.
    pub is_ai: bool,
    /// For a joined person: where the own origin's log was when the join was asked for.
    pub after: LogPosition,
    /// When it joined, in ms.
    pub joined_at: Option<i64>,
    /// Who made the change.
    pub changed_by: Option<Fqid>,
    /// Why.
    pub reason: Option<String>,
    /// For an invitation: until when it can be accepted, in ms.
    pub expires_at: Option<i64>,
    /// When the change was made, in ms.
    pub changed_at: i64,
}

/// Settings that judge nothing: the latest value is enough.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct Profile {
    pub room_type: RoomType,
    pub creator: Fqid,
    pub created_at: i64,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub alias: Option<String>,
    pub scope_kind: Option<String>,
    pub visibility: Option<String>,
    pub read_role_slugs: Vec<String>,
    pub history_visibility: HistoryVisibility,
    pub auto_close: bool,
    pub avatar_url: Option<String>,
    pub workspace_id: Option<WorkspaceId>,
}

/// Whom a state event took a right from.
#[derive(Clone, Debug, PartialEq)]
enum Loser {
    Person(Fqid),
    Everyone,
}

/// A state event as it enters the fold.
#[derive(Clone, Debug)]
pub struct StateEntry<'a> {
    /// Its place in the host's log.
    pub seq: StateSeq,
    /// Its hash.
    pub hash: Hash,
    /// Who made it; null: the host itself.
    pub sender: Option<&'a Fqid>,
    /// Its time, in ms.
    pub ts: i64,
    /// The change; `None`: malformed, so that it only takes its place.
    pub change: Option<&'a StateChange>,
}

/// The folded chain of a room's state events.
#[derive(Clone, Debug)]
pub struct History {
    host: ServerName,
    profile: Profile,
    chain: Vec<(StateSeq, Hash)>,
    members: BTreeMap<Fqid, Timeline<Member>>,
    by_id: BTreeMap<ParticipantId, Fqid>,
    levels: Timeline<Levels>,
    lifecycle: Timeline<Lifecycle>,
    edit_window: Timeline<u64>,
    servers: Timeline<ServerLists>,
    takings: Vec<(StateSeq, Loser)>,
    floors: BTreeMap<ServerName, Timeline<LogPosition>>,
    epochs: Epochs,
    stalled: Option<StateSeq>,
}

impl History {
    /// Begins with the create event.
    pub fn begin(
        host: ServerName,
        create: &Create,
        creator: Fqid,
        ts: i64,
        seq: StateSeq,
        hash: Hash,
    ) -> History {
        let restricted = create.visibility.is_some();
        let mut history = History {
            host,
            profile: Profile {
                room_type: create.room_type,
                creator,
                created_at: ts,
                name: create.name.clone(),
                topic: create.topic.clone(),
                alias: create.alias.clone(),
                scope_kind: create.scope_kind.clone(),
                visibility: create.visibility.clone(),
                read_role_slugs: create.read_role_slugs.clone(),
                history_visibility: create.history_visibility,
                auto_close: create.auto_close,
                avatar_url: None,
                workspace_id: None,
            },
            chain: vec![(seq, hash)],
            members: BTreeMap::new(),
            by_id: BTreeMap::new(),
            levels: Timeline::default(),
            lifecycle: Timeline::default(),
            edit_window: Timeline::default(),
            servers: Timeline::default(),
            takings: Vec::new(),
            floors: BTreeMap::new(),
            epochs: Epochs::default(),
            stalled: None,
        };
        let levels = Levels::initial(create.room_type, restricted).with(&create.power_levels);
        history.levels.push(seq, levels);
        history.lifecycle.push(seq, Lifecycle::Open);
        history.edit_window.push(seq, create.edit_window_seconds);
        history.servers.push(seq, ServerLists::default());
        history
    }

    /// Adds the next state event of the chain. The caller has checked that it names the one before it.
    pub fn push(&mut self, entry: &StateEntry<'_>) {
        self.chain.push((entry.seq, entry.hash));
        let Some(state) = entry.change else { return };
        self.raise_floors(entry.seq, state);
        let k = entry.seq;
        match &state.change {
            Change::Member(change) => self.push_member(entry, change),
            Change::Name(name) => self.profile.name = Some(name.clone()),
            Change::Topic(topic) => self.profile.topic.clone_from(topic),
            Change::Lifecycle(lifecycle) => {
                if *lifecycle != Lifecycle::Open {
                    self.takings.push((k, Loser::Everyone));
                }
                self.lifecycle.push(k, *lifecycle);
            }
            Change::Settings(change) => self.push_settings(k, change),
            Change::PowerLevels(changes) => {
                let before = self.levels();
                let levels = before.with(changes);
                if levels.raises(&before) {
                    self.takings.push((k, Loser::Everyone));
                }
                self.levels.push(k, levels);
            }
            // The host's own log always has the epoch 1.
            Change::Log(change) if change.origin != self.host => {
                self.epochs.admit(k, change, &state.cutoff);
            }
            Change::Create(_)
            | Change::Pin { .. }
            | Change::Seen
            | Change::Log(_)
            | Change::Unknown => {}
        }
    }

    fn push_member(&mut self, entry: &StateEntry<'_>, change: &MemberChange) {
        let before = self.member(&change.participant);
        let was_joined = before.is_some_and(|member| member.membership == Membership::Join);
        let was_level = before.map_or(0, |member| member.power_level);
        let was_ai = before.is_some_and(|member| member.is_ai);
        let is_joined = change.membership == Membership::Join;
        let joins = is_joined && (!was_joined || change.after.is_some());
        let after = match (&change.after, before) {
            (Some(after), _) => after.clone(),
            (None, Some(member)) if was_joined => member.after.clone(),
            _ => LogPosition::START,
        };
        let joined_at = match before {
            _ if joins => Some(entry.ts),
            Some(member) if is_joined => member.joined_at,
            _ => None,
        };
        if was_joined && (!is_joined || change.power_level < was_level) {
            self.takings
                .push((entry.seq, Loser::Person(change.participant.clone())));
        }
        let member = Member {
            membership: change.membership,
            power_level: change.power_level,
            is_ai: change.is_of_ai().unwrap_or(was_ai),
            after,
            joined_at,
            changed_by: entry.sender.cloned(),
            reason: change.reason.clone(),
            expires_at: change.expires_at,
            changed_at: entry.ts,
        };
        self.by_id.insert(
            ParticipantId::derive(&change.participant),
            change.participant.clone(),
        );
        self.members
            .entry(change.participant.clone())
            .or_default()
            .push(entry.seq, member);
    }

    fn push_settings(&mut self, k: StateSeq, change: &SettingsChange) {
        let profile = &mut self.profile;
        if let Some(visibility) = &change.visibility {
            profile.visibility.clone_from(visibility);
        }
        if let Some(slugs) = &change.read_role_slugs {
            profile.read_role_slugs.clone_from(slugs);
        }
        if let Some(visibility) = change.history_visibility {
            profile.history_visibility = visibility;
        }
        if let Some(auto_close) = change.auto_close {
            profile.auto_close = auto_close;
        }
        if let Some(avatar_url) = &change.avatar_url {
            profile.avatar_url.clone_from(avatar_url);
        }
        profile.workspace_id = change.workspace_id.or(profile.workspace_id);
        if let Some(window) = change.edit_window_seconds {
            if window < self.edit_window() {
                self.takings.push((k, Loser::Everyone));
            }
            self.edit_window.push(k, window);
        }
        if change.allowed_servers.is_some() || change.denied_servers.is_some() {
            let before = self.server_lists();
            let lists = before.with(change);
            if lists.stricter_than(&before) {
                self.takings.push((k, Loser::Everyone));
            }
            self.servers.push(k, lists);
        }
    }

    /// A cut never falls below what an earlier state event of the host acknowledged: `seen` binds those that follow.
    fn raise_floors(&mut self, k: StateSeq, state: &StateChange) {
        for (from, marks) in [(k, &state.cutoff), (k + 1, &state.seen)] {
            for (origin, position) in marks {
                let floor = self.floors.entry(origin.clone()).or_default();
                if floor
                    .latest()
                    .is_none_or(|before| before.order() < position.order())
                {
                    floor.push(from, position.clone());
                }
            }
        }
    }

    /// Takes note of a state event in the host's log that cannot join the chain, because its content is missing or it
    /// names another state event than the one before it: no later one can join either.
    pub fn stall(&mut self, seq: StateSeq) {
        self.stalled.get_or_insert(seq);
    }

    /// Takes back that a state event could not join the chain: its content is here now.
    pub fn resume(&mut self) {
        self.stalled = None;
    }

    /// Whether a state event of the host's log is outside of the chain.
    pub fn is_stalled(&self) -> bool {
        self.stalled.is_some()
    }

    /// The room's host.
    pub fn host(&self) -> &ServerName {
        &self.host
    }

    /// The logs that were begun anew.
    pub fn epochs(&self) -> &Epochs {
        &self.epochs
    }

    /// The last state event held: its seq and hash.
    pub fn last(&self) -> (StateSeq, Hash) {
        self.chain.last().copied().unwrap_or((0, Hash::of(b"")))
    }

    /// The hash of the state event with seq `k`, if there is one.
    pub fn hash_at(&self, k: StateSeq) -> Option<Hash> {
        let index = self.chain.binary_search_by_key(&k, |(seq, _)| *seq).ok()?;
        self.chain.get(index).map(|(_, hash)| *hash)
    }

    /// The last state event before position `seq` of the host's own log; one outside of the chain, if there is one.
    pub fn last_before(&self, seq: i64) -> StateSeq {
        if let Some(stalled) = self.stalled.filter(|stalled| *stalled < seq) {
            return stalled;
        }
        let index = self.chain.partition_point(|(at, _)| *at < seq);
        index
            .checked_sub(1)
            .and_then(|index| self.chain.get(index))
            .map_or(0, |(at, _)| *at)
    }

    /// State events after `k` that take a right from `person`.
    pub fn takings_after<'a>(
        &'a self,
        k: StateSeq,
        person: &'a Fqid,
    ) -> impl Iterator<Item = StateSeq> + 'a {
        let from = self.takings.partition_point(|(at, _)| *at <= k);
        self.takings
            .get(from..)
            .unwrap_or_default()
            .iter()
            .filter(move |(_, loser)| match loser {
                Loser::Everyone => true,
                Loser::Person(loser) => loser == person,
            })
            .map(|(at, _)| *at)
    }

    /// Whether state event `k` takes a right from anybody.
    pub fn takes_at(&self, k: StateSeq) -> bool {
        self.takings.binary_search_by_key(&k, |(at, _)| *at).is_ok()
    }

    /// `cut(k, origin)`: the last event of `origin` that state event `k` cannot void any more. For the host's own
    /// origin that is the state event itself.
    pub fn cut(&self, k: StateSeq, origin: &ServerName) -> (i64, i64) {
        if *origin == self.host {
            return (1, k);
        }
        self.floors
            .get(origin)
            .and_then(|floor| floor.at(k))
            .map_or((1, 0), LogPosition::order)
    }

    /// The last event of `origin` that can no longer be cut off: the host acknowledged it, or wrote it itself.
    pub fn settled(&self, origin: &ServerName) -> (i64, i64) {
        if *origin == self.host {
            return (i64::MAX, i64::MAX);
        }
        self.floors
            .get(origin)
            .and_then(Timeline::latest)
            .map_or((1, 0), LogPosition::order)
    }

    /// What `S[k]` says of `person`.
    pub fn member_at(&self, k: StateSeq, person: &Fqid) -> Option<&Member> {
        self.members.get(person)?.at(k)
    }

    /// The thresholds of `S[k]`.
    pub fn level_at(&self, k: StateSeq, key: LevelKey) -> u8 {
        self.levels.at(k).map_or(OWNER, |levels| levels.get(key))
    }

    /// Whether the room is open in `S[k]`.
    pub fn open_at(&self, k: StateSeq) -> bool {
        self.lifecycle.at(k) == Some(&Lifecycle::Open)
    }

    /// The edit window of `S[k]`, in seconds.
    pub fn edit_window_at(&self, k: StateSeq) -> u64 {
        self.edit_window.at(k).copied().unwrap_or(0)
    }

    /// Whether `S[k]` lets `server` in.
    pub fn server_allowed_at(&self, k: StateSeq, server: &ServerName) -> bool {
        self.servers.at(k).is_none_or(|lists| lists.allow(server))
    }

    /// Name, topic and the other settings of now.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The thresholds of now.
    pub fn levels(&self) -> Levels {
        self.levels
            .latest()
            .cloned()
            .unwrap_or_else(|| Levels::initial(self.profile.room_type, false))
    }

    /// One threshold of now.
    pub fn level(&self, key: LevelKey) -> u8 {
        self.levels.latest().map_or(OWNER, |levels| levels.get(key))
    }

    /// Open, archived or closed, now.
    pub fn lifecycle(&self) -> Lifecycle {
        self.lifecycle
            .latest()
            .copied()
            .unwrap_or(Lifecycle::Closed)
    }

    /// Which servers may take part now.
    pub fn server_lists(&self) -> ServerLists {
        self.servers.latest().cloned().unwrap_or_default()
    }

    /// The edit window of now, in seconds.
    pub fn edit_window(&self) -> u64 {
        self.edit_window.latest().copied().unwrap_or(0)
    }

    /// What the state of now says of `person`; own leaves that the host has not recorded yet are not in it.
    pub fn member(&self, person: &Fqid) -> Option<&Member> {
        self.members.get(person)?.latest()
    }

    /// Whether the state ever said that `person` is in the room.
    pub fn ever_joined(&self, person: &Fqid) -> bool {
        self.members.get(person).is_some_and(|timeline| {
            let mut values = timeline.0.iter();
            values.any(|(_, member)| member.membership == Membership::Join)
        })
    }

    /// The FQID of a participant that the state ever spoke of.
    pub fn fqid_of(&self, participant: ParticipantId) -> Option<&Fqid> {
        self.by_id.get(&participant)
    }

    /// Everybody that the state ever spoke of, as of now.
    pub fn members(&self) -> impl Iterator<Item = (&Fqid, &Member)> {
        self.members
            .iter()
            .filter_map(|(person, timeline)| Some((person, timeline.latest()?)))
    }

    /// How far the host had seen the logs of other origins, at most, according to its state.
    pub fn seen(&self) -> Positions {
        self.floors
            .iter()
            .filter_map(|(origin, floor)| Some((origin.clone(), floor.latest()?.clone())))
            .collect()
    }
}
