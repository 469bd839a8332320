//! Events: composing them for a log, and judging those of others.

use serde_json::{Map, Value, json};

use super::canonical::canonical;
use super::ids::{Place, event_id};
use super::key::{Key, PublicKey};
use super::{VERSION, hash_text, random_salt};

/// What an event says, before it has a place in a log.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Who says it; null in automatic state events.
    pub sender: Value,
    /// The event type.
    pub kind: String,
    /// When, in milliseconds.
    pub ts: i64,
    /// The last state event of the host's log that the origin had applied.
    pub state: (i64, Option<String>),
    /// What it says.
    pub content: Value,
}

/// The end of one server's log in one room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// The room.
    pub room_id: String,
    /// The server whose log it is.
    pub origin: String,
    /// The epoch.
    pub epoch: i64,
    /// The last position; 0 in an empty log.
    pub seq: i64,
    /// The last event's hash.
    pub hash: Option<String>,
    /// The last event's time.
    pub ts: i64,
}

impl Log {
    /// An empty log of epoch 1.
    pub fn new(room_id: &str, origin: &str) -> Self {
        Self {
            room_id: room_id.to_owned(),
            origin: origin.to_owned(),
            epoch: 1,
            seq: 0,
            hash: None,
            ts: 0,
        }
    }

    /// The next event of the log; the log itself stays as it is.
    pub fn compose(&self, draft: &Draft, key: &Key) -> Value {
        let salt = random_salt();
        let content_hash = content_hash(&draft.content, &salt);
        let seq = self.seq + 1;
        let ts = draft.ts.max(self.ts);
        let place = Place {
            room_id: &self.room_id,
            origin: &self.origin,
            epoch: self.epoch,
            seq,
            prev: self.hash.as_deref(),
            content_hash: &content_hash,
        };
        let mut event = json!({
            "v": VERSION,
            "event_id": event_id(ts, &place),
            "room_id": self.room_id,
            "origin": self.origin,
            "epoch": self.epoch,
            "seq": seq,
            "prev": self.hash,
            "sender": draft.sender,
            "type": draft.kind,
            "ts": ts,
            "state_seq": draft.state.0,
            "state_hash": draft.state.1,
            "content_hash": content_hash,
            "salt": salt,
            "content": draft.content,
        });
        sign(&mut event, key);
        event
    }

    /// Moves the end of the log to this event.
    pub fn advance(&mut self, event: &Value) {
        self.seq = event["seq"].as_i64().unwrap_or(self.seq);
        self.ts = event["ts"].as_i64().unwrap_or(self.ts);
        self.hash = Some(hash(event));
    }
}

/// Signs an event anew, after a test changed something in it.
pub fn sign(event: &mut Value, key: &Key) {
    event["key_id"] = json!(key.key_id());
    event["signature"] = json!(key.sign(&signed_bytes(event)));
}

/// The bytes that an event's signature and hash are of.
pub fn signed_bytes(event: &Value) -> Vec<u8> {
    let mut members = event.as_object().cloned().unwrap_or_else(Map::new);
    for left_out in ["content", "salt", "signature"] {
        members.remove(left_out);
    }
    format!("scaiwave-event-v1\n{}", canonical(&Value::Object(members))).into_bytes()
}

/// The hash of an event, by which the next one names it.
pub fn hash(event: &Value) -> String {
    hash_text(&signed_bytes(event))
}

/// The hash of a content with its salt.
pub fn content_hash(content: &Value, salt: &str) -> String {
    hash_text(canonical(&json!({"content": content, "salt": salt})).as_bytes())
}

/// The event without content and salt, as after a redaction.
pub fn without_content(event: &Value) -> Value {
    let mut bare = event.clone();
    if let Some(members) = bare.as_object_mut() {
        members.remove("content");
        members.remove("salt");
    }
    bare
}

/// Everything that can be said about a foreign event without the room's state: its keys, its id, its hashes, its signature, and
/// that it follows `before` in its log.
pub fn judge(event: &Value, key: &PublicKey, before: Option<&Value>) -> Result<(), String> {
    keys(event)?;
    let text = |name: &str| event[name].as_str().unwrap_or("").to_owned();
    let number = |name: &str| event[name].as_i64().unwrap_or(-1);
    let content_hash_text = text("content_hash");
    if let (Some(content), Some(salt)) = (event.get("content"), event["salt"].as_str())
        && content_hash(content, salt) != content_hash_text
    {
        return Err("content_hash is not that of content and salt".to_owned());
    }
    let place = Place {
        room_id: &text("room_id"),
        origin: &text("origin"),
        epoch: number("epoch"),
        seq: number("seq"),
        prev: event["prev"].as_str(),
        content_hash: &content_hash_text,
    };
    let id = event_id(number("ts"), &place);
    if event["event_id"] != id {
        return Err(format!(
            "event_id is {}, it follows that it is {id}",
            event["event_id"]
        ));
    }
    if event["key_id"] != key.key_id() {
        return Err(format!(
            "key_id is {}, the known key is {}",
            event["key_id"],
            key.key_id()
        ));
    }
    if !key.verifies(&signed_bytes(event), &text("signature")) {
        return Err("the signature is not that of the origin's key".to_owned());
    }
    follows(event, before)
}

