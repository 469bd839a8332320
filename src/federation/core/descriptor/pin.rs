//! Which keys of a peer are believed, from first contact on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Descriptor, KeyEntry, MAX_KEYS, is_valid_at};
use crate::events::core::sign::{KeyId, PublicKey};

/// Most keys that are remembered of one peer.
const MAX_PINNED: usize = 2 * MAX_KEYS;

/// What is remembered of a peer's keys; stored as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    current: KeyId,
    keys: BTreeMap<KeyId, PinnedKey>,
}

/// One remembered key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedKey {
    /// The key.
    pub public_key: PublicKey,
    /// From when requests may be signed with it, in Unix milliseconds.
    pub valid_from: i64,
    /// Until when, if that is known.
    pub expires_at: Option<i64>,
}

/// Why a document does not change what is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PinError {
    /// Its current key is one that was followed by another long since: an old copy.
    #[error("the descriptor is an old one: its current key has been replaced since")]
    Outdated,
    /// Its current key comes from nowhere.
    #[error(
        "the peer's key was replaced without the word of the one before: it shows {shown} now; \
         an admin has to confirm the new key with the people who run that server"
    )]
    Replaced {
        /// The key that it shows.
        shown: KeyId,
    },
}

impl Pinned {
    /// What is remembered at first contact, and when an admin confirms a key that came from nowhere.
    #[must_use]
    pub fn first(descriptor: &Descriptor) -> Self {
        let keys = descriptor
            .keys
            .iter()
            .map(|key| (key.key_id, PinnedKey::from(key)))
            .collect();
        Self {
            current: descriptor.public_key.key_id(),
            keys,
        }
    }

    /// The peer's current key, as far as is known.
    #[must_use]
    pub fn current(&self) -> KeyId {
        self.current
    }

    /// The key with this id, if requests may be signed with it now.
    #[must_use]
    pub fn key(&self, id: KeyId, now_ms: i64) -> Option<&PublicKey> {
        self.keys
            .get(&id)
            .filter(|key| is_valid_at(key.valid_from, key.expires_at, now_ms))
            .map(|key| &key.public_key)
    }

    /// Whether the key with this id had its time: it never becomes valid again.
    #[must_use]
    pub fn has_ended(&self, id: KeyId, now_ms: i64) -> bool {
        let end = self.keys.get(&id).and_then(|key| key.expires_at);
        end.is_some_and(|end| now_ms >= end)
    }

    /// All remembered keys.
    pub fn keys(&self) -> impl Iterator<Item = (&KeyId, &PinnedKey)> {
        self.keys.iter()
    }

    /// What is remembered after `descriptor`, which was read and judged by [`super::read`].
    ///
    /// A key never becomes valid again or for longer; one that is no longer listed has expired.
    ///
    /// # Errors
    /// The document is not to be believed, and changes nothing.
    pub fn accept(&self, descriptor: &Descriptor, now_ms: i64) -> Result<Self, PinError> {
        self.require_descent(descriptor)?;
        let mut next = Self::first(descriptor);
        for (id, known) in &self.keys {
            let ended = PinnedKey {
                expires_at: Some(earliest(known.expires_at, Some(now_ms))),
                ..known.clone()
            };
            next.keys
                .entry(*id)
                .and_modify(|listed| {
                    if known.expires_at.is_some() || listed.expires_at.is_some() {
                        listed.expires_at = Some(earliest(known.expires_at, listed.expires_at));
                    }
                })
                .or_insert(ended);
        }
        next.forget_oldest();
        Ok(next)
    }

    /// Follows `signed_by_previous` from the document's current key back to the pinned one.
    fn require_descent(&self, descriptor: &Descriptor) -> Result<(), PinError> {
        let replaced = PinError::Replaced {
            shown: descriptor.public_key.key_id(),
        };
        let mut entry = descriptor.current().ok_or(replaced)?;
        if self.is_current(&entry.key_id, &entry.public_key) {
            return Ok(());
        }
        if self.keys.contains_key(&entry.key_id) {
            return Err(PinError::Outdated);
        }
        for _ in 0..MAX_KEYS {
            let link = entry.signed_by_previous.as_ref().ok_or(replaced)?;
            let pinned = self.keys.get(&link.key_id).map(|key| &key.public_key);
            let listed = descriptor.key(&link.key_id);
            let previous = pinned
                .or(listed.map(|key| &key.public_key))
                .ok_or(replaced)?;
            previous
                .verify_strict(
                    &entry.signed_bytes(&descriptor.server_name),
                    &link.signature,
                )
                .map_err(|_| replaced)?;
            if self.is_current(&link.key_id, previous) {
                return Ok(());
            }
            // A pinned key before the current one has no say any more: whoever stole it could have signed this.
            if pinned.is_some() {
                return Err(replaced);
            }
            entry = listed.ok_or(replaced)?;
        }
        Err(replaced)
    }

    fn is_current(&self, id: &KeyId, key: &PublicKey) -> bool {
        self.current == *id
            && self
                .keys
                .get(id)
                .is_some_and(|pinned| pinned.public_key == *key)
    }

    fn forget_oldest(&mut self) {
        while self.keys.len() > MAX_PINNED {
            let oldest = self
                .keys
                .iter()
                .filter(|(id, _)| **id != self.current)
                .min_by_key(|(_, key)| key.expires_at.unwrap_or(i64::MAX))
                .map(|(id, _)| *id);
            let Some(oldest) = oldest else { return };
            self.keys.remove(&oldest);
        }
    }
}

impl From<&KeyEntry> for PinnedKey {
    fn from(entry: &KeyEntry) -> Self {
        Self {
            public_key: entry.public_key.clone(),
            valid_from: entry.valid_from,
            expires_at: entry.expires_at,
        }
    }
}

/// The earlier of two ends, where none is later than any.
fn earliest(a: Option<i64>, b: Option<i64>) -> i64 {
    a.unwrap_or(i64::MAX).min(b.unwrap_or(i64::MAX))
}
