//! Ids of rooms, events, participants and media: UUIDs that follow from what they name, so that nobody can take another's;
//! and ids of tenants, which are random and never leave the server.
//!
//! Text form: the 36 characters of RFC 9562 section 4 in lower case; any other spelling is refused, because ids are
//! compared and signed as text.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use super::canonical;
use super::hash::Hash;
use super::names::{Fqid, ServerName};
use super::text::text_form;

/// First line of what a room id is the hash of.
const ROOM_PREFIX: &str = "scaiwave-room-v1";
/// First line of what a participant id is the hash of.
const PARTICIPANT_PREFIX: &str = "scaiwave-participant-v1";
/// First line of what a media id is the hash of.
const MEDIA_PREFIX: &str = "scaiwave-media-v1";
/// First line of what an event id's random bits are the hash of.
const EVENT_PREFIX: &str = "scaiwave-id-v1";

/// The text is not a UUID in lower-case hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a lower-case hyphenated UUID")]
pub struct IdFormatError;

/// Id of a room: UUIDv8 derived from its host and a nonce.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
pub struct RoomId(pub Uuid);

/// Id of an event: UUIDv7 derived from its time and its place in its log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
pub struct EventId(pub Uuid);

/// Id of a participant: UUIDv8 derived from the FQID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
pub struct ParticipantId(pub Uuid);

/// Id of an uploaded file: UUIDv8 derived from who uploaded it and what is in it, so that no two contents share an id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
pub struct MediaId(pub Uuid);

/// Id of a tenant of this process; it never leaves the server.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
pub struct TenantId(pub Uuid);

/// What an event's id is derived from beside its time.
#[derive(Debug, Clone, Copy)]
pub struct EventPlace<'a> {
    /// The room.
    pub room_id: RoomId,
    /// The server whose log the event stands in.
    pub origin: &'a ServerName,
    /// The log's epoch.
    pub epoch: i64,
    /// The position in the log.
    pub seq: i64,
    /// Hash of the event before it in the log; none for the first.
    pub prev: Option<&'a Hash>,
    /// Hash of content and salt.
    pub content_hash: &'a Hash,
}

impl RoomId {
    /// The id of the room that `host` creates with `nonce`: the first 122 bits of
    /// SHA-256(`"scaiwave-room-v1\n" + host + "\n" + nonce`) as a UUIDv8.
    pub fn derive(host: &ServerName, nonce: &str) -> Self {
        Self(uuid_v8(&Hash::of(
            format!("{ROOM_PREFIX}\n{host}\n{nonce}").as_bytes(),
        )))
    }
}

impl ParticipantId {
    /// The id of the participant with this FQID: the first 122 bits of
    /// SHA-256(`"scaiwave-participant-v1\n" + FQID`) as a UUIDv8.
    pub fn derive(fqid: &Fqid) -> Self {
        Self(uuid_v8(&Hash::of(
            format!("{PARTICIPANT_PREFIX}\n{fqid}").as_bytes(),
        )))
    }
}

impl MediaId {
    /// The id of the file with this content that the participant with this FQID uploaded: the first 122 bits of
    /// SHA-256(`"scaiwave-media-v1\n" + FQID + "\n" + sha256`) as a UUIDv8, with the content's hash in hex digits.
    pub fn derive(uploader: &Fqid, content: &Hash) -> Self {
        let text = format!("{MEDIA_PREFIX}\n{uploader}\n{}", content.hex());
        Self(uuid_v8(&Hash::of(text.as_bytes())))
    }
}

impl EventId {
    /// The id of the event with this time (Unix milliseconds, of which 48 bits count) at this place: UUIDv7 of the time
    /// whose 74 random bits are the first 74 bits of
    /// SHA-256(`"scaiwave-id-v1\n"` + JCS(`[room_id, origin, epoch, seq, prev, content_hash]`)).
    pub fn derive(ts_ms: i64, place: EventPlace<'_>) -> Self {
        let EventPlace {
            room_id,
            origin,
            epoch,
            seq,
            prev,
            content_hash,
        } = place;
        let list = (room_id, origin, epoch, seq, prev, content_hash);
        let mut bytes = format!("{EVENT_PREFIX}\n").into_bytes();
        canonical::append_ordered(&mut bytes, &list);
        Self(uuid_v7(ts_ms, &Hash::of(&bytes)))
    }
}

const MASK_62: u128 = (1 << 62) - 1;
const MASK_48: u128 = (1 << 48) - 1;
const MASK_12: u128 = (1 << 12) - 1;

/// Puts the first 122 bits of a hash, in order, around version and variant (RFC 9562 section 5.8).
fn uuid_v8(hash: &Hash) -> Uuid {
    let bits = hash.leading_bits() >> 6;
    assemble(8, bits >> 74, bits >> 62, bits)
}

/// Time, then the first 74 bits of a hash, around version and variant (RFC 9562 section 5.7).
fn uuid_v7(ts_ms: i64, hash: &Hash) -> Uuid {
    let bits = hash.leading_bits() >> 54;
    assemble(7, u128::from(ts_ms.cast_unsigned()), bits >> 62, bits)
}

fn assemble(version: u128, first_48: u128, middle_12: u128, last_62: u128) -> Uuid {
    let head = (first_48 & MASK_48) << 80 | version << 76 | (middle_12 & MASK_12) << 64;
    Uuid::from_u128(head | 0b10 << 62 | last_62 & MASK_62)
}

/// The text form, read and written in one way only.
macro_rules! as_uuid {
    ($($name:ident),+) => {$(
        impl FromStr for $name {
            type Err = IdFormatError;

            fn from_str(text: &str) -> Result<Self, IdFormatError> {
                read_uuid(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0.as_hyphenated(), out)
            }
        }
    )+};
}

as_uuid!(RoomId, EventId, ParticipantId, MediaId, TenantId);
text_form!(RoomId, EventId, ParticipantId, MediaId, TenantId);

/// Reads the lower-case hyphenated form and nothing else (the `uuid` crate also takes braces, URNs and upper case).
fn read_uuid(text: &str) -> Result<Uuid, IdFormatError> {
    if text.len() != 36 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(IdFormatError);
    }
    Uuid::try_parse(text).map_err(|_| IdFormatError)
}

#[cfg(test)]
#[path = "ids_tests.rs"]
mod tests;
