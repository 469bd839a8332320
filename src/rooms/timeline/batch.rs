//! One transaction's work: what was placed so far, and what has to be written before it can be committed.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::place::Landing;
use super::views::Views;
use crate::db::{Committed, DbError, Tx};
use crate::entropy::Entropy;
use crate::events::core::chain::Gap;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyPair;
use crate::events::model::{LogEnd, Placed};
use crate::events::store;
use crate::federation::exchange::outgoing::{self, Maker};
use crate::messages;
use crate::notifications::{Keywords, matching};
use crate::rooms::core::content::{RoomType, StateChange};
use crate::rooms::project;
use crate::tenants::Tenant;

/// The open transaction and all that it will write.
pub(super) struct Batch<'a> {
    /// The transaction.
    pub(super) tx: Tx,
    /// Whose stream it appends to.
    pub(super) tenant: Tenant,
    /// Its signing key.
    pub(super) key: Arc<KeyPair>,
    /// Where ids of requests come from.
    pub(super) entropy: Entropy,
    /// The rooms in memory; they run ahead of the database until the commit.
    pub(super) views: &'a mut Views,
    /// The time, in ms.
    pub(super) now: i64,
    position: i64,
    pending: Vec<(Placed, Option<StateChange>)>,
    /// Whether all of that may be written after the next state event of its room as well as before it.
    outlasts_state: bool,
    /// Messages that came after something about them.
    late: HashSet<EventId>,
    ends: BTreeMap<(RoomId, ServerName), LogEnd>,
    gaps: BTreeMap<(RoomId, ServerName, i64), Gap>,
    changed_rooms: BTreeSet<RoomId>,
    markers: BTreeMap<(ParticipantId, RoomId), (EventId, i64)>,
    sends: Vec<messages::store::SendRow>,
    placed: Vec<Placed>,
    written: bool,
    /// Messages that were made anew: which keywords they hold is looked up again.
    pub(super) reworded: BTreeSet<EventId>,
    keywords: Keywords,
    /// Events that name another hash than that of a state event which has come after them.
    pub(super) contradicting: Vec<Placed>,
    erased: Vec<RoomId>,
    /// Rooms that this batch touched: forgotten if it fails.
    pub(super) touched: &'a mut HashSet<RoomId>,
}

