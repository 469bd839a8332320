//! The proof that an event may be believed: [`Verified`] is made by signing a [`Draft`] or by [`verify`], nowhere else.
//!
//! The envelope alone decides. What is wrong with a content never refuses an event: it is dropped, and
//! [`ContentStatus`] tells whether it is to be asked for again or voids the event.

use std::ops::Deref;

use serde_json::Value;

use super::content::{self, ContentFlaw, MAX_CONTENT_DEPTH, SALT_BYTES};
use super::event::{Event, EventError};
use super::event_type::EventType;
use super::hash::Hash;
use super::ids::{EventId, RoomId};
use super::json::{self, Limits};
use super::names::{Fqid, ServerName};
use super::sign::{KeyPair, PublicKey, Signature};

/// Why an event is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// Its fields are out of range or contradict each other.
    #[error(transparent)]
    Envelope(#[from] EventError),
    /// Its id is not the one that follows from its fields.
    #[error("event id is not the derived one")]
    Id,
    /// It names another key than the one it is checked against.
    #[error("signed with another key")]
    KeyId,
    /// The signature is not the key's.
    #[error("signature does not match")]
    Signature,
}

/// What became of a verified event's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentStatus {
    /// It is there and matches its hash.
    Present,
    /// None was delivered.
    Absent,
    /// One was delivered that does not match the hash; it counts as missing, whoever delivered it.
    Mismatch,
    /// One was delivered that can never be hashed ([`Event::content_flaw`]); from its own origin it voids the event,
    /// from another it counts as missing.
    Unhashable,
}

/// An event whose envelope was verified, with its hash.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified<T> {
    inner: T,
    hash: Hash,
    content_status: ContentStatus,
}

impl Verified<Event> {
    /// The event's hash, computed once.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// What became of the content. Unless it is [`ContentStatus::Present`], the event has neither content nor salt.
    pub fn content_status(&self) -> ContentStatus {
        self.content_status
    }

    /// The event without its proof.
    pub fn into_inner(self) -> Event {
        self.inner
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

/// Verifies an event against the key that its log has at this position: limits, derived id, key id, strict signature.
/// Where it belongs in the log is [`super::chain`]'s question.
///
/// # Errors
/// The first check that fails; the content is never the reason.
pub fn verify(mut event: Event, key: &PublicKey) -> Result<Verified<Event>, VerifyError> {
    event.check_envelope()?;
    if event.event_id != event.derived_id() {
        return Err(VerifyError::Id);
    }
    if event.key_id != key.key_id() {
        return Err(VerifyError::KeyId);
    }
    let signed = event.signed_bytes();
    key.verify_strict(&signed, &event.signature)
        .map_err(|_| VerifyError::Signature)?;
    let content_status = settle_content(&mut event);
    Ok(Verified {
        hash: Hash::of(&signed),
        inner: event,
        content_status,
    })
}

fn settle_content(event: &mut Event) -> ContentStatus {
    let status = match (&event.content_flaw, &event.content, &event.salt) {
        (Some(_), _, _) => ContentStatus::Unhashable,
        (None, Some(content), Some(salt)) => {
            match content::check_and_hash(&event.event_type, content, salt) {
                Ok(hash) if hash == event.content_hash => ContentStatus::Present,
                Ok(_) => ContentStatus::Mismatch,
                Err(flaw) => {
                    event.content_flaw = Some(flaw);
                    ContentStatus::Unhashable
                }
            }
        }
        (None, _, _) => ContentStatus::Absent,
    };
    if status != ContentStatus::Present {
        event.content = None;
        event.salt = None;
    }
    status
}

/// An event before it is signed: what its writer decides.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The room.
    pub room_id: RoomId,
    /// The signing server.
    pub origin: ServerName,
    /// Who did it; none for automatic state events.
    pub sender: Option<Fqid>,
    /// What happened.
    pub event_type: EventType,
    /// The content, an object.
    pub content: Value,
    /// The log's epoch.
    pub epoch: i64,
    /// The next position in the log.
    pub seq: i64,
    /// Hash of the log's last event; none at `seq` 1.
    pub prev: Option<Hash>,
    /// Unix milliseconds, not before the log's last event.
    pub ts: i64,
    /// Position of the last state event of the host that was applied here.
    pub state_seq: i64,
    /// Its hash; none at `state_seq` 0.
    pub state_hash: Option<Hash>,
    /// Fresh random bytes.
    pub salt: [u8; SALT_BYTES],
}

impl Draft {
    /// Signs the event, under the same rules as a stranger's: a server never signs what it would refuse.
    ///
    /// The content becomes exactly what another server reads from its canonical form.
    ///
    /// # Errors
    /// What another server would refuse it for.
    pub fn sign(self, key: &KeyPair) -> Result<Verified<Event>, EventError> {
        let bytes = content::hashable_bytes(&self.event_type, &self.content)?;
        let limits = Limits {
            max_bytes: bytes.len(),
            max_depth: MAX_CONTENT_DEPTH,
        };
        let content = json::read(&bytes, limits).map_err(ContentFlaw::Json)?;
        let salt = content::salt_text(&self.salt);
        let mut event = Event {
            event_id: EventId(uuid::Uuid::nil()),
            room_id: self.room_id,
            origin: self.origin,
            epoch: self.epoch,
            seq: self.seq,
            prev: self.prev,
            sender: self.sender,
            event_type: self.event_type,
            ts: self.ts,
            state_seq: self.state_seq,
            state_hash: self.state_hash,
            content_hash: content::hash_canonical(&bytes, &salt),
            key_id: key.key_id(),
            signature: Signature::from_bytes([0; 64]),
            content: Some(content),
            salt: Some(salt),
            content_flaw: None,
        };
        event.check_envelope()?;
        event.event_id = event.derived_id();
        let signed = event.signed_bytes();
        event.signature = key.sign(&signed);
        Ok(Verified {
            hash: Hash::of(&signed),
            inner: event,
            content_status: ContentStatus::Present,
        })
    }
}

#[cfg(test)]
#[path = "verified_tests.rs"]
mod tests;
