//! Who waits for events is woken after the commit, never before.
//!
//! A wake-up says where the stream ends now; what is in it is read from [`Recent`] or from the store. A reader that
//! falls behind therefore loses nothing, and nothing is queued for it.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::core::ids::RoomId;
use super::model::Placed;
use crate::tenants::Tenant;

/// Events kept in memory per tenant, so that readers who keep up need no query. Two of the writer's batches: contents may
/// be large, and a reader that is further behind finds everything in the store.
const KEPT: usize = 512;

/// The ends of all tenants' streams, and their latest events.
#[derive(Clone, Default)]
pub struct Wake(Arc<Streams>);

#[derive(Default)]
struct Streams {
    of_tenant: Mutex<HashMap<i64, Stream>>,
    /// How many commits changed a message that was there before.
    changes: AtomicU64,
    /// Told when rooms were erased.
    erasures: Notify,
}

struct Stream {
    end: watch::Sender<i64>,
    recent: VecDeque<Arc<Placed>>,
    /// `recent` holds everything after this position.
    complete_after: i64,
    /// Where the stream ended when a room was last erased.
    erased_at: i64,
}

impl Stream {
    fn new(end: i64) -> Stream {
        Stream {
            end: watch::Sender::new(end),
            recent: VecDeque::new(),
            complete_after: end,
            erased_at: -1,
        }
    }
}

impl Wake {
    /// Tells that the stream ends at `end` now, after these events were committed, and everything of the rooms `erased` was
    /// deleted.
    pub fn committed(&self, tenant: &Tenant, end: i64, placed: &[Placed], erased: &[RoomId]) {
        if !erased.is_empty() || placed.iter().any(|item| item.target.is_some()) {
            self.0.changes.fetch_add(1, Ordering::AcqRel);
        }
        if !erased.is_empty() {
            self.0.erasures.notify_one();
        }
        let mut streams = self
            .0
            .of_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let first = placed.first().map_or(end, |item| item.position - 1);
        let stream = streams
            .entry(tenant.key())
            .or_insert_with(|| Stream::new(first));
        // What lies between was committed, but the connection to the database broke before it said so.
        if first > *stream.end.borrow() {
            stream.recent.clear();
            stream.complete_after = first;
        }
        if !erased.is_empty() {
            let is_kept = |item: &Arc<Placed>| !erased.contains(&item.event.room_id);
            stream.recent.retain(is_kept);
            stream.erased_at = end;
        }
        stream.recent.extend(placed.iter().cloned().map(Arc::new));
        while stream.recent.len() > KEPT {
            if let Some(gone) = stream.recent.pop_front() {
                stream.complete_after = gone.position;
            }
        }
        stream.end.send_replace(end);
    }

    /// Whether a room was erased after the stream had reached `position`.
    pub fn erased_after(&self, tenant: &Tenant, position: i64) -> bool {
        let streams = self
            .0
            .of_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stream = streams.get(&tenant.key());
        stream.is_some_and(|stream| stream.erased_at > position)
    }

    /// Waits until rooms have been erased.
    pub async fn erasure(&self) {
        self.0.erasures.notified().await;
    }

    /// A number that moves whenever a message was edited, redacted or reacted to, or a room was erased.
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Watches the end of a tenant's stream. `now` is where it ends according to the store.
    pub fn watch(&self, tenant: &Tenant, now: i64) -> watch::Receiver<i64> {
        let mut streams = self
            .0
            .of_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let stream = streams
            .entry(tenant.key())
            .or_insert_with(|| Stream::new(now));
        stream.end.subscribe()
    }

    /// Everything after `position`, at most `limit` events; `None`: only the store has all of it.
    pub fn recent(&self, tenant: &Tenant, position: i64, limit: usize) -> Option<Vec<Arc<Placed>>> {
        let streams = self
            .0
            .of_tenant
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::app::test_server::Server;
    use crate::events::core::testing;
    use crate::events::model::{Kind, Shown, Standing};

    fn placed(position: i64) -> Placed {
        let signed = testing::draft(json!({})).sign(&testing::key()).unwrap();
        Placed {
            position,
            hash: signed.hash(),
            event: Arc::new(signed.into_inner()),
            standing: Standing::Valid,
            shown: Shown::History,
            kind: Kind::Timeline,
            target: None,
        }
    }

    fn positions(wake: &Wake, tenant: &Tenant, after: i64) -> Option<Vec<i64>> {
        let recent = wake.recent(tenant, after, 10)?;
        Some(recent.iter().map(|item| item.position).collect())
    }

    #[tokio::test]
    async fn what_was_committed_without_a_word_is_read_from_the_store() {
        let server = Server::start(&[]).await;
        let tenant = server.app.tenants().first().unwrap();
        let wake = Wake::default();
        wake.committed(&tenant, 2, &[placed(1), placed(2)], &[]);
        assert_eq!(positions(&wake, &tenant, 0), Some(vec![1, 2]));
        // 3 and 4 were committed, but the connection broke before the answer.
        wake.committed(&tenant, 5, &[placed(5)], &[]);
        assert_eq!(positions(&wake, &tenant, 2), None);
        assert_eq!(positions(&wake, &tenant, 4), Some(vec![5]));
    }
    #[tokio::test]
    async fn what_was_erased_is_not_kept() {
        let server = Server::start(&[]).await;
        let tenant = server.app.tenants().first().unwrap();
        let wake = Wake::default();
        wake.committed(&tenant, 2, &[placed(1), placed(2)], &[]);
        assert!(!wake.erased_after(&tenant, 0));
        wake.committed(&tenant, 4, &[], &[placed(1).event.room_id]);
        assert_eq!(positions(&wake, &tenant, 4), Some(vec![]));
        assert!(wake.erased_after(&tenant, 2) && !wake.erased_after(&tenant, 4));
        tokio::time::timeout(std::time::Duration::from_secs(5), wake.erasure())
            .await
            .unwrap();
    }
}
