//! Makes the projections of rooms and messages anew from the logs. For a database that no server uses.
//!
//! Kept as they are: what clients gave with their sends, read markers, own settings, and rooms of which this server
//! holds an invitation but no log, since none of these stand in events.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::core::view::RoomView;
use super::project;
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

/// Rebuilds one tenant's projections in one transaction. How many events were replayed.
pub async fn tenant(tenant: &Tenant, db: &Db, now: i64) -> Result<Committed<u64>, DbError> {
    let mut tx = db.begin().await?;
    super::store::rooms::clear_projections(tenant, &mut tx).await?;
    messages::store::clear_projections(tenant, &mut tx).await?;
    let mut views: HashMap<RoomId, RoomView> = HashMap::new();
    let mut ends: HashMap<RoomId, Vec<LogEnd>> = HashMap::new();
    let mut position = -1;
    let mut replayed = 0;
    loop {
        let page = store::walk(tenant, db, position, PAGE).await?;
        let Some(last) = page.last() else { break };
        position = last.position;
        for placed in &page {
            let room_id = placed.event.room_id;
            if is_alone(tenant, &mut tx, &mut ends, placed).await? {
                project::detached(tenant, &mut tx, placed, None).await?;
                continue;
            }
            if placed.event.event_type == EventType::ROOM_CREATE
                && let Some(view) = place::begin(&placed.event, placed.hash)
            {
                views.insert(room_id, view);
            }
            if let Some(view) = views.get_mut(&room_id) {
                let change = place::replay(view, placed);
                project::event(tenant, &mut tx, view, placed, change.as_ref(), now).await?;
                if let Some(change) = &change {
                    project::erase_settled(tenant, &mut tx, view, room_id, change).await?;
                }
                replayed += 1;
            }
        }
    }
    write_rooms(tenant, &mut tx, &views).await?;
    tx.commit(replayed).await
}

/// Whether the event came by itself to a room whose log is here but does not reach so far.
async fn is_alone(
    tenant: &Tenant,
    tx: &mut Tx,
    ends: &mut HashMap<RoomId, Vec<LogEnd>>,
    placed: &Placed,
) -> Result<bool, DbError> {
    let room_id = placed.event.room_id;
    let ends = match ends.entry(room_id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(place) => place.insert(store::logs::ends(tenant, tx.conn(), room_id).await?),
    };
    Ok(!ends.is_empty() && place::is_beyond(ends, placed))
}

async fn write_rooms(
    tenant: &Tenant,
    tx: &mut Tx,
    views: &HashMap<RoomId, RoomView>,
) -> Result<(), DbError> {
    for (room_id, view) in views {
        project::room(tenant, tx, *room_id, view).await?;
    }
    Ok(())
}