impl<'a> Batch<'a> {
    /// Opens a batch: takes the tenant's stream.
    pub(super) async fn open(
        mut tx: Tx,
        tenant: Tenant,
        (key, entropy, keywords): (Arc<KeyPair>, Entropy, Keywords),
        views: &'a mut Views,
        touched: &'a mut HashSet<RoomId>,
        last_known: &mut i64,
        now: i64,
    ) -> Result<Batch<'a>, DbError> {
        let position = store::lock_position(&tenant, &mut tx).await?;
        if *last_known != position {
            views.forget_all(&tenant);
            *last_known = position;
        }
        Ok(Batch {
            tx,
            tenant,
            key,
            entropy,
            views,
            now,
            position,
            pending: Vec::new(),
            outlasts_state: true,
            late: HashSet::new(),
            ends: BTreeMap::new(),
            gaps: BTreeMap::new(),
            changed_rooms: BTreeSet::new(),
            markers: BTreeMap::new(),
            sends: Vec::new(),
            placed: Vec::new(),
            written: false,
            reworded: BTreeSet::new(),
            keywords,
            contradicting: Vec::new(),
            erased: Vec::new(),
            touched,
        })
    }

    /// The next position in the stream.
    pub(super) fn next_position(&mut self) -> i64 {
        self.position += 1;
        self.position
    }

    /// Takes note of an event that was placed in its room's view, to be written with the batch.
    pub(super) fn land(&mut self, landing: Landing, end: LogEnd) {
        let room_id = landing.placed.event.room_id;
        self.ends.insert((room_id, end.origin.clone()), end);
        self.land_again(landing);
    }

    /// Takes note of how a gap of a log is now, before the event lands that makes it so.
    pub(super) fn set_gap(&mut self, event: &Event, gap: Gap) {
        let (room_id, origin) = (event.room_id, event.origin.clone());
        self.gaps.insert((room_id, origin, gap.until_seq), gap);
    }

    /// Takes note of an event that stands in its log already, and counts only now.
    pub(super) fn land_again(&mut self, landing: Landing) {
        let Landing { placed, change, .. } = landing;
        let room_id = placed.event.room_id;
        self.note_key(&placed, change.as_ref());
        let decides = change.is_some() || placed.event.event_type == EventType::ROOM_LEAVE;
        if decides {
            self.changed_rooms.insert(room_id);
        }
        self.outlasts_state &= project::outlasts_state(&self.tenant, &placed, change.as_ref());
        self.pending.push((placed.clone(), change));
        self.placed.push(placed);
    }

    /// Takes note of the key that the own log goes by from this event on, before it is written.
    fn note_key(&mut self, placed: &Placed, change: Option<&StateChange>) {
        let event = &placed.event;
        let is_own = event.origin == *self.tenant.server_name();
        if is_own && event.event_type == EventType::LOG_RESTART {
            let key = (event.key_id, false);
            self.views.set_own_key(&self.tenant, event.room_id, key);
        }
        let named = project::named_key(&placed.event, change)
            .filter(|named| named.origin == *self.tenant.server_name());
        if let Some(named) = named {
            let is_first = named.at.from_seq == 1;
            // The key of an admitted epoch is not the log's before that has begun.
            if is_first && named.at.epoch > 1 {
                return;
            }
            let key = (named.key.key_id(), is_first);
            self.views
                .set_own_key(&self.tenant, placed.event.room_id, key);
        }
    }

    /// Writes an event whose log is not here.
    pub(super) async fn land_alone(&mut self, placed: Placed) -> Result<(), DbError> {
        store::insert(&self.tenant, &mut self.tx, std::slice::from_ref(&placed)).await?;
        self.placed.push(placed);
        Ok(())
    }

    /// Takes note of an event that waited and now has a new place.
    pub(super) fn settled(&mut self, placed: Placed) {
        self.placed.push(placed);
    }

    /// Sending moves the own read marker.
    pub(super) fn mark_read(&mut self, participant: ParticipantId, placed: &Placed) {
        self.markers.insert(
            (participant, placed.event.room_id),
            (placed.event.event_id, placed.position),
        );
    }

    /// What a client gave with a message.
    pub(super) fn record_send(&mut self, row: messages::store::SendRow) {
        self.sends.push(row);
    }

    /// Takes note that something about an event was here before it. A message is then made from all of that; and before the
    /// next state event, which may settle, or void, a redaction of it.
    pub(super) fn came_after(&mut self, event: &Event) {
        self.outlasts_state = false;
        // An own one that comes back after a restore is made anew by itself.
        let is_own = event.origin == *self.tenant.server_name();
        if event.event_type == EventType::ROOM_MESSAGE && !is_own {
            self.late.insert(event.event_id);
        }
    }

    /// Writes what was noted so far, unless a state event that comes now would change nothing about how.
    pub(super) async fn flush_before_state(&mut self) -> Result<(), DbError> {
        match self.outlasts_state {
            true => Ok(()),
            false => self.flush().await,
        }
    }

    /// Writes everything noted so far, so that statements of this transaction see it.
    pub(super) async fn flush(&mut self) -> Result<(), DbError> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let pending = std::mem::take(&mut self.pending);
        self.outlasts_state = true;
        let rows: Vec<Placed> = pending.iter().map(|(placed, _)| placed.clone()).collect();
        store::insert(&self.tenant, &mut self.tx, &rows).await?;
        store::contents::note(&self.tenant, &mut self.tx, &rows).await?;
        let ends: Vec<_> = std::mem::take(&mut self.ends)
            .into_iter()
            .map(|((room_id, _), end)| (room_id, end))
            .collect();
        store::logs::set_ends(&self.tenant, &mut self.tx, &ends).await?;
        outgoing::ends(&self.tenant, &mut self.tx, &ends).await?;
        let gaps: Vec<_> = std::mem::take(&mut self.gaps)
            .into_iter()
            .map(|((room_id, origin, _), gap)| (room_id, origin, gap))
            .collect();
        store::gaps::set(&self.tenant, &mut self.tx, &gaps).await?;
        self.project(&pending).await?;
        let late = std::mem::take(&mut self.late);
        for (placed, _) in &pending {
            let id = placed.event.event_id;
            let room_id = placed.event.room_id;
            if late.contains(&id)
                && let Some(view) = self.views.get(&self.tenant, &mut self.tx, room_id).await?
            {
                let is_settled = |event: &Event| project::is_settled(view, event);
                let room = messages::project::Room {
                    is_dm: view.room_type() == RoomType::Dm,
                    is_settled: &is_settled,
                };
                messages::project::refold(&self.tenant, &mut self.tx, id, &room).await?;
                self.reworded.insert(id);
            }
        }
        messages::store::record_sends(&self.tenant, &mut self.tx, &std::mem::take(&mut self.sends))
            .await?;
        let markers: Vec<_> = std::mem::take(&mut self.markers)
            .into_iter()
            .map(|((participant, room), (event, position))| (participant, room, event, position))
            .collect();
        messages::store::move_markers(&self.tenant, &mut self.tx, &markers).await?;
        for room_id in std::mem::take(&mut self.changed_rooms) {
            if let Some(view) = self.views.get(&self.tenant, &mut self.tx, room_id).await? {
                project::room(&self.tenant, &mut self.tx, room_id, view).await?;
            }
        }
        Ok(())
    }

    /// Writes what events changed for clients, and what they leave to be delivered.
    async fn project(&mut self, pending: &[(Placed, Option<StateChange>)]) -> Result<(), DbError> {
        let mut people = project::People::default();
        let mut servers = outgoing::Servers::default();
        let maker = Maker {
            key: &self.key,
            entropy: &self.entropy,
            now: self.now,
        };
        for (placed, change) in pending {
            let (tenant, tx, change) = (&self.tenant, &mut self.tx, change.as_ref());
            let Some(view) = self.views.get(tenant, tx, placed.event.room_id).await? else {
                continue;
            };
            if !people.take(tenant, tx, view, placed, change).await? {
                if !project::outlasts_state(tenant, placed, change) {
                    people.write(tenant, tx, self.now).await?;
                }
                project::event(tenant, tx, view, placed, change, self.now).await?;
            }
            servers
                .membership(tenant, tx, view, placed, change, &maker)
                .await?;
        }
        people.write(&self.tenant, &mut self.tx, self.now).await
    }

    /// Takes note that everything of a room was deleted, what this batch has written of it included.
    pub(super) fn erased(&mut self, room_id: RoomId) {
        self.placed.retain(|item| item.event.room_id != room_id);
        self.markers.retain(|(_, room), _| *room != room_id);
        self.sends.retain(|send| send.room_id != room_id);
        self.changed_rooms.remove(&room_id);
        self.views.forget(&self.tenant, room_id);
        self.touched.insert(room_id);
        self.erased.push(room_id);
        self.written = true;
    }

    /// Takes note that something was written that must be committed, though no event may have been placed.
    pub(super) fn has_written(&mut self) {
        self.written = true;
    }

    /// Whether there is nothing to commit.
    pub(super) fn is_empty(&self) -> bool {
        self.placed.is_empty() && !self.written
    }

    /// Commits.
    pub(super) async fn commit(mut self) -> Result<Committed<Done>, DbError> {
        self.flush().await?;
        let (tenant, tx, keywords) = (&self.tenant, &mut self.tx, &self.keywords);
        let end = self.position;
        matching::record(tenant, tx, keywords, &self.placed, self.reworded, end).await?;
        store::set_position(&self.tenant, &mut self.tx, self.position).await?;
        let mut placed = self.placed;
        placed.sort_unstable_by_key(|item| item.position);
        let done = Done {
            end: self.position,
            placed,
            erased: self.erased,
        };
        self.tx.commit(done).await
    }
}

/// What a batch has done.
pub(super) struct Done {
    /// Where the stream ends now.
    pub(super) end: i64,
    /// What was placed, in the order of the stream.
    pub(super) placed: Vec<Placed>,
    /// Rooms of which everything was deleted.
    pub(super) erased: Vec<RoomId>,
}
