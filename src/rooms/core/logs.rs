//! Places in the logs of a room, and the keys that they go by, as they stand in contents.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::events::core::hash::Hash;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;

/// A place in the log of one origin; `seq` 0, and only that, has no hash: nothing of it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stated")]
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

/// A place as it stands in a content, before anybody looked at it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stated {
    epoch: i64,
    seq: i64,
    hash: Option<Hash>,
}

/// There is no such place.
#[derive(Debug, thiserror::Error)]
#[error("not a position: `epoch` from 1, `seq` from 0, and a hash unless `seq` is 0")]
struct NoPosition;

impl TryFrom<Stated> for LogPosition {
    type Error = NoPosition;

    fn try_from(stated: Stated) -> Result<LogPosition, NoPosition> {
        let Stated { epoch, seq, hash } = stated;
        let is_one = epoch >= 1 && seq >= 0 && hash.is_none() == (seq == 0);
        is_one
            .then_some(LogPosition { epoch, seq, hash })
            .ok_or(NoPosition)
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_position_without_an_event_has_no_hash_and_every_other_one_has() {
        let hash = format!("sha256:{}", "ab".repeat(32));
        let read = |position| serde_json::from_value::<LogPosition>(position).ok();
        let start = read(json!({"epoch": 1, "seq": 0, "hash": null}));
        assert_eq!(start, Some(LogPosition::START));
        assert!(read(json!({"epoch": 2, "seq": 7, "hash": hash})).is_some());
        for wrong in [
            json!({"epoch": 0, "seq": 0, "hash": null}),
            json!({"epoch": 1, "seq": -1, "hash": hash}),
            json!({"epoch": 1, "seq": 0, "hash": hash}),
            json!({"epoch": 1, "seq": 7, "hash": null}),
            json!({"epoch": 1, "seq": 7, "hash": hash, "by": "somebody"}),
        ] {
            assert_eq!(read(wrong.clone()), None, "{wrong}");
        }
    }
}
