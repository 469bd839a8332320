//! Bringing our logs to other servers: durable, in order, each event once, however long they are away.
//!
//! The outbox holds positions, not copies: an append moves the ends of the rooms concerned in its own transaction
//! ([`extend`]), and a sender reads from the log what lies between. One request at a time for each destination. Failures
//! make a destination wait longer and longer; a valid request from it ends the waiting.

mod batch;
mod failed;
mod notes;
mod places;
mod sender;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::notes::Notes;
use self::places::Places;
use self::sender::Sender;
use super::Federation;
use super::core::delivery::LogPlace;
use super::store;
use crate::db::DbError;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::store::meeting;
use crate::rooms::core::content::LogPosition;
use crate::tenants::Tenant;

pub use super::store::outbox::{Depth, Job, add_job, close, depths, extend, open};

/// How often the outbox is looked through although nobody said anything: waiting destinations become due by time.
const TICK: Duration = Duration::from_secs(1);

/// Sends until `stop`, and ends when the last sender has.
pub async fn run(federation: Federation, stop: CancellationToken) {
    let places = Arc::new(Places::new());
    let busy: Busy = Arc::default();
    let senders = TaskTracker::new();
    let (notes, writing) = Notes::start(&federation);
    while !stop.is_cancelled() {
        for tenant in federation.tenants().all() {
            match store::outbox::due(&tenant, federation.db(), federation.now_ms()).await {
                Ok(due) => {
                    for destination in due {
                        let Some(sending) =
                            Sending::begin(&federation, &busy, &tenant, &destination)
                        else {
                            continue;
                        };
                        let sender = Sender {
                            federation: federation.clone(),
                            tenant: tenant.clone(),
                            key: (tenant.key(), destination.clone()),
                            destination,
                            places: Arc::clone(&places),
                            notes: notes.clone(),
                            stop: stop.clone(),
                        };
                        senders.spawn(send(sender, sending));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, tenant = tenant.slug(), "the outbox cannot be read")
                }
            }
        }
        tokio::select! {
            () = federation.0.deliveries.notified() => {}
            () = tokio::time::sleep(TICK) => {}
            () = stop.cancelled() => {}
        }
    }
    senders.close();
    senders.wait().await;
    drop(notes);
    // It ends when the last note is written.
    let _ = writing.await;
}

/// A server says how far it has our log of a room: it may have fetched some of it by itself, which needs no delivery any
/// more. Another event at that place would be a fork; a place beyond our log, our own log after a restore.
pub async fn believe(
    federation: &Federation,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    head: &LogPosition,
) -> Result<(), DbError> {
    let Some(hash) = head.hash else {
        return Ok(());
    };
    let place = LogPlace {
        epoch: head.epoch,
        seq: head.seq,
    };
    // Most comparisons find what was delivered: they need not wait for the one who writes.
    if !store::outbox::lacks(tenant, federation.db(), peer, room_id, place).await? {
        return Ok(());
    }
    let mut tx = federation.db().begin().await?;
    let (own, range) = (tenant.server_name(), (head.seq, head.seq));
    let at_place = meeting::hashes(tenant, &mut tx, room_id, own, head.epoch, range).await?;
    if at_place.get(&head.seq) == Some(&hash) {
        store::outbox::holds(tenant, &mut tx, peer, room_id, place).await?;
        tx.commit(()).await?;
    }
    Ok(())
}

/// Destinations that are sent to now, and whether they became due again meanwhile.
type Busy = Arc<Mutex<BTreeMap<(i64, ServerName), bool>>>;

/// Marks a destination as being sent to while it lives.
struct Sending {
    federation: Federation,
    busy: Busy,
    key: (i64, ServerName),
}

impl Sending {
    /// None: it is being sent to already, and will be looked at again afterwards.
    fn begin(
        federation: &Federation,
        busy: &Busy,
        tenant: &Tenant,
        destination: &ServerName,
    ) -> Option<Self> {
        let key = (tenant.key(), destination.clone());
        let mut marks = busy.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(again) = marks.get_mut(&key) {
            *again = true;
            return None;
        }
        marks.insert(key.clone(), false);
        Some(Self {
            federation: federation.clone(),
            busy: Arc::clone(busy),
            key,
        })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let again = self
            .busy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.key);
        if again == Some(true) {
            self.federation.wake_senders();
        }
    }
}

async fn send(sender: Sender, _sending: Sending) {
    // A request that is cut off by the stop is repeated after the next start: positions move with its answer.
    tokio::select! {
        () = sender.drain() => {}
        () = sender.stop.cancelled() => {}
    }
}

fn later(now_ms: i64, wait: Duration) -> i64 {
    now_ms.saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests;