fn keys(event: &Value) -> Result<(), String> {
    const REQUIRED: [&str; 15] = [
        "v",
        "event_id",
        "room_id",
        "origin",
        "epoch",
        "seq",
        "prev",
        "sender",
        "type",
        "ts",
        "state_seq",
        "state_hash",
        "content_hash",
        "key_id",
        "signature",
    ];
    let members = event.as_object().ok_or("an event is an object")?;
    if let Some(missing) = REQUIRED.iter().find(|key| !members.contains_key(**key)) {
        return Err(format!("the event has no `{missing}`"));
    }
    let known =
        |key: &&String| REQUIRED.contains(&key.as_str()) || *key == "content" || *key == "salt";
    match members.keys().find(|key| !known(key)) {
        Some(unknown) => Err(format!("the event has an unknown key `{unknown}`")),
        None => Ok(()),
    }
}

fn follows(event: &Value, before: Option<&Value>) -> Result<(), String> {
    let Some(before) = before else {
        return Ok(());
    };
    let next = before["seq"].as_i64().map(|seq| seq + 1);
    if event["seq"].as_i64() != next {
        return Err(format!("seq {} follows {}", event["seq"], before["seq"]));
    }
    if event["prev"] != hash(before) {
        return Err("prev is not the hash of the event before".to_owned());
    }
    if event["ts"].as_i64() < before["ts"].as_i64() {
        return Err("ts is before that of the event before".to_owned());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(body: &str) -> Draft {
        Draft {
            sender: json!("@bob:b.example"),
            kind: "swp.room.message".to_owned(),
            ts: 1_780_000_000_000,
            state: (3, Some(hash_text(b"x"))),
            content: json!({"body": body}),
        }
    }

    #[test]
    fn what_is_composed_is_judged_right_and_each_change_is_found() {
        let key = Key::random();
        let public = PublicKey::from_text(&key.public_key()).expect("a key");
        let mut log = Log::new("cd7cd0d0-a836-86b5-8164-4b87868b0498", "b.example");
        let first = log.compose(&draft("one"), &key);
        log.advance(&first);
        let second = log.compose(&draft("two"), &key);
        assert_eq!(judge(&first, &public, None), Ok(()));
        assert_eq!(judge(&second, &public, Some(&first)), Ok(()));
        assert_eq!(
            judge(&without_content(&second), &public, Some(&first)),
            Ok(())
        );
        for (member, value) in [
            ("content", json!({"body": "three"})),
            ("ts", json!(1_780_000_000_001_i64)),
            ("sender", json!("@eve:b.example")),
            ("extra", json!(1)),
        ] {
            let mut changed = second.clone();
            changed[member] = value;
            assert!(judge(&changed, &public, Some(&first)).is_err(), "{member}");
        }
        assert!(judge(&second, &public, Some(&second)).is_err());
    }

    #[test]
    fn hash_and_signature_are_those_of_the_published_example() {
        let event = json!({
            "v": "v1", "event_id": "019e7044-887b-77e0-8958-fa4733735afd",
            "room_id": "cd7cd0d0-a836-86b5-8164-4b87868b0498", "origin": "a.example", "epoch": 1,
            "sender": "@alice:a.example", "seq": 1, "prev": null, "type": "swp.room.create", "ts": 1_780_000_000_123_i64,
            "state_seq": 0, "state_hash": null,
            "content_hash": "sha256:883baa4392dcbcb8b7520b12f232fd45bdf8086b2dc5ee1171a0416964350d4c",
            "key_id": "ed25519:fe812c12f3ab4ce6", "content": {"nonce": "MTIzNDU2Nzg5MDEyMzQ1Ng"},
            "salt": "AQEBAQEBAQEBAQEBAQEBAQ",
            "signature": "-19Zag6lRnm9udE75w2rbR4_B9vbT-5IQNP1PrZBzWGKZC6UJSFj1M9pSfi__kbQjZvvr6Qwg8CVv-MtdqX_Ag"
        });
        assert_eq!(
            hash(&event),
            "sha256:1b81f564294e98eae3764ec4114a135bd6cb2700a1abd69e7e5e2e75e28b4a8b"
        );
        let key = PublicKey::from_text(&Key::from_seed([7; 32]).public_key()).expect("a key");
        assert_eq!(judge(&event, &key, None), Ok(()));
    }
}
