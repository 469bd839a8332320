//! What is known already of a page of received events: read once for the page, kept up as its events land.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::batch::Batch;
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::core::verified::Verified;
use crate::events::model::Placed;
use crate::events::store::{contents, meeting};
use crate::rooms::core::content;

/// How far apart the places that a page claims may be, to be looked up. A page is a piece of a log; who scatters places
/// gets no answer about the far ones.
const MOST_PLACES: i64 = 1_000;

/// An epoch of a log.
type Stretch = (RoomId, ServerName, i64);

/// The stored events that a page meets.
pub(super) struct Known {
    targets: HashMap<EventId, Placed>,
    spoken_of: HashSet<EventId>,
    places: HashMap<Stretch, HashMap<i64, Hash>>,
    lacking: HashMap<Stretch, HashSet<i64>>,
    calm: HashSet<RoomId>,
}

impl Known {
    /// Reads what a page will meet. Everything placed before in this transaction is written first, so that it is found.
    pub(super) async fn load(
        batch: &mut Batch<'_>,
        events: &[Verified<Event>],
    ) -> Result<Known, DbError> {
        batch.flush().await?;
        let tenant = batch.tenant.clone();
        let targets: Vec<EventId> = events.iter().filter_map(|event| target(event)).collect();
        let ids: Vec<EventId> = events.iter().map(|event| event.event_id).collect();
        let mut known = Known {
            targets: meeting::by_ids(&tenant, &mut batch.tx, &targets).await?,
            spoken_of: meeting::spoken_of(&tenant, &mut batch.tx, &ids).await?,
            places: HashMap::new(),
            lacking: HashMap::new(),
            calm: HashSet::new(),
        };
        known.load_places(batch, events).await?;
        Ok(known)
    }

    /// The event that another one is about, if both are of one room.
    pub(super) fn target_of(&self, event: &Event) -> Option<Placed> {
        let placed = self.targets.get(&target(event)?)?;
        (placed.event.room_id == event.room_id).then(|| placed.clone())
    }

    /// Whether edits, redactions or reactions of this event came before it, be it a message or not.
    pub(super) fn is_spoken_of(&self, event: &Event) -> bool {
        self.spoken_of.contains(&event.event_id)
    }

    /// What stands at the event's place.
    pub(super) fn at_place_of(&self, event: &Event) -> Option<&Hash> {
        self.places.get(&stretch(event))?.get(&event.seq)
    }

    /// Whether the event that stands at this one's place lacks a content that may still come.
    pub(super) fn lacks_content(&self, event: &Event) -> bool {
        let lacking = self.lacking.get(&stretch(event));
        lacking.is_some_and(|seqs| seqs.contains(&event.seq))
    }

    /// Whether nothing in a room waits for host state.
    pub(super) fn is_calm(&self, room_id: RoomId) -> bool {
        self.calm.contains(&room_id)
    }

    /// Takes note of whether nothing in a room waits for host state; of a room that something was done to beside placing
    /// events, that is not known.
    pub(super) fn set_calm(&mut self, room_id: RoomId, is_calm: bool) {
        match is_calm {
            true => self.calm.insert(room_id),
            false => self.calm.remove(&room_id),
        };
    }

    /// Takes note of an event of the page that took its place.
    pub(super) fn landed(&mut self, placed: &Placed) {
        let event = &placed.event;
        self.spoken_of.extend(placed.target);
        self.places
            .entry(stretch(event))
            .or_default()
            .insert(event.seq, placed.hash);
        self.targets.insert(event.event_id, placed.clone());
        let lacking = self.lacking.entry(stretch(event)).or_default();
        if contents::is_missing(placed) {
            lacking.insert(event.seq);
        } else {
            lacking.remove(&event.seq);
        }
    }

    /// Reads what stands at the places that events claim although the logs are longer already.
    async fn load_places(
        &mut self,
        batch: &mut Batch<'_>,
        events: &[Verified<Event>],
    ) -> Result<(), DbError> {
        let tenant = batch.tenant.clone();
        for (stretch, (from, to)) in claimed_places(batch, events).await? {
            let (room_id, origin, epoch) = &stretch;
            let range = (from, to.min(from.saturating_add(MOST_PLACES)));
            let tx = &mut batch.tx;
            let hashes = meeting::hashes(&tenant, tx, *room_id, origin, *epoch, range).await?;
            let lacking = contents::lacking(&tenant, tx, *room_id, origin, *epoch, range).await?;
            self.places.insert(stretch.clone(), hashes);
            self.lacking.insert(stretch, lacking);
        }
        Ok(())
    }
}

fn target(event: &Event) -> Option<EventId> {
    let content = event.content.as_ref()?;
    content::target(&event.event_type, content).ok().flatten()
}

fn stretch(event: &Event) -> Stretch {
    (event.room_id, event.origin.clone(), event.epoch)
}

/// From where to where a page claims places in logs that are longer already.
async fn claimed_places(
    batch: &mut Batch<'_>,
    events: &[Verified<Event>],
) -> Result<BTreeMap<Stretch, (i64, i64)>, DbError> {
    let tenant = batch.tenant.clone();
    let mut claimed: BTreeMap<Stretch, (i64, i64)> = BTreeMap::new();
    for event in events {
        let view = batch
            .views
            .get(&tenant, &mut batch.tx, event.room_id)
            .await?;
        let head = view.and_then(|view| view.logs.get(&event.origin));
        if head.is_some_and(|log| (event.epoch, event.seq) <= log.head.order()) {
            let (from, to) = claimed
                .entry(stretch(event))
                .or_insert((event.seq, event.seq));
            (*from, *to) = ((*from).min(event.seq), (*to).max(event.seq));
        }
    }
    Ok(claimed)
}
