//! What sync and sockets keep in memory: a feed per tenant, the open sockets, the long polls that wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::OnceCell;

use super::feed::Feed;
use super::sockets::Sockets;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// Long polls of one person that may wait at the same time.
const MOST_POLLS: usize = 10;

/// The readers of this node.
#[derive(Default)]
pub struct Streams {
    feeds: Mutex<HashMap<i64, Arc<OnceCell<Arc<Feed>>>>>,
    sockets: Sockets,
    polls: Arc<Mutex<Polls>>,
}

/// How many polls of each person (tenant's key, participant) wait.
type Polls = HashMap<(i64, ParticipantId), usize>;

impl Streams {
    /// The feed of a tenant, started if it is the first time.
    pub(super) async fn feed(&self, app: &App, tenant: &Tenant) -> Result<Arc<Feed>, DbError> {
        let cell = Arc::clone(lock(&self.feeds).entry(tenant.key()).or_default());
        let feed = cell.get_or_try_init(|| Feed::start(app, tenant)).await?;
        Ok(Arc::clone(feed))
    }

    /// The open sockets.
    pub(super) fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Lets a long poll of a person wait. `None`: too many do already.
    pub(super) fn wait(&self, tenant: &Tenant, participant: ParticipantId) -> Option<Waiting> {
        self.wait_in((tenant.key(), participant))
    }

    fn wait_in(&self, key: (i64, ParticipantId)) -> Option<Waiting> {
        let mut polls = lock(&self.polls);
        let waiting = polls.entry(key).or_default();
        if *waiting >= MOST_POLLS {
            return None;
        }
        *waiting += 1;
        Some(Waiting {
            polls: Arc::clone(&self.polls),
            key,
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A long poll that waits, until dropped.
pub(super) struct Waiting {
    polls: Arc<Mutex<Polls>>,
    key: (i64, ParticipantId),
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut polls = lock(&self.polls);
        if let Some(waiting) = polls.get_mut(&self.key) {
            *waiting -= 1;
            if *waiting == 0 {
                polls.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_polls_of_a_person_may_wait() {
        let streams = Streams::default();
        let key = (1, ParticipantId(uuid::Uuid::nil()));
        let mut waiting: Vec<_> = (0..MOST_POLLS).map(|_| streams.wait_in(key)).collect();
        assert!(waiting.iter().all(Option::is_some));
        assert!(streams.wait_in(key).is_none());
        let other = (2, key.1);
        assert!(streams.wait_in(other).is_some());
        waiting.pop();
        assert!(streams.wait_in(key).is_some());
        waiting.clear();
        assert!(lock(&streams.polls).is_empty());
    }
}
