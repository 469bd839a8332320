//! Vectors of what is made of bytes alone: strict JSON and its canonical form, derived ids and hashes, names, signatures.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Ignored, LIMITS, compare, nullable, read};
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, EventPlace, MediaId, ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::{PublicKey, Signature};
use crate::events::core::{canonical, content, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    #[serde(rename = "name")]
    _name: Ignored,
    json: Option<String>,
    json_hex: Option<String>,
    expect: Form,
}

#[derive(Deserialize, PartialEq, Debug, Default)]
#[serde(deny_unknown_fields)]
struct Form {
    canonical: Option<String>,
    sha256: Option<String>,
    #[serde(default)]
    refused: bool,
}

pub(super) fn canonical(vector: &str) -> Result<(), String> {
    let Json {
        json,
        json_hex,
        expect,
        ..
    } = read(vector)?;
    let bytes = match (json, json_hex) {
        (Some(text), None) => text.into_bytes(),
        (None, Some(digits)) => bytes_of_hex(&digits)?,
        _ => return Err("either `json` or `json_hex`".to_owned()),
    };
    let found = match json::read(&bytes, LIMITS) {
        Ok(value) => {
            let canonical = canonical::to_vec(&value);
            Form {
                sha256: Some(hex(&Hash::of(&canonical))),
                canonical: Some(String::from_utf8(canonical).unwrap()),
                refused: false,
            }
        }
        Err(_) => Form {
            refused: true,
            ..Form::default()
        },
    };
    compare(&expect, &found)
}

fn hex(hash: &Hash) -> String {
    hash.to_string().trim_start_matches("sha256:").to_owned()
}

fn bytes_of_hex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2);
    pairs
        .map(|pair| {
            let pair = std::str::from_utf8(pair)
                .ok()
                .filter(|pair| pair.len() == 2);
            pair.and_then(|pair| u8::from_str_radix(pair, 16).ok())
                .ok_or_else(|| format!("not hex: {digits}"))
        })
        .collect()
}

/// What an id, or a name, is one of.
#[derive(Deserialize)]
struct Of {
    of: String,
}

#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
struct Id {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfRoom {
    #[serde(rename = "of")]
    _of: Ignored,
    host: ServerName,
    nonce: String,
    expect: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfParticipant {
    #[serde(rename = "of")]
    _of: Ignored,
    fqid: Fqid,
    expect: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfMedia {
    #[serde(rename = "of")]
    _of: Ignored,
    uploader: Fqid,
    sha256: String,
    expect: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfEvent {
    #[serde(rename = "of")]
    _of: Ignored,
    ts: i64,
    room_id: RoomId,
    origin: ServerName,
    epoch: i64,
    seq: i64,
    #[serde(deserialize_with = "nullable")]
    prev: Option<Hash>,
    content_hash: Hash,
    expect: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfKey {
    #[serde(rename = "of")]
    _of: Ignored,
    public_key: PublicKey,
    expect: Id,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfContent {
    #[serde(rename = "of")]
    _of: Ignored,
    content: Box<RawValue>,
    salt: String,
    expect: Id,
}

pub(super) fn id(vector: &str) -> Result<(), String> {
    let Of { of } = read(vector)?;
    let (expect, id) = match of.as_str() {
        "room" => {
            let vector: OfRoom = read(vector)?;
            let id = RoomId::derive(&vector.host, &vector.nonce);
            (vector.expect, id.to_string())
        }
        "participant" => {
            let vector: OfParticipant = read(vector)?;
            let id = ParticipantId::derive(&vector.fqid);
            (vector.expect, id.to_string())
        }
        "media" => {
            let vector: OfMedia = read(vector)?;
            let content = Hash::from_hex(&vector.sha256).map_err(|error| error.to_string())?;
            let id = MediaId::derive(&vector.uploader, &content);
            (vector.expect, id.to_string())
        }
        "event" => {
            let vector: OfEvent = read(vector)?;
            let place = EventPlace {
                room_id: vector.room_id,
                origin: &vector.origin,
                epoch: vector.epoch,
                seq: vector.seq,
                prev: vector.prev.as_ref(),
                content_hash: &vector.content_hash,
            };
            let id = EventId::derive(vector.ts, place);
            (vector.expect, id.to_string())
        }
        "key" => {
            let vector: OfKey = read(vector)?;
            (vector.expect, vector.public_key.key_id().to_string())
        }
        "content" => {
            let vector: OfContent = read(vector)?;
            let value = json::read(vector.content.get().as_bytes(), LIMITS)
                .map_err(|error| error.to_string())?;
            let hash = content::content_hash(&value, &vector.salt);
            (vector.expect, hash.to_string())
        }
        other => return Err(format!("nobody derives the id of {other:?}")),
    };
    compare(&expect, &Id { id })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    of: String,
    name: String,
    expect: Validity,
}

/// Whether something holds.
#[derive(Deserialize, PartialEq, Debug)]
#[serde(deny_unknown_fields)]
pub(super) struct Validity {
    pub(super) valid: bool,
}

pub(super) fn name(vector: &str) -> Result<(), String> {
    let Name { of, name, expect } = read(vector)?;
    let valid = match of.as_str() {
        "server_name" => name.parse::<ServerName>().is_ok(),
        "fqid" => name.parse::<Fqid>().is_ok(),
        "event_type" => name.parse::<EventType>().is_ok(),
        other => return Err(format!("nobody reads names of {other:?}")),
    };
    compare(&expect, &Validity { valid })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    #[serde(rename = "name")]
    _name: Ignored,
    public_key: String,
    message_hex: String,
    signature_hex: String,
    expect: Validity,
}

pub(super) fn signature(vector: &str) -> Result<(), String> {
    let vector: Signed = read(vector)?;
    let message = bytes_of_hex(&vector.message_hex)?;
    let signature: [u8; 64] = bytes_of_hex(&vector.signature_hex)?
        .try_into()
        .map_err(|_| "a signature has 64 bytes".to_owned())?;
    let signature = Signature::from_bytes(signature);
    // A key that cannot be used verifies nothing.
    let valid = vector
        .public_key
        .parse::<PublicKey>()
        .is_ok_and(|key| key.verify_strict(&message, &signature).is_ok());
    compare(&vector.expect, &Validity { valid })
}
