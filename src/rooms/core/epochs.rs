//! Logs that were begun anew, as the host's state admits it (federation specification, "Epochs").

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::Error as _;
use serde_json::Value;

use super::history::StateSeq;
use super::logs::{LogPosition, OriginKey, Positions};
use crate::events::core::names::ServerName;

/// `swp.room.log` that admits an epoch. The position up to which the epoch before it counts is its cut-off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogChange {
    /// Whose log.
    pub origin: ServerName,
    /// The epoch from now on.
    pub epoch: i64,
    /// The key that it begins with.
    pub key: OriginKey,
}

impl LogChange {
    /// Reads the content. An error says what is wrong with it.
    pub fn read(content: &Value, cutoff: &Positions) -> Result<LogChange, serde_json::Error> {
        #[derive(Deserialize)]
        struct Content {
            origin: ServerName,
            epoch: i64,
            key: OriginKey,
        }
        let Content { origin, epoch, key } = Content::deserialize(content)?;
        let before = cutoff.get(&origin).map(|position| position.epoch);
        if before.and_then(|before| before.checked_add(1)) != Some(epoch) {
            return Err(serde_json::Error::custom(
                "`cutoff` is not in the epoch before",
            ));
        }
        Ok(LogChange { origin, epoch, key })
    }
}

/// An epoch that the host has admitted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The state event that admits it.
    pub by: StateSeq,
    /// The key that it begins with.
    pub key: OriginKey,
    /// What counts of the epoch before it.
    pub cutoff: LogPosition,
}

/// The admitted epochs of a room's logs; the first ones need no admission.
#[derive(Clone, Debug, Default)]
pub struct Epochs(BTreeMap<ServerName, Vec<Admission>>);

impl Epochs {
    /// Takes an admission, unless it is not of the next epoch of the log: then it means nothing.
    pub(super) fn admit(&mut self, by: StateSeq, change: &LogChange, cutoff: &Positions) {
        if let Some(cutoff) = cutoff.get(&change.origin)
            && change.epoch == self.latest(&change.origin) + 1
        {
            let admission = Admission {
                by,
                key: change.key.clone(),
                cutoff: cutoff.clone(),
            };
            self.0
                .entry(change.origin.clone())
                .or_default()
                .push(admission);
        }
    }

    /// The admission of an epoch of this log.
    pub fn of(&self, origin: &ServerName, epoch: i64) -> Option<&Admission> {
        let index = usize::try_from(epoch.checked_sub(2)?).ok()?;
        self.0.get(origin)?.get(index)
    }

    /// The latest epoch of this log.
    pub fn latest(&self, origin: &ServerName) -> i64 {
        let later = self.0.get(origin).map_or(0, Vec::len);
        i64::try_from(later).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// Whether an event of this epoch claims a state before the one that admitted the epoch.
    pub fn excludes(&self, origin: &ServerName, epoch: i64, state_seq: StateSeq) -> bool {
        self.of(origin, epoch)
            .is_some_and(|admission| state_seq < admission.by)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admission(epoch: i64, cutoff: i64) -> Value {
        json!({
            "origin": "b.example", "epoch": epoch, "key": { "key_id": "k", "public_key": "p" },
            "cutoff": { "b.example": { "epoch": cutoff, "seq": 0, "hash": null } },
        })
    }

    fn read(content: &Value) -> Result<LogChange, serde_json::Error> {
        let cutoff = Positions::deserialize(&content["cutoff"]).unwrap_or_default();
        LogChange::read(content, &cutoff)
    }

    #[test]
    fn an_admission_cuts_the_epoch_before_it_off() {
        assert!(read(&admission(2, 1)).is_ok());
        assert!(read(&admission(2, 2)).is_err());
        assert!(read(&json!({ "origin": "b.example", "epoch": 1 })).is_err());
    }

    #[test]
    fn only_the_next_epoch_is_admitted_and_only_once() {
        let origin: ServerName = "b.example".parse().unwrap();
        let mut epochs = Epochs::default();
        assert_eq!(epochs.latest(&origin), 1);
        for (by, epoch) in [(4, 3), (5, 2), (6, 2), (7, 3)] {
            let content = admission(epoch, epoch - 1);
            let cutoff = Positions::deserialize(&content["cutoff"]).unwrap();
            epochs.admit(by, &read(&content).unwrap(), &cutoff);
        }
        assert_eq!(epochs.latest(&origin), 3);
        assert_eq!(epochs.of(&origin, 2).unwrap().by, 5);
        assert_eq!(epochs.of(&origin, 3).unwrap().by, 7);
        assert!(epochs.of(&origin, 1).is_none() && epochs.of(&origin, 4).is_none());
        assert!(epochs.excludes(&origin, 2, 4) && !epochs.excludes(&origin, 2, 5));
    }
}
