//! The rooms that the writer knows by heart.

use std::collections::HashMap;

use super::place;
use crate::db::{DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::events::core::sign::KeyId;
use crate::events::store;
use crate::rooms::core::view::RoomView;
use crate::tenants::Tenant;

/// Rooms kept in memory; beyond it the longest unused half goes.
const KEPT: usize = 8192;

/// A cache of room views. It always equals what the database holds, or what the open transaction will have made of it:
/// after a failed transaction the rooms that it touched are forgotten.
#[derive(Default)]
pub(super) struct Views {
    rooms: HashMap<(i64, RoomId), Entry>,
    uses: u64,
}

struct Entry {
    view: RoomView,
    /// The key that this server's log of the room goes by; none before the host has named one.
    own_key: Option<KeyId>,
    last_use: u64,
}

impl Views {
    /// The room, from memory or from the store; `None`: there is no such room.
    pub(super) async fn get(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        room_id: RoomId,
    ) -> Result<Option<&mut RoomView>, DbError> {
        let key = (tenant.key(), room_id);
        self.uses += 1;
        if !self.rooms.contains_key(&key) {
            let Some(view) = load(tenant, tx, room_id).await? else {
                return Ok(None);
            };
            let own = tenant.server_name();
            let epoch = view.head(own).epoch;
            self.insert(tenant, room_id, view);
            let own_key = store::logs::latest_key(tenant, tx, room_id, own, epoch).await?;
            if let Some((key_id, _)) = own_key {
                self.set_own_key(tenant, room_id, (key_id, true));
            }
        }
        let entry = self.rooms.get_mut(&key);
        Ok(entry.map(|entry| {
            entry.last_use = self.uses;
            &mut entry.view
        }))
    }

    /// Remembers a new room.
    pub(super) fn insert(&mut self, tenant: &Tenant, room_id: RoomId, view: RoomView) {
        if self.rooms.len() >= KEPT {
            let limit = self.uses.saturating_sub(KEPT as u64 / 2);
            self.rooms.retain(|_, entry| entry.last_use > limit);
        }
        let last_use = self.uses;
        let entry = Entry {
            view,
            own_key: None,
            last_use,
        };
        self.rooms.insert((tenant.key(), room_id), entry);
    }

    /// The key that this server's log of a room goes by; none before the host has named one.
    pub(super) async fn own_key(
        &mut self,
        tenant: &Tenant,
        tx: &mut Tx,
        room_id: RoomId,
    ) -> Result<Option<KeyId>, DbError> {
        self.get(tenant, tx, room_id).await?;
        let entry = self.rooms.get(&(tenant.key(), room_id));
        Ok(entry.and_then(|entry| entry.own_key))
    }

    /// This server's log of a room goes by this key from now on; as its first one only if it has none.
    pub(super) fn set_own_key(
        &mut self,
        tenant: &Tenant,
        room_id: RoomId,
        (key_id, is_first): (KeyId, bool),
    ) {
        let entry = self.rooms.get_mut(&(tenant.key(), room_id));
        if let Some(entry) = entry.filter(|entry| !is_first || entry.own_key.is_none()) {
            entry.own_key = Some(key_id);
        }
    }

    /// Forgets a room.
    pub(super) fn forget(&mut self, tenant: &Tenant, room_id: RoomId) {
        self.rooms.remove(&(tenant.key(), room_id));
    }

    /// Forgets all rooms of a tenant: another node has written.
    pub(super) fn forget_all(&mut self, tenant: &Tenant) {
        self.rooms.retain(|(key, _), _| *key != tenant.key());
    }
}

/// Folds a room from its stored state events, own leaves and log ends.
async fn load(tenant: &Tenant, tx: &mut Tx, room_id: RoomId) -> Result<Option<RoomView>, DbError> {
    let ends = store::logs::ends(tenant, tx.conn(), room_id).await?;
    if ends.is_empty() {
        return Ok(None);
    }
    let deciding = store::deciding(tenant, tx.conn(), room_id).await?;
    let mut view = place::fold(&deciding, ends)?;
    if let Some(view) = &mut view {
        for (origin, gap) in store::gaps::of_room(tenant, tx.conn(), room_id).await? {
            if let Some(log) = view.logs.get_mut(&origin) {
                log.gaps.push(gap);
            }
        }
    }
    Ok(view)
}
