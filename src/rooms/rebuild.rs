//! Makes the projections of rooms and messages anew from the logs. For a database that no server uses.
//!
//! Kept as they are: what clients gave with their sends, read markers, own settings, the keywords that were asked for when
//! a message came, and rooms of which this server holds an invitation but no log, since none of these stand in events.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::core::content::StateChange;
use super::core::view::RoomView;
use super::project;
use super::store::{members, spans};
use super::timeline::place;
use crate::db::{Committed, Db, DbError, Tx};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::events::model::{LogEnd, Placed};
use crate::events::store;
use crate::messages;
use crate::tenants::Tenant;

/// Events read at once.
const PAGE: i64 = 1000;

/// A room as far as it was replayed.
#[derive(Default)]
struct Room {
    view: Option<RoomView>,
    ends: Vec<LogEnd>,
}

/// Rebuilds one tenant's projections in one transaction. How many events were replayed.
pub async fn tenant(tenant: &Tenant, db: &Db, now: i64) -> Result<Committed<u64>, DbError> {
    let mut tx = db.begin().await?;
    super::store::rooms::clear_projections(tenant, &mut tx).await?;
    messages::store::clear_projections(tenant, &mut tx).await?;
    let mut rooms: HashMap<RoomId, Room> = HashMap::new();
    let mut position = -1;
    let mut replayed = 0;
    loop {
        let page = store::walk(tenant, db, position, PAGE).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for placed in &page {
            let room_id = placed.event.room_id;
            let room = match rooms.entry(room_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(place) => place.insert(Room::begin(tenant, &mut tx, room_id).await?),
            };
            let change = room.replay(tenant, &mut tx, placed, now).await?;
            if let (Some(change), Some(view)) = (&change, &room.view) {
                project::erase_settled(tenant, &mut tx, view, room_id, change).await?;
            }
            replayed += u64::from(room.view.is_some());
        }
    }
    for (room_id, room) in &rooms {
        if let Some(view) = &room.view {
            project::room(tenant, &mut tx, *room_id, view).await?;
        }
    }
    tx.commit(replayed).await
}

/// Makes anew what stands of a room, its pins and its people, from the events that decide about them: in the time that the state
/// takes, however long the history is.
pub(super) async fn people(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    now: i64,
) -> Result<(), DbError> {
    members::clear_room(tenant, tx, room_id).await?;
    spans::clear_room(tenant, tx, room_id).await?;
    messages::store::pins::clear_room(tenant, tx, room_id).await?;
    let mut deciding = store::deciding(tenant, tx.conn(), room_id).await?;
    deciding.sort_unstable_by_key(|placed| placed.position);
    let mut room = Room::begin(tenant, tx, room_id).await?;
    for placed in &deciding {
        room.replay(tenant, tx, placed, now).await?;
    }
    match &room.view {
        Some(view) => project::room(tenant, tx, room_id, view).await,
        None => Ok(()),
    }
}

impl Room {
    async fn begin(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<Room, DbError> {
        Ok(Room {
            view: None,
            ends: store::logs::ends(tenant, tx.conn(), room_id).await?,
        })
    }

    /// Writes what the next event of the stream changed. What it changes of the room's state comes back.
    async fn replay(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        placed: &Placed,
        now: i64,
    ) -> Result<Option<StateChange>, DbError> {
        // It came by itself to a room whose log is here but does not reach so far.
        if !self.ends.is_empty() && place::is_beyond(&self.ends, placed) {
            project::detached(tenant, tx, placed, None).await?;
            return Ok(None);
        }
        if placed.event.event_type == EventType::ROOM_CREATE
            && let Some(view) = place::begin(&placed.event, placed.hash)
        {
            self.view = Some(view);
        }
        let Some(view) = &mut self.view else {
            return Ok(None);
        };
        let change = place::replay(view, placed);
        project::event(tenant, tx, view, placed, change.as_ref(), now).await?;
        Ok(change)
    }
}
