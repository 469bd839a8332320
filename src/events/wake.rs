//! Who waits for events is woken after the commit, never before.
//!
//! A wake-up says where the stream ends now; what is in it is read from [`Recent`] or from the store. A reader that
//! falls behind therefore loses nothing, and nothing is queued for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::model::Placed;
use crate::tenants::Tenant;

/// Events kept in memory per tenant, so that readers who keep up need no query.
const KEPT: usize = 4096;

/// The ends of all tenants' streams, and their latest events.
#[derive(Clone, Default)]
pub struct Wake(Arc<Mutex<HashMap<i64, Stream>>>);

struct Stream {
    end: watch::Sender<i64>,
    recent: VecDeque<Arc<Placed>>,
    /// `recent` holds everything after this position.
    complete_after: i64,
}

impl Stream {
    fn new(end: i64) -> Stream {
        Stream {
            end: watch::Sender::new(end),
            recent: VecDeque::new(),
            complete_after: end,
        }
    }
}

impl Wake {
    /// Tells that the stream ends at `end` now, after these events were committed.
    pub fn committed(&self, tenant: &Tenant, end: i64, placed: &[Placed]) {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = placed.first().map_or(end, |item| item.position - 1);
        let stream = streams
            .entry(tenant.key())
            .or_insert_with(|| Stream::new(first));
        stream.recent.extend(placed.iter().cloned().map(Arc::new));
        while stream.recent.len() > KEPT {
            if let Some(gone) = stream.recent.pop_front() {
                stream.complete_after = gone.position;
            }
        }
        stream.end.send_replace(end);
    }

    /// Watches the end of a tenant's stream. `now` is where it ends according to the store.
    pub fn watch(&self, tenant: &Tenant, now: i64) -> watch::Receiver<i64> {
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams
            .entry(tenant.key())
            .or_insert_with(|| Stream::new(now));
        stream.end.subscribe()
    }

    /// Everything after `position`, at most `limit` events; `None`: only the store has all of it.
    pub fn recent(&self, tenant: &Tenant, position: i64, limit: usize) -> Option<Vec<Arc<Placed>>> {
        let streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.get(&tenant.key())?;
        if position < stream.complete_after {
            return None;
        }
        let from = stream
            .recent
            .partition_point(|item| item.position <= position);
        Some(stream.recent.range(from..).take(limit).cloned().collect())
    }
}
