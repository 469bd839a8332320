//! How many destinations are sent to at one time: those that are slow to answer take no place from the others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use crate::events::core::names::ServerName;

/// Requests that are under way at one time.
const QUICK: usize = 64;
/// Beside them, to destinations that were slow the last time.
const SLOW: usize = 16;
/// Beside both, requests that turned out to be slow on their way: many servers may fall silent at once. It bounds the
/// bodies that are held in memory for them.
const TURNED_SLOW: usize = 256;
/// An answer that takes longer is slow.
const SLOWLY: Duration = Duration::from_secs(3);

/// The destination's tenant and name.
pub(super) type Destination = (i64, ServerName);

/// The places.
pub(super) struct Places {
    quick: Semaphore,
    slow: Semaphore,
    turned_slow: Semaphore,
    known_as_slow: Mutex<HashSet<Destination>>,
}

impl Places {
    pub(super) fn new() -> Places {
        Places {
            quick: Semaphore::new(QUICK),
            slow: Semaphore::new(SLOW),
            turned_slow: Semaphore::new(TURNED_SLOW),
            known_as_slow: Mutex::default(),
        }
    }

    /// Waits for a place and makes a request in it, which gives its place back early if the answer is long in coming.
    pub(super) async fn lend<T>(
        &self,
        destination: &Destination,
        request: impl Future<Output = T>,
    ) -> T {
        let mut place = self.place(destination).await;
        let begun = Instant::now();
        let mut request = std::pin::pin!(request);
        let answer = tokio::select! {
            answer = &mut request => answer,
            () = tokio::time::sleep(SLOWLY) => {
                if let Ok(other) = self.turned_slow.try_acquire() {
                    place = Some(other);
                }
                request.await
            }
        };
        drop(place);
        self.note(destination, begun.elapsed());
        answer
    }

    /// A place of the kind that the destination deserves. Nobody closes them.
    async fn place(&self, destination: &Destination) -> Option<SemaphorePermit<'_>> {
        let is_slow = self.slow_ones().contains(destination);
        let places = match is_slow {
            true => &self.slow,
            false => &self.quick,
        };
        places.acquire().await.ok()
    }

    fn slow_ones(&self) -> std::sync::MutexGuard<'_, HashSet<Destination>> {
        self.known_as_slow
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, destination: &Destination, took: Duration) {
        let mut slow = self.slow_ones();
        match took > SLOWLY {
            true => slow.insert(destination.clone()),
            false => slow.remove(destination),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::stream::{FuturesUnordered, StreamExt};

    use super::*;

    fn destination(number: usize) -> Destination {
        (1, format!("s{number}.example").parse().unwrap())
    }

    /// Whether a request to the destination gets a place within a second, as things are.
    async fn gets_a_place(places: &Places, destination: &Destination) -> bool {
        let lent = places.lend(destination, async {});
        tokio::time::timeout(Duration::from_secs(1), lent)
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn destinations_that_were_slow_wait_for_each_other_and_for_nobody_else() {
        let places = Places::new();
        let slow: Vec<_> = (0..=SLOW).map(destination).collect();
        for one in &slow {
            places.note(one, SLOWLY + Duration::from_millis(1));
        }
        let mut silent: FuturesUnordered<_> = slow[..SLOW]
            .iter()
            .map(|one| places.lend(one, pending::<()>()))
            .collect();
        let asked = async {
            assert!(!gets_a_place(&places, &slow[SLOW]).await);
            assert!(gets_a_place(&places, &destination(SLOW + 1)).await);
        };
        tokio::select! {
            biased;
            _ = silent.next() => unreachable!("they are silent"),
            () = asked => {}
        }
        drop(silent);
        // It has answered at once this time.
        assert!(gets_a_place(&places, &slow[0]).await);
        assert!(!places.slow_ones().contains(&slow[0]));
    }

    #[tokio::test(start_paused = true)]
    async fn many_that_fall_silent_at_once_hold_up_the_others_for_a_moment_only() {
        let places = Places::new();
        let all: Vec<_> = (0..QUICK).map(destination).collect();
        let mut silent: FuturesUnordered<_> = all
            .iter()
            .map(|one| places.lend(one, pending::<()>()))
            .collect();
        let other = destination(QUICK);
        let asked = async {
            assert!(!gets_a_place(&places, &other).await);
            tokio::time::sleep(SLOWLY).await;
            assert!(gets_a_place(&places, &other).await);
        };
        tokio::select! {
            biased;
            _ = silent.next() => unreachable!("they are silent"),
            () = asked => {}
        }
    }
}
