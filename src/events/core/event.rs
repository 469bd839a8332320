//! The event: the signed record that rooms are made of, its fields, its JSON form and the bytes that are signed
//! (federation specification, the event).
//!
//! An [`Event`] is only well-formed; whether it may be believed is known once it is [`super::verified::Verified`].

use serde::Serialize;
use serde_json::{Map, Value};

use super::canonical;
use super::content::{self, ContentFlaw};
use super::event_type::EventType;
use super::hash::Hash;
use super::ids::{EventId, EventPlace, RoomId};
use super::json::{JsonError, MAX_SAFE_INTEGER};
use super::names::{Fqid, ServerName};
use super::sign::{KeyId, Signature};

/// The version of the event format.
pub const VERSION: &str = "v1";
/// First line of the signed bytes.
const SIGNED_PREFIX: &str = "scaiwave-event-v1\n";
/// The last millisecond that a UUIDv7 can hold.
const MAX_TS: i64 = (1 << 48) - 1;

/// Whether this is a time as it stands in events and contents, in Unix milliseconds.
pub fn is_time(ms: i64) -> bool {
    (0..=MAX_TS).contains(&ms)
}

/// Why something is not an event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// Not a JSON object.
    #[error("an event is an object")]
    NotAnObject,
    /// Of a version that is not spoken here.
    #[error("unknown event version")]
    Version,
    /// A field that every event has is missing.
    #[error("`{field}` is missing")]
    Missing {
        /// The field.
        field: &'static str,
    },
    /// A field that no event has.
    #[error("unknown field `{field}`")]
    Unknown {
        /// The field, shortened.
        field: String,
    },
    /// A field of the wrong type or form.
    #[error("`{field}` is malformed")]
    Malformed {
        /// The field.
        field: &'static str,
    },
    /// A number outside its range.
    #[error("`{field}` is out of range")]
    OutOfRange {
        /// The field.
        field: &'static str,
    },
    /// A field that contradicts another: `prev` is null exactly at `seq` 1, `state_hash` exactly at `state_seq` 0.
    #[error("`{field}` contradicts the position")]
    Contradiction {
        /// The field.
        field: &'static str,
    },
    /// Of content and salt only one is there.
    #[error("content and salt come together or not at all")]
    ContentWithoutSalt,
    /// A content that can never be hashed.
    #[error(transparent)]
    Content(#[from] ContentFlaw),
}

impl EventError {
    /// The field concerned, as a path inside the event; empty for the event as a whole.
    pub fn path(&self) -> &str {
        match self {
            Self::NotAnObject => "",
            Self::Version => "v",
            Self::Missing { field }
            | Self::Malformed { field }
            | Self::OutOfRange { field }
            | Self::Contradiction { field } => field,
            Self::Unknown { field } => field,
            Self::Content(ContentFlaw::Salt) => "salt",
            Self::Content(ContentFlaw::Json(error)) => error.path().unwrap_or("content"),
            Self::ContentWithoutSalt
            | Self::Content(ContentFlaw::NotAnObject | ContentFlaw::TooLarge { .. }) => "content",
        }
    }
}

/// An event, well-formed but not yet believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Derived from the fields below.
    pub event_id: EventId,
    /// The room.
    pub room_id: RoomId,
    /// The server in whose log the event stands.
    pub origin: ServerName,
    /// The log's epoch, from 1.
    pub epoch: i64,
    /// The position within the epoch, from 1.
    pub seq: i64,
    /// Hash of the event before it in this room, origin and epoch; none exactly at `seq` 1.
    pub prev: Option<Hash>,
    /// Who did it; none for automatic state events.
    pub sender: Option<Fqid>,
    /// What happened (`type` in JSON).
    pub event_type: EventType,
    /// When, in Unix milliseconds, by the origin's clock.
    pub ts: i64,
    /// Position in the host's log of the last state event that the origin had applied; 0 in the create event.
    pub state_seq: i64,
    /// Hash of that state event; none exactly at `state_seq` 0.
    pub state_hash: Option<Hash>,
    /// Hash of content and salt.
    pub content_hash: Hash,
    /// The key that signed.
    pub key_id: KeyId,
    /// Signature over [`Event::signed_bytes`].
    pub signature: Signature,
    /// The content, an object; absent after redaction or where it was not delivered.
    pub content: Option<Value>,
    /// What keeps a short content from being guessed; there exactly when the content is.
    pub salt: Option<String>,
    /// Why the content that was delivered could not be taken. Never part of the JSON form.
    pub content_flaw: Option<ContentFlaw>,
}

