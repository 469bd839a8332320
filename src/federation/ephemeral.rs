//! Telling other servers live who is there and who types: never stored, never waited for, lost where it is not taken.
//!
//! Whoever has something to say puts it into [`Ephemeral`] and goes on; [`run`] sends it, few requests at a time, as
//! [`core::ephemeral`](super::core::ephemeral) paces them. Nothing is written down about how it went.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use moka::sync::Cache;
use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Federation;
use super::client::Call;
use super::core::descriptor::FEDERATION_PATH;
use super::core::ephemeral::{Destination, Mail, Notices};
use crate::db::DbError;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::presence::State;
use crate::rooms::store::members;
use crate::tenants::Tenant;

/// Requests at one time, over all servers.
const REQUESTS: usize = 32;
/// How long a request may take: what is live is worth nothing later.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer.
const MAX_ANSWER_BYTES: usize = 4 << 10;
/// Rooms whose servers are kept in memory.
const MOST_ROOMS: u64 = 20_000;
/// How long another node's change may stay unnoticed.
const MEMORY: Duration = Duration::from_secs(60);

/// What other servers have to be told.
#[derive(Debug)]
pub struct Ephemeral {
    mail: Mutex<Mail>,
    put: Notify,
    /// The other servers of each room.
    servers: Cache<(i64, RoomId), Arc<[ServerName]>>,
    /// Rooms (by tenant's key) whose members have changed.
    changed_rooms: Mutex<HashSet<(i64, RoomId)>>,
    changed: Notify,
}

impl Default for Ephemeral {
    fn default() -> Self {
        Self {
            mail: Mutex::default(),
            put: Notify::new(),
            servers: Cache::builder()
                .max_capacity(MOST_ROOMS)
                .time_to_live(MEMORY)
                .build(),
            changed_rooms: Mutex::default(),
            changed: Notify::new(),
        }
    }
}

impl Ephemeral {
    /// Tells a server how present one of our people is.
    pub fn tell_presence(
        &self,
        tenant: &Tenant,
        server: &ServerName,
        person: &Fqid,
        status: State,
        now: i64,
    ) {
        let to = (tenant.key(), server.clone());
        self.mail().put_presence(&to, person, status, now);
        self.put.notify_one();
    }

    /// Tells a server that one of our people types, or types no more.
    pub fn tell_typing(
        &self,
        tenant: &Tenant,
        server: &ServerName,
        (room, person): (RoomId, &Fqid),
        typing: bool,
        now: i64,
    ) {
        let to = (tenant.key(), server.clone());
        self.mail().put_typing(&to, room, person, typing, now);
        self.put.notify_one();
    }

    /// One of our people has sent a message, which says more than what waits about typing.
    pub fn forget_typing(&self, tenant: &Tenant, room: RoomId, person: ParticipantId) {
        self.mail().forget_typing(tenant.key(), room, person);
    }

    /// A server has sent a valid request.
    pub(super) fn heard(&self, tenant: &Tenant, server: &ServerName) {
        self.mail().heard(&(tenant.key(), server.clone()));
    }

    /// Members of these rooms have changed, and it is on disk.
    pub fn members_changed(&self, tenant: &Tenant, rooms: impl IntoIterator<Item = RoomId>) {
        let rooms: Vec<_> = rooms.into_iter().map(|room| (tenant.key(), room)).collect();
        if rooms.is_empty() {
            return;
        }
        for room in &rooms {
            self.servers.invalidate(room);
        }
        self.changed_rooms().extend(rooms);
        self.changed.notify_one();
    }

    /// Takes out the rooms, by their tenant's key, whose members have changed since the last question.
    pub fn take_changed_rooms(&self) -> HashSet<(i64, RoomId)> {
        std::mem::take(&mut *self.changed_rooms())
    }

    /// Waits until members of a room have changed.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    fn mail(&self) -> MutexGuard<'_, Mail> {
        self.mail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed_rooms(&self) -> MutexGuard<'_, HashSet<(i64, RoomId)>> {
        self.changed_rooms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Federation {
    /// The other servers with people in a room, mostly from memory.
    ///
    /// # Errors
    /// The database's.
    pub async fn other_servers(
        &self,
        tenant: &Tenant,
        room: RoomId,
    ) -> Result<Arc<[ServerName]>, DbError> {
        let known = &self.ephemeral().servers;
        let key = (tenant.key(), room);
        if let Some(servers) = known.get(&key) {
            return Ok(servers);
        }
        let mut servers = members::servers(tenant, self.db(), room).await?;
        servers.retain(|server| server != tenant.server_name());
        let servers: Arc<[ServerName]> = servers.into();
        known.insert(key, Arc::clone(&servers));
        Ok(servers)
    }
}

/// Sends until `stop`.
pub async fn run(federation: Federation, stop: CancellationToken) {
    let slots = Arc::new(Semaphore::new(REQUESTS));
    while !stop.is_cancelled() {
        // Closing never happens: the semaphore lives as long as this task.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let next = federation.ephemeral().mail().next(federation.now_ms());
        let due = match next {
            Ok((to, notices)) => {
                let (federation, stop) = (federation.clone(), stop.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = send(&federation, &to, &notices) => {}
                        () = stop.cancelled() => {}
                    }
                    drop(slot);
                });
                continue;
            }
            Err(due) => due,
        };
        drop(slot);
        tokio::select! {
            () = federation.ephemeral().put.notified() => {}
            () = sleep_until(due, federation.now_ms()) => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn sleep_until(at: Option<i64>, now: i64) {
    match at {
        Some(at) => {
            let wait = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        None => std::future::pending().await,
    }
}

/// Sends one request. What becomes of it is nobody's concern but the pacing's.
async fn send(federation: &Federation, to: &Destination, notices: &Notices) {
    let is_taken = tokio::time::timeout(TIMEOUT, is_taken(federation, to, notices))
        .await
        .unwrap_or(false);
    let ephemeral = federation.ephemeral();
    ephemeral.mail().sent(to, is_taken, federation.now_ms());
    // More may wait for this server, and its time is known only now.
    ephemeral.put.notify_one();
}

async fn is_taken(
    federation: &Federation,
    (tenant, server): &Destination,
    notices: &Notices,
) -> bool {
    let Some(tenant) = federation.tenants().by_key(*tenant) else {
        return false;
    };
    // Whoever is not sent messages, because it is away or an admin wants it so, is told nothing else either.
    let is_away = match federation.peers().get(&tenant, server).await {
        Ok(peer) => peer.paused || federation.now_ms() < peer.next_send_at,
        Err(_) => true,
    };
    if is_away {
        return false;
    }
    let path = format!("{FEDERATION_PATH}/ephemeral");
    let call = Call {
        method: Method::POST,
        path_and_query: &path,
        body: Some(json!(notices).to_string().into_bytes()),
        max_response: MAX_ANSWER_BYTES,
    };
    match federation.call(&tenant, server, call).await {
        Ok(answer) => answer.status.is_success(),
        Err(error) => {
            tracing::debug!(%error, peer = %server, "a server was not told what is live");
            false
        }
    }
}

#[cfg(test)]
mod tests;
