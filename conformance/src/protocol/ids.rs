//! Ids that follow from what they name: rooms, participants, media, events.

use serde_json::json;

use super::canonical::canonical;
use super::sha256;

/// The id of the room that `host` created with `nonce`.
pub fn room_id(host: &str, nonce: &str) -> String {
    version_8(&format!("scaiwave-room-v1\n{host}\n{nonce}"))
}

/// The id of the participant with this FQID.
pub fn participant_id(fqid: &str) -> String {
    version_8(&format!("scaiwave-participant-v1\n{fqid}"))
}

/// The id of the file with this hash, in hex digits, that this participant uploaded.
pub fn media_id(uploader: &str, content: &str) -> String {
    version_8(&format!("scaiwave-media-v1\n{uploader}\n{content}"))
}

/// What an event's id follows from, beside its time.
pub struct Place<'a> {
    /// The room.
    pub room_id: &'a str,
    /// The server whose log it is.
    pub origin: &'a str,
    /// The log's epoch.
    pub epoch: i64,
    /// The position in the epoch.
    pub seq: i64,
    /// The hash of the event before, if any.
    pub prev: Option<&'a str>,
    /// The hash of its content.
    pub content_hash: &'a str,
}

/// The id of an event: a UUIDv7 of `ts` whose random bits are the first 74 of a hash.
pub fn event_id(ts: i64, place: &Place<'_>) -> String {
    let named = json!([
        place.room_id,
        place.origin,
        place.epoch,
        place.seq,
        place.prev,
        place.content_hash
    ]);
    let hash = sha256(format!("scaiwave-id-v1\n{}", canonical(&named)).as_bytes());
    let random = first_bits(&hash, 74);
    let time = u128::try_from(ts).unwrap_or(0) & 0xffff_ffff_ffff;
    let high = random >> 62;
    let low = random & ((1 << 62) - 1);
    text(time << 80 | 7 << 76 | high << 64 | 2 << 62 | low)
}

fn version_8(name: &str) -> String {
    let bits = first_bits(&sha256(name.as_bytes()), 122);
    let first = bits >> 74;
    let second = bits >> 62 & 0xfff;
    let third = bits & ((1 << 62) - 1);
    text(first << 80 | 8 << 76 | second << 64 | 2 << 62 | third)
}

/// The first `count` bits of a hash as a number.
fn first_bits(hash: &[u8; 32], count: u32) -> u128 {
    let first = hash
        .iter()
        .take(16)
        .fold(0, |number: u128, byte| number << 8 | u128::from(*byte));
    first >> (128 - count)
}

fn text(bits: u128) -> String {
    uuid::Uuid::from_u128(bits).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_names() {
        assert_eq!(
            participant_id("@alice:a.example"),
            "def9ff81-d988-81d0-b2a9-7a8acef4bc54"
        );
        assert_eq!(
            room_id("a.example", "MTIzNDU2Nzg5MDEyMzQ1Ng"),
            "cd7cd0d0-a836-86b5-8164-4b87868b0498"
        );
        let place = Place {
            room_id: "cd7cd0d0-a836-86b5-8164-4b87868b0498",
            origin: "a.example",
            epoch: 1,
            seq: 1,
            prev: None,
            content_hash: "sha256:883baa4392dcbcb8b7520b12f232fd45bdf8086b2dc5ee1171a0416964350d4c",
        };
        assert_eq!(
            event_id(1_780_000_000_123, &place),
            "019e7044-887b-77e0-8958-fa4733735afd"
        );
    }
}
