//! Where a verified event belongs in its log: each log is a hash chain without gaps, one per room, origin and epoch.

use super::event::Event;
use super::hash::Hash;
use super::verified::Verified;

/// The last event of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The log's epoch.
    pub epoch: i64,
    /// The last position.
    pub seq: i64,
    /// The last event's hash.
    pub hash: Hash,
    /// The last event's time.
    pub ts: i64,
}

impl Head {
    /// The head of a log that ends with this event.
    pub fn of(event: &Verified<Event>) -> Self {
        Self {
            epoch: event.epoch,
            seq: event.seq,
            hash: event.hash(),
            ts: event.ts,
        }
    }
}

/// A piece of a log that is not here yet: the room's state on both sides of it came first. Only the first epoch of a
/// host's log has any, since hosts begin no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The position of the event before it, as far as it is filled.
    pub after_seq: i64,
    /// That event's hash.
    pub after_hash: Hash,
    /// That event's time.
    pub after_ts: i64,
    /// The position of the event after it.
    pub until_seq: i64,
    /// What that event names as the one before it.
    pub until_prev: Hash,
    /// That event's time.
    pub until_ts: i64,
}

impl Gap {
    /// What lies between the end of a log and an event further on. `None`: nothing can.
    pub fn between(head: &Head, event: &Verified<Event>) -> Option<Gap> {
        let is_ahead = event.epoch == head.epoch && event.seq > head.seq + 1 && event.ts >= head.ts;
        Some(Gap {
            after_seq: head.seq,
            after_hash: head.hash,
            after_ts: head.ts,
            until_seq: event.seq,
            until_prev: event.prev.filter(|_| is_ahead)?,
            until_ts: event.ts,
        })
    }

    /// Whether the event at this position is missing.
    pub fn holds(&self, seq: i64) -> bool {
        self.after_seq < seq && seq < self.until_seq
    }

    /// Whether nothing is missing any more.
    pub fn is_filled(&self) -> bool {
        self.after_seq + 1 >= self.until_seq
    }

    /// What is left of the gap behind its next event.
    ///
    /// # Errors
    /// What the event is instead.
    pub fn after(&self, event: &Verified<Event>) -> Result<Gap, ChainError> {
        if event.seq != self.after_seq + 1 {
            return Err(ChainError::Gap {
                expected: self.after_seq + 1,
            });
        }
        if event.prev != Some(self.after_hash) {
            return Err(ChainError::OtherBranch {
                seq: self.after_seq,
            });
        }
        if event.ts < self.after_ts || event.ts > self.until_ts {
            return Err(ChainError::TimeGoesBack);
        }
        let rest = Gap {
            after_seq: event.seq,
            after_hash: event.hash(),
            after_ts: event.ts,
            ..*self
        };
        match rest.is_filled() && rest.after_hash != self.until_prev {
            true => Err(ChainError::OtherBranch {
                seq: self.until_seq,
            }),
            false => Ok(rest),
        }
    }
}

/// Why an event is not the next one of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// Of another epoch than the log's.
    #[error("event of epoch {event} in a log of epoch {log}")]
    Epoch {
        /// The epoch of the log.
        log: i64,
        /// The epoch of the event.
        event: i64,
    },
    /// Events before it are missing.
    #[error("expected position {expected}")]
    Gap {
        /// The first missing position.
        expected: i64,
    },
    /// The very event that stands at this position.
    #[error("already in the log")]
    Duplicate,
    /// Other bytes than those that stand at this position: two events were signed for it.
    #[error("fork at position {seq}")]
    Fork {
        /// The position.
        seq: i64,
    },
    /// The next position, but after another event than the log's last: the fork is at or below that one.
    #[error("fork at or below position {seq}")]
    OtherBranch {
        /// The position of the log's last event.
        seq: i64,
    },
    /// Before the log's last event; [`at_known_position`] tells a duplicate from a fork.
    #[error("position is behind the log")]
    Behind,
    /// In an epoch that the host has ended, beyond what counts of it.
    #[error("the host does not count this place of the epoch")]
    Excluded,
    /// The first of an epoch, and not as the host has admitted it.
    #[error("the epoch does not begin as it was admitted")]
    OtherBeginning,
    /// Earlier than its predecessor.
    #[error("time goes back")]
    TimeGoesBack,
}

/// Whether an event is the next one of the log that ends with `head`, or the first one where it is empty.
///
/// Whether an empty log may begin in this epoch is for the room's state to say.
///
/// # Errors
/// What the event is instead.
pub fn follows(head: Option<&Head>, event: &Verified<Event>) -> Result<(), ChainError> {
    let Some(head) = head else {
        return if event.seq == 1 {
            Ok(())
        } else {
            Err(ChainError::Gap { expected: 1 })
        };
    };
    if event.epoch != head.epoch {
        return Err(ChainError::Epoch {
            log: head.epoch,
            event: event.epoch,
        });
    }
    if event.seq < head.seq {
        return Err(ChainError::Behind);
    }
    if event.seq == head.seq {
        return Err(at_known_position(&head.hash, event));
    }
    if event.seq - head.seq > 1 {
        return Err(ChainError::Gap {
            expected: head.seq + 1,
        });
    }
    if event.prev != Some(head.hash) {
        return Err(ChainError::OtherBranch { seq: head.seq });
    }
    if event.ts < head.ts {
        return Err(ChainError::TimeGoesBack);
    }
    Ok(())
}

/// What an event is whose position is taken: [`ChainError::Duplicate`] or [`ChainError::Fork`], by the hash of the event
/// that stands there. A known id shortens nothing.
pub fn at_known_position(stored: &Hash, event: &Verified<Event>) -> ChainError {
    if event.hash() == *stored {
        ChainError::Duplicate
    } else {
        ChainError::Fork { seq: event.seq }
    }
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
