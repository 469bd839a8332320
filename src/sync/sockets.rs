//! The open sockets of each person: a newer one with the same token replaces the older, and beyond a number the oldest
//! goes (client specification, section 10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::ending::Ending;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// A person of a tenant (its key).
type Key = (i64, ParticipantId);

/// All open sockets of this node.
#[derive(Clone, Default)]
pub(super) struct Sockets(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    next: u64,
    /// Oldest first.
    open: HashMap<Key, Vec<Open>>,
}

struct Open {
    number: u64,
    token: Hash,
    end: oneshot::Sender<Ending>,
}

impl Sockets {
    /// Takes a place for a socket that was opened with a token, whose hash is given; at most `most` a person.
    pub(super) fn open(
        &self,
        tenant: &Tenant,
        participant: ParticipantId,
        token: Hash,
        most: usize,
    ) -> Place {
        self.open_in((tenant.key(), participant), token, most)
    }

    fn open_in(&self, key: Key, token: Hash, most: usize) -> Place {
        let (end, ended) = oneshot::channel();
        let mut registry = self.registry();
        let number = registry.next;
        registry.next += 1;
        let open = registry.open.entry(key).or_default();
        while let Some(index) = open.iter().position(|socket| socket.token == token) {
            open.remove(index).end(Ending::DuplicateConnection);
        }
        while !open.is_empty() && open.len() >= most {
            open.remove(0).end(Ending::TooManyConnections);
        }
        open.push(Open { number, token, end });
        Place {
            sockets: self.clone(),
            key,
            number,
            ended,
        }
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn end(self, why: Ending) {
        // A socket that is closing already needs no reason any more.
        let _ = self.end.send(why);
    }
}

/// The place of an open socket, until dropped.
pub(super) struct Place {
    sockets: Sockets,
    key: Key,
    number: u64,
    ended: oneshot::Receiver<Ending>,
}

impl Place {
    /// Waits until another socket takes the place.
    pub(super) async fn lost(&mut self) -> Ending {
        match (&mut self.ended).await {
            Ok(why) => why,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut registry = self.sockets.registry();
        if let Some(open) = registry.open.get_mut(&self.key) {
            open.retain(|socket| socket.number != self.number);
            if open.is_empty() {
                registry.open.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;
    use uuid::Uuid;

    use super::*;

    const PERSON: Key = (1, ParticipantId(Uuid::nil()));

    fn token(number: u8) -> Hash {
        Hash::of(&[number])
    }

    #[test]
    fn a_newer_socket_with_the_same_token_wins() {
        let sockets = Sockets::default();
        let mut first = sockets.open_in(PERSON, token(1), 20);
        let mut other_device = sockets.open_in(PERSON, token(2), 20);
        let mut second = sockets.open_in(PERSON, token(1), 20);
        assert_eq!(
            first.lost().now_or_never(),
            Some(Ending::DuplicateConnection)
        );
        assert!(other_device.lost().now_or_never().is_none());
        drop(first);
        assert!(second.lost().now_or_never().is_none());
    }

    #[test]
    fn beyond_the_number_the_oldest_goes() {
        let sockets = Sockets::default();
        let mut open: Vec<Place> = (0..3)
            .map(|number| sockets.open_in(PERSON, token(number), 2))
            .collect();
        let ended: Vec<_> = open
            .iter_mut()
            .map(|place| place.lost().now_or_never())
            .collect();
        assert_eq!(ended, [Some(Ending::TooManyConnections), None, None]);
    }

    #[test]
    fn closed_sockets_leave_nothing_behind() {
        let sockets = Sockets::default();
        drop(sockets.open_in(PERSON, token(1), 2));
        assert!(sockets.registry().open.is_empty());
    }
}
