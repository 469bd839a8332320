//! What deliveries leave to be written down: in a room of hundreds of servers an event goes to each of them at the same time.
//!
//! SQLite has one writer, so there what many destinations answered shares a commit. Postgres lets commits of several
//! connections share a wait for the disk by itself; and there a transaction that touches the rows of several destinations
//! could meet the one that moves the ends of a room's log for all of them, each with a row that the other one waits for.

use std::collections::BTreeMap;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::later;
use crate::db::{Backend, DbError, Tx};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::federation::core::delivery::{RoomOutcome, backoff, stalled_for_ms};
use crate::federation::{Federation, store};
use crate::tenants::Tenant;

/// Notes in one transaction, at most.
const MOST: usize = 128;

/// What a destination answered to a batch.
pub(super) struct Note {
    pub(super) tenant: Tenant,
    pub(super) destination: ServerName,
    pub(super) rooms: BTreeMap<RoomId, RoomOutcome>,
}

/// The note could not be written; why is logged. What was delivered is delivered again.
#[derive(Debug, thiserror::Error)]
#[error("what it answered could not be written down")]
pub(super) struct NotWritten;

/// Where notes are handed in: cheap to clone.
#[derive(Clone)]
pub(super) struct Notes {
    federation: Federation,
    queue: mpsc::Sender<(Note, oneshot::Sender<()>)>,
}

impl Notes {
    /// Begins to write notes, until the last clone of the answer is gone.
    pub(super) fn start(federation: &Federation) -> (Notes, JoinHandle<()>) {
        let (queue, notes) = mpsc::channel(MOST);
        let task = tokio::spawn(write_all(federation.clone(), notes));
        let federation = federation.clone();
        (Notes { federation, queue }, task)
    }

    /// Writes a note; it is on disk when this returns.
    pub(super) async fn write(&self, note: Note) -> Result<(), NotWritten> {
        if self.federation.db().backend() == Backend::Postgres {
            let written = write(&self.federation, std::slice::from_ref(&note)).await;
            return written.map_err(|error| not_written(&error, 1));
        }
        let (done, written) = oneshot::channel();
        let sent = self.queue.send((note, done)).await;
        sent.map_err(|_| NotWritten)?;
        written.await.map_err(|_| NotWritten)
    }
}

fn not_written(error: &DbError, notes: usize) -> NotWritten {
    tracing::warn!(%error, notes, "what deliveries came to could not be written down");
    NotWritten
}

async fn write_all(federation: Federation, mut queue: mpsc::Receiver<(Note, oneshot::Sender<()>)>) {
    while let Some(first) = queue.recv().await {
        let mut together = vec![first];
        while together.len() < MOST
            && let Ok(next) = queue.try_recv()
        {
            together.push(next);
        }
        let (notes, waiting): (Vec<_>, Vec<_>) = together.into_iter().unzip();
        match write(&federation, &notes).await {
            Ok(()) => {
                for done in waiting {
                    // A sender that was stopped meanwhile needs no answer.
                    let _gone = done.send(());
                }
            }
            // Who waits learns it by the end of its channel.
            Err(error) => {
                let _ = not_written(&error, notes.len());
            }
        }
    }
}

async fn write(federation: &Federation, notes: &[Note]) -> Result<(), DbError> {
    let mut tx = federation.db().begin().await?;
    let now_ms = federation.now_ms();
    for note in notes {
        write_one(&mut tx, note, now_ms).await?;
    }
    tx.commit(()).await?;
    Ok(())
}

async fn write_one(tx: &mut Tx, note: &Note, now_ms: i64) -> Result<(), DbError> {
    let (tenant, destination) = (&note.tenant, &note.destination);
    for (room_id, outcome) in &note.rooms {
        if let Some(place) = outcome.reached {
            store::outbox::reached(tenant, tx, destination, *room_id, place).await?;
        }
        if let Some(reason) = &outcome.stalled {
            stall(tenant, tx, destination, *room_id, reason, now_ms).await?;
        }
    }
    store::peers::ensure(tenant, tx, destination, now_ms).await?;
    store::peers::save_sent(tenant, tx, destination, now_ms).await
}

/// A log that its destination can place nothing more of rests, longer each time.
pub(super) async fn stall(
    tenant: &Tenant,
    tx: &mut Tx,
    destination: &ServerName,
    room_id: RoomId,
    reason: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let stalls = store::outbox::stalls(tenant, tx, destination, room_id).await?;
    let stalls = stalls.saturating_add(1);
    let wait = backoff(stalls, stalled_for_ms(stalls), rand::random());
    let next = later(now_ms, wait);
    tracing::warn!(event = "federation.log_stalled", peer = %destination, room = %room_id, stalls, reason);
    store::outbox::stalled(tenant, tx, destination, room_id, next, reason).await
}
