//! Each peer's share of the work that its events make: verifying them, and giving them their places.
//!
//! As many pages of events are verified at one time as there are processors. A page has its peer's turn until it is placed,
//! and a peer has half as many turns; what is more waits in the order in which it came. So while one peer floods, every other
//! one finds a free processor, and a writer that is not buried. Of a log that this server fetches by itself, one page is
//! verified while the one before it is placed: there a page has a turn to be verified, and then one to be placed.
//!
//! Requests that wait hold their events in memory: a peer has only a few at one time.

use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// Requests with events of one peer at one time. Who sends as the specification says has one under way.
const MOST_REQUESTS: usize = 8;
/// Peers whose shares are remembered; those that are in use are kept by who uses them.
const MOST_PEERS: u64 = 20_000;
/// A share that was not used for so long is a whole one.
const IDLE: Duration = Duration::from_secs(600);

/// All peers' shares.
pub struct Shares {
    /// One for each page that may be verified at one time.
    workers: Arc<Semaphore>,
    of_each: usize,
    peers: Cache<(i64, ServerName), Share>,
}

/// One peer's.
#[derive(Clone)]
struct Share {
    turns: Arc<Semaphore>,
    placings: Arc<Semaphore>,
    requests: Arc<Semaphore>,
}

impl Default for Shares {
    fn default() -> Self {
        Self::of(std::thread::available_parallelism().map_or(1, NonZero::get))
    }
}

impl Shares {
    /// For so many processors; with one, too, nobody has all of the work.
    fn of(processors: usize) -> Self {
        let workers = processors.max(2);
        Self {
            workers: Arc::new(Semaphore::new(workers)),
            of_each: workers / 2,
            peers: Cache::builder()
                .max_capacity(MOST_PEERS)
                .time_to_idle(IDLE)
                .build(),
        }
    }

    fn share(&self, tenant: &Tenant, peer: &ServerName) -> Share {
        self.peers.get_with((tenant.key(), peer.clone()), || Share {
            turns: Arc::new(Semaphore::new(self.of_each)),
            placings: Arc::new(Semaphore::new(self.of_each)),
            requests: Arc::new(Semaphore::new(MOST_REQUESTS)),
        })
    }

    /// Counts a request of a peer as under way while the answer lives. `None`: it has too many already.
    #[must_use]
    pub fn request(&self, tenant: &Tenant, peer: &ServerName) -> Option<OwnedSemaphorePermit> {
        self.share(tenant, peer).requests.try_acquire_owned().ok()
    }

    /// Waits for one of the peer's turns to place a page that is verified already.
    pub async fn placing(
        &self,
        tenant: &Tenant,
        peer: &ServerName,
    ) -> Option<OwnedSemaphorePermit> {
        let placings = self.share(tenant, peer).placings;
        // It is never closed.
        placings.acquire_owned().await.ok()
    }

    /// Waits for one of the peer's turns. Nobody may wait for a second one who holds one.
    pub async fn turn(&self, tenant: &Tenant, peer: &ServerName) -> Turn {
        let turns = self.share(tenant, peer).turns;
        Turn {
            // It is never closed.
            share: turns.acquire_owned().await.ok().map(Arc::new),
            workers: Arc::clone(&self.workers),
        }
    }
}

/// A peer's turn; over when dropped, and when what was begun in it is done.
pub struct Turn {
    share: Option<Arc<OwnedSemaphorePermit>>,
    workers: Arc<Semaphore>,
}

impl Turn {
    /// A turn of nobody's, for tests of what is done in one.
    #[cfg(test)]
    pub(crate) fn free() -> Turn {
        Turn {
            share: None,
            workers: Arc::new(Semaphore::new(1)),
        }
    }

    /// Does work that keeps a processor busy, off the threads that serve requests. `None`: the server stops.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let share = self.share.clone();
        let worker = Arc::clone(&self.workers).acquire_owned().await;
        // Both are held until the work is done, though nobody may wait for it any more.
        let task = tokio::task::spawn_blocking(move || {
            let _held = (share, worker);
            work()
        });
        task.await.ok()
    }
}

#[cfg(test)]
mod tests;
