//! Places in the logs of a room, and the keys that they go by, as they stand in contents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::events::core::hash::Hash;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;

/// A place in the log of one origin; `seq` 0 with no hash: nothing of it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogPosition {
    /// The log's epoch, from 1.
    pub epoch: i64,
    /// The event's number in the epoch, from 1; 0 for none.
    pub seq: i64,
    /// The event's hash.
    pub hash: Option<Hash>,
}

impl LogPosition {
    /// Before the first event.
    pub const START: LogPosition = LogPosition {
        epoch: 1,
        seq: 0,
        hash: None,
    };

    /// The order within a log.
    pub fn order(&self) -> (i64, i64) {
        (self.epoch, self.seq)
    }
}

/// Places in several origins' logs.
pub type Positions = BTreeMap<ServerName, LogPosition>;

/// The public key that an origin's log begins with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginKey {
    /// `ed25519:<16 hex digits>`.
    pub key_id: String,
    /// `ed25519:<base64>`.
    pub public_key: String,
}

impl OriginKey {
    /// The form of this key in contents.
    pub fn of(key: &PublicKey) -> OriginKey {
        OriginKey {
            key_id: key.key_id().to_string(),
            public_key: key.to_string(),
        }
    }
}
