//! How many destinations are sent to at one time: those that are slow to answer take no place from the others.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::events::core::names::ServerName;

/// Requests that are under way at one time.
const QUICK: usize = 64;
/// Beside them, to destinations that were slow the last time.
const SLOW: usize = 16;
/// An answer that takes longer is slow.
const SLOWLY: Duration = Duration::from_secs(3);

/// The destination's tenant and name.
pub(super) type Destination = (i64, ServerName);

/// The places.
pub(super) struct Places {
    quick: Semaphore,
    slow: Semaphore,
    known_as_slow: Mutex<HashSet<Destination>>,
}

/// A place, for one request.
pub(super) struct Place<'a> {
    places: &'a Places,
    destination: &'a Destination,
    taken_at: Instant,
    _permit: Option<SemaphorePermit<'a>>,
}

impl Places {
    pub(super) fn new() -> Places {
        Places {
            quick: Semaphore::new(QUICK),
            slow: Semaphore::new(SLOW),
            known_as_slow: Mutex::default(),
        }
    }

    /// Waits for a place.
    pub(super) async fn take<'a>(&'a self, destination: &'a Destination) -> Place<'a> {
        let is_slow = self.slow_ones().contains(destination);
        let places = match is_slow {
            true => &self.slow,
            false => &self.quick,
        };
        Place {
            places: self,
            destination,
            // Nobody closes them.
            _permit: places.acquire().await.ok(),
            taken_at: Instant::now(),
        }
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

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.places.note(self.destination, self.taken_at.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn destination(number: usize) -> Destination {
        (1, format!("s{number}.example").parse().unwrap())
    }

    #[tokio::test]
    async fn slow_destinations_wait_for_each_other_and_for_nobody_else() {
        let places = Places::new();
        let slow: Vec<_> = (0..=SLOW).map(destination).collect();
        for one in &slow {
            places.note(one, SLOWLY + Duration::from_millis(1));
        }
        let taken: Vec<_> = slow[..SLOW]
            .iter()
            .map(|one| places.take(one).now_or_never().unwrap())
            .collect();
        assert!(places.take(&slow[SLOW]).now_or_never().is_none());
        let other = destination(SLOW + 1);
        assert!(places.take(&other).now_or_never().is_some());
        drop(taken);
        // They have answered at once this time.
        let quick: Vec<_> = slow
            .iter()
            .map(|one| places.take(one).now_or_never().unwrap())
            .collect();
        assert_eq!(quick.len(), SLOW + 1);
    }
}
