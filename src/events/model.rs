//! Events with their place on this server.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::core::event::Event;
use super::core::hash::Hash;
use super::core::ids::EventId;
use super::core::names::{Fqid, ServerName};

/// Whether an event counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It counts.
    Valid,
    /// It has its place in the log and counts for nothing; its content is dropped.
    Void,
    /// It cannot be judged yet: the host state that it claims is not here.
    Wait,
    /// It stands beyond a fork of its log, and is hidden until the host has named a branch.
    Frozen,
}

impl Standing {
    /// The word in the column `verdict`.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Valid => "valid",
            Standing::Void => "void",
            Standing::Wait => "wait",
            Standing::Frozen => "frozen",
        }
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Standing {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "valid" => Ok(Standing::Valid),
            "void" => Ok(Standing::Void),
            "wait" => Ok(Standing::Wait),
            "frozen" => Ok(Standing::Frozen),
            other => Err(format!("no verdict: {other}")),
        }
    }
}

/// Where clients are shown an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shown {
    /// Nowhere.
    Never = 0,
    /// In sync and on sockets: folded into its target in history.
    Stream = 1,
    /// There and in history.
    History = 2,
}

impl Shown {
    /// From the column `shown`.
    pub fn from_column(value: i64) -> Shown {
        match value {
            2 => Shown::History,
            1 => Shown::Stream,
            _ => Shown::Never,
        }
    }
}

/// What part an event plays in its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message or what belongs to one.
    Timeline = 0,
    /// Room state, in the host's log.
    State = 1,
    /// Bookkeeping of the log itself: own leaves, keys.
    Bookkeeping = 2,
}

/// An event at its place in this server's stream.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Arrival at this server, rising per tenant in commit order.
    pub position: i64,
    /// The event. Without content: redacted, void or missing.
    pub event: Arc<Event>,
    /// Its hash.
    pub hash: Hash,
    /// Whether it counts.
    pub standing: Standing,
    /// Where clients are shown it.
    pub shown: Shown,
    /// Its part in the log.
    pub kind: Kind,
    /// The event that an edit, redaction or reaction is about.
    pub target: Option<EventId>,
}

impl Placed {
    /// The common order of all servers, as text that sorts alike: time, origin, epoch, seq.
    pub fn order(&self) -> String {
        order(&self.event)
    }

    /// Who sent it, or for what the host did by itself the host's name alone.
    pub fn sender(&self) -> Option<&Fqid> {
        self.event.sender.as_ref()
    }
}

/// The common order of all servers, as text that sorts alike: time, origin, epoch, seq.
pub fn order(event: &Event) -> String {
    format!(
        "{:015} {} {:010} {:015}",
        event.ts, event.origin, event.epoch, event.seq
    )
}

/// The end of one origin's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEnd {
    /// Whose log.
    pub origin: ServerName,
    /// The epoch.
    pub epoch: i64,
    /// The last number.
    pub seq: i64,
    /// The last hash.
    pub hash: Hash,
    /// The last event's time, in ms.
    pub ts: i64,
    /// The highest `state_seq` in the log.
    pub state_seq: i64,
    /// The place in the epoch at which the log forks: from there on it is frozen. Recorded by `store::forks` alone.
    pub forked_at: Option<i64>,
}
