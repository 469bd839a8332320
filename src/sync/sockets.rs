//! Which sockets and long polls of a participant are open on this node, and who has to go when there are too many.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::error::SyncError;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;

/// Long polls of one participant at a time.
const MOST_POLLS: usize = 10;

type Key = (i64, ParticipantId);

/// Why a socket has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Displaced {
    /// A newer one has the same token.
    DuplicateConnection,
    /// The participant has too many, and this is the oldest.
    TooManyConnections,
}

/// The open sockets of this node.
#[derive(Clone, Default)]
pub struct Sockets(Arc<Mutex<HashMap<Key, Vec<Seat>>>>);

struct Seat {
    number: u64,
    token: Hash,
    displaced: watch::Sender<Option<Displaced>>,
}

/// A socket's place; gone with it.
pub struct Place {
    sockets: Sockets,
    key: Key,
    number: u64,
    displaced: watch::Receiver<Option<Displaced>>,
}

impl Sockets {
    /// Takes a place for a socket with this token, hashed. Whoever has the same token, and the oldest beyond `most`, go.
    pub fn take(&self, tenant: i64, participant: ParticipantId, token: Hash, most: usize) -> Place {
        let key = (tenant, participant);
        let mut sockets = self.lock();
        let seats = sockets.entry(key).or_default();
        for seat in seats.iter().filter(|seat| seat.token == token) {
            seat.displaced
                .send_replace(Some(Displaced::DuplicateConnection));
        }
        seats.retain(|seat| seat.token != token);
        while seats.len() >= most.max(1) {
            let oldest = seats.remove(0);
            oldest
                .displaced
                .send_replace(Some(Displaced::TooManyConnections));
        }
        let number = seats.last().map_or(0, |seat| seat.number + 1);
        let (displaced, watch) = watch::channel(None);
        seats.push(Seat {
            number,
            token,
            displaced,
        });
        Place {
            sockets: self.clone(),
            key,
            number,
            displaced: watch,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Vec<Seat>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Waits until the socket has to go.
    pub async fn displaced(&mut self) -> Displaced {
        let why = self
            .displaced
            .wait_for(Option::is_some)
            .await
            .map(|why| *why);
        match why {
            Ok(why) => why.unwrap_or(Displaced::DuplicateConnection),
            // The seat was taken away with the reason already told.
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sockets = self.sockets.lock();
        if let Some(seats) = sockets.get_mut(&self.key) {
            seats.retain(|seat| seat.number != self.number);
            if seats.is_empty() {
                sockets.remove(&self.key);
            }
        }
    }
}

/// The open long polls of this node.
#[derive(Clone, Default)]
pub struct Polls(Arc<Mutex<HashMap<Key, usize>>>);

/// A long poll's place; gone with it.
pub struct PollPlace {
    polls: Polls,
    key: Key,
}

impl Polls {
    /// Takes a place.
    ///
    /// # Errors
    /// The participant has ten open.
    pub fn take(&self, tenant: i64, participant: ParticipantId) -> Result<PollPlace, SyncError> {
        let key = (tenant, participant);
        let mut polls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = polls.entry(key).or_default();
        if *open >= MOST_POLLS {
            return Err(SyncError::TooManyPolls);
        }
        *open += 1;
        Ok(PollPlace {
            polls: self.clone(),
            key,
        })
    }
}

impl Drop for PollPlace {
    fn drop(&mut self) {
        let mut polls = self.polls.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = polls.get_mut(&self.key) {
            *open -= 1;
            if *open == 0 {
                polls.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn someone() -> ParticipantId {
        ParticipantId(uuid::Uuid::from_u128(1))
    }

    fn token(number: u8) -> Hash {
        Hash::of(&[number])
    }

    #[test]
    fn a_newer_socket_with_the_same_token_wins() {
        let sockets = Sockets::default();
        let mut first = sockets.take(1, someone(), token(1), 20);
        let mut other = sockets.take(1, someone(), token(2), 20);
        let mut newer = sockets.take(1, someone(), token(1), 20);
        assert_eq!(
            first.displaced().now_or_never(),
            Some(Displaced::DuplicateConnection)
        );
        assert!(other.displaced().now_or_never().is_none());
        assert!(newer.displaced().now_or_never().is_none());
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let sockets = Sockets::default();
        let mut first = sockets.take(1, someone(), token(1), 2);
        let _second = sockets.take(1, someone(), token(2), 2);
        let _third = sockets.take(1, someone(), token(3), 2);
        assert_eq!(
            first.displaced().now_or_never(),
            Some(Displaced::TooManyConnections)
        );
    }

    #[test]
    fn the_eleventh_long_poll_is_refused_until_one_ends() {
        let polls = Polls::default();
        let mut open: Vec<_> = (0..10).map(|_| polls.take(1, someone()).unwrap()).collect();
        assert!(polls.take(1, someone()).is_err());
        open.pop();
        assert!(polls.take(1, someone()).is_ok());
    }
}
