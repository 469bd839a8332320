//! What a host does first after a start: ask before it writes state.
//!
//! A host that was put back to an earlier state would append to an old end of its own log, and fork it. So the rooms
//! that it hosts and shares take no state changes after a start until one of their servers has said how far it has their
//! logs (and the missing part was fetched), or until `SCAIWAVE_FEDERATION_STATE_WAIT` has passed. Messages and people's
//! own leaves never wait for that.
//!
//! After a restore from a backup all of a room waits, messages too, and for as long as its servers have not answered.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Mutex, PoisonError};

use crate::events::core::ids::RoomId;
use crate::tenants::Tenant;

/// The rooms that have not heard from anybody since the start.
#[derive(Debug, Default)]
pub struct HostWait(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    rooms: HashSet<(i64, RoomId)>,
    until_ms: i64,
    behind: HashSet<(i64, RoomId)>,
}

impl HostWait {
    /// These rooms of a tenant wait, until `until_ms` at most.
    pub fn begin(&self, tenant: &Tenant, rooms: impl IntoIterator<Item = RoomId>, until_ms: i64) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.until_ms = until_ms;
        let rooms = rooms.into_iter().map(|room_id| (tenant.key(), room_id));
        waiting.rooms.extend(rooms);
    }

    /// A server of this room has answered, and what it had was fetched.
    pub fn heard(&self, tenant: &Tenant, room_id: RoomId) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.rooms.remove(&(tenant.key(), room_id));
    }

    /// Whether this room's state has to wait still.
    #[must_use]
    pub fn holds(&self, tenant: &Tenant, room_id: RoomId, now_ms: i64) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = (tenant.key(), room_id);
        waiting.behind.contains(&room) || now_ms < waiting.until_ms && waiting.rooms.contains(&room)
    }

    /// The own logs of these rooms may be behind what peers hold of them.
    pub fn fall_behind(&self, tenant: &Tenant, rooms: impl IntoIterator<Item = RoomId>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rooms = rooms.into_iter().map(|room_id| (tenant.key(), room_id));
        waiting.behind.extend(rooms);
    }

    /// Those of a tenant's rooms that are not `still` behind go on.
    pub fn catch_up(&self, tenant: &Tenant, still: &BTreeSet<RoomId>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting
            .behind
            .retain(|(of, room_id)| *of != tenant.key() || still.contains(room_id));
    }

    /// Whether the own log of this room may be behind what peers hold of it.
    #[must_use]
    pub fn is_behind(&self, tenant: &Tenant, room_id: RoomId) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.behind.contains(&(tenant.key(), room_id))
    }
}

#[cfg(test)]
mod tests {
    use super::HostWait;
    use crate::federation::test_support::TestServer;

    #[tokio::test]
    async fn a_shared_room_waits_for_an_answer_and_not_for_ever() {
        let server = TestServer::start([]).await;
        let [asked, silent, new] = [1, 2, 3].map(|number: u128| {
            let id = uuid::Uuid::from_u128(number);
            id.to_string().parse().unwrap()
        });
        let wait = HostWait::default();
        wait.begin(&server.tenant, [asked, silent], 10_000);

        assert!(wait.holds(&server.tenant, asked, 9_999));
        wait.heard(&server.tenant, asked);
        assert!(!wait.holds(&server.tenant, asked, 0));
        assert!(
            !wait.holds(&server.tenant, new, 0),
            "shared only since the start"
        );
        assert!(wait.holds(&server.tenant, silent, 9_999));
        assert!(!wait.holds(&server.tenant, silent, 10_000));
    }
}