impl Event {
    /// Reads an event from its JSON form; everything in it must be right, the content included.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn from_value(value: Value) -> Result<Self, EventError> {
        let event = Self::from_value_tolerant(value, None)?;
        if let (Some(content), Some(salt)) = (&event.content, &event.salt) {
            content::check_and_hash(&event.event_type, content, salt)?;
        }
        Ok(event)
    }

    /// Reads an event and leaves its content to verification, which drops a flawed one. `flaw` is what the JSON reader
    /// already found: then there is no content to take.
    ///
    /// # Errors
    /// The first thing that is wrong outside of the content.
    pub(super) fn from_value_tolerant(
        value: Value,
        flaw: Option<JsonError>,
    ) -> Result<Self, EventError> {
        let Value::Object(fields) = value else {
            return Err(EventError::NotAnObject);
        };
        let mut fields = Fields(fields);
        if fields.take("v")?.as_str() != Some(VERSION) {
            return Err(EventError::Version);
        }
        let mut event = Self {
            event_id: fields.parsed("event_id")?,
            room_id: fields.parsed("room_id")?,
            origin: fields.parsed("origin")?,
            epoch: fields.integer("epoch")?,
            seq: fields.integer("seq")?,
            prev: fields.nullable("prev")?,
            sender: fields.nullable("sender")?,
            event_type: fields.parsed("type")?,
            ts: fields.integer("ts")?,
            state_seq: fields.integer("state_seq")?,
            state_hash: fields.nullable("state_hash")?,
            content_hash: fields.parsed("content_hash")?,
            key_id: fields.parsed("key_id")?,
            signature: fields.parsed("signature")?,
            content: fields.0.remove("content"),
            salt: fields.salt()?,
            content_flaw: flaw.map(ContentFlaw::Json),
        };
        fields.end()?;
        event.check_envelope()?;
        if event.content.is_some() != event.salt.is_some() {
            return Err(EventError::ContentWithoutSalt);
        }
        if event.content_flaw.is_some() {
            event.content = None;
            event.salt = None;
        }
        Ok(event)
    }

    /// The same event without its content: its place, its signature and its hash stay what they are.
    pub fn without_content(&self) -> Self {
        Self {
            content: None,
            salt: None,
            ..self.clone()
        }
    }

    /// The JSON form: content and salt only where both are there.
    pub fn to_value(&self) -> Value {
        let mut fields = match serde_json::to_value(self.signed_fields()) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        fields.insert("signature".to_owned(), self.signature.to_string().into());
        if let (Some(content), Some(salt)) = (&self.content, &self.salt) {
            fields.insert("content".to_owned(), content.clone());
            fields.insert("salt".to_owned(), salt.clone().into());
        }
        Value::Object(fields)
    }

    /// The same as text. Made at once, it takes a third of the time, and logs are handed on by the thousand.
    pub fn to_text(&self) -> String {
        let mut bytes = Vec::with_capacity(1024);
        canonical::append_ordered(&mut bytes, &self.signed_fields());
        // The object goes on where it ended.
        bytes.pop();
        let mut member = |name: &str, value: &Value| {
            bytes.extend_from_slice(name.as_bytes());
            canonical::append_ordered(&mut bytes, value);
        };
        member(",\"signature\":", &self.signature.to_string().into());
        if let (Some(content), Some(salt)) = (&self.content, &self.salt) {
            member(",\"content\":", content);
            member(",\"salt\":", &salt.as_str().into());
        }
        bytes.push(b'}');
        String::from_utf8(bytes).unwrap_or_default()
    }

    /// What the signature covers and the chain hashes: a prefix and the canonical form without content, salt and
    /// signature, so that both hold after a redaction.
    pub fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024);
        bytes.extend_from_slice(SIGNED_PREFIX.as_bytes());
        canonical::append_ordered(&mut bytes, &self.signed_fields());
        bytes
    }

    /// The event's hash, which its successor names.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.signed_bytes())
    }

    /// The id that follows from the other fields.
    pub fn derived_id(&self) -> EventId {
        let place = EventPlace {
            room_id: self.room_id,
            origin: &self.origin,
            epoch: self.epoch,
            seq: self.seq,
            prev: self.prev.as_ref(),
            content_hash: &self.content_hash,
        };
        EventId::derive(self.ts, place)
    }

    fn signed_fields(&self) -> SignedFields<'_> {
        SignedFields {
            content_hash: &self.content_hash,
            epoch: self.epoch,
            event_id: &self.event_id,
            key_id: &self.key_id,
            origin: &self.origin,
            prev: self.prev.as_ref(),
            room_id: &self.room_id,
            sender: self.sender.as_ref(),
            seq: self.seq,
            state_hash: self.state_hash.as_ref(),
            state_seq: self.state_seq,
            ts: self.ts,
            event_type: &self.event_type,
            version: VERSION,
        }
    }

    /// Checks ranges, and what the fields say of each other.
    pub(super) fn check_envelope(&self) -> Result<(), EventError> {
        check_range("epoch", self.epoch, 1, MAX_SAFE_INTEGER)?;
        check_range("seq", self.seq, 1, MAX_SAFE_INTEGER)?;
        check_range("ts", self.ts, 0, MAX_TS)?;
        check_range("state_seq", self.state_seq, 0, MAX_SAFE_INTEGER)?;
        if self.prev.is_none() != (self.seq == 1) {
            return Err(EventError::Contradiction { field: "prev" });
        }
        if self.state_hash.is_none() != (self.state_seq == 0) {
            return Err(EventError::Contradiction {
                field: "state_hash",
            });
        }
        Ok(())
    }
}

/// What the signature covers, in the order of the names in JSON.
#[derive(Serialize)]
struct SignedFields<'a> {
    content_hash: &'a Hash,
    epoch: i64,
    event_id: &'a EventId,
    key_id: &'a KeyId,
    origin: &'a ServerName,
    prev: Option<&'a Hash>,
    room_id: &'a RoomId,
    sender: Option<&'a Fqid>,
    seq: i64,
    state_hash: Option<&'a Hash>,
    state_seq: i64,
    ts: i64,
    #[serde(rename = "type")]
    event_type: &'a EventType,
    #[serde(rename = "v")]
    version: &'static str,
}

fn check_range(field: &'static str, value: i64, least: i64, most: i64) -> Result<(), EventError> {
    if (least..=most).contains(&value) {
        Ok(())
    } else {
        Err(EventError::OutOfRange { field })
    }
}

/// The fields of an event's JSON form that are not read yet.
struct Fields(Map<String, Value>);

impl Fields {
    fn take(&mut self, field: &'static str) -> Result<Value, EventError> {
        self.0.remove(field).ok_or(EventError::Missing { field })
    }

    fn parsed<T: std::str::FromStr>(&mut self, field: &'static str) -> Result<T, EventError> {
        let value = self.take(field)?;
        value
            .as_str()
            .and_then(|text| text.parse().ok())
            .ok_or(EventError::Malformed { field })
    }

    /// A field that is there but may be null.
    fn nullable<T: std::str::FromStr>(
        &mut self,
        field: &'static str,
    ) -> Result<Option<T>, EventError> {
        if self.0.get(field) == Some(&Value::Null) {
            return self.take(field).map(|_| None);
        }
        self.parsed(field).map(Some)
    }

    fn integer(&mut self, field: &'static str) -> Result<i64, EventError> {
        self.take(field)?
            .as_i64()
            .ok_or(EventError::Malformed { field })
    }

    fn salt(&mut self) -> Result<Option<String>, EventError> {
        match self.0.remove("salt") {
            None => Ok(None),
            Some(Value::String(salt)) => Ok(Some(salt)),
            Some(_) => Err(EventError::Malformed { field: "salt" }),
        }
    }

    fn end(self) -> Result<(), EventError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((key, _)) => Err(EventError::Unknown {
                field: key.chars().take(64).collect(),
            }),
        }
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
