//! People of the played peer: their names, profiles, and what they ask of a room's host.

use serde_json::{Value, json};

use super::Peer;
use super::room::nothing;
use crate::cast::random_uuid;
use crate::clock;
use crate::protocol::canonical::canonical;
use crate::protocol::key::{Key, PublicKey};

/// Signs a document: `prefix` and the canonical form without `signature`.
pub fn sign_document(prefix: &str, document: &mut Value, key: &Key) {
    document["key_id"] = json!(key.key_id());
    document["signature"] = json!(key.sign(&document_bytes(prefix, document)));
}

/// Whether a document is signed by `key`.
pub fn is_signed(prefix: &str, document: &Value, key: &PublicKey) -> bool {
    let signature = document["signature"].as_str().unwrap_or("");
    document["key_id"] == key.key_id() && key.verifies(&document_bytes(prefix, document), signature)
}

fn document_bytes(prefix: &str, document: &Value) -> Vec<u8> {
    let mut bare = document.clone();
    if let Some(members) = bare.as_object_mut() {
        members.remove("signature");
    }
    format!("{prefix}\n{}", canonical(&bare)).into_bytes()
}

impl Peer {
    /// The FQID of one of the peer's people.
    pub fn fqid(&self, local_id: &str) -> String {
        format!("@{local_id}:{}", self.name())
    }

    /// The signed profile of one of the peer's people.
    pub fn profile(&self, fqid: &str, display_name: &str) -> Value {
        let mut profile = json!({
            "fqid": fqid,
            "display_name": display_name,
            "avatar_url": null,
            "bio": null,
            "participant_type": "human",
            "ts": clock::now_ms(),
        });
        sign_document("scaiwave-profile-v1", &mut profile, self.key());
        profile
    }

    /// The peer's key as rooms carry it.
    pub fn key_document(&self) -> Value {
        json!({"key_id": self.key().key_id(), "public_key": self.key().public_key()})
    }

    /// What `actor` asks of the host of a room.
    pub fn ask(&self, room_id: &str, actor: &str, action: &str, content: Value) -> Value {
        let mut document = json!({
            "request_id": random_uuid(),
            "room_id": room_id,
            "host": self.subject_name(),
            "actor": actor,
            "action": action,
            "content": content,
            "ts": clock::now_ms(),
        });
        self.sign_request(&mut document);
        document
    }

    /// Signs a request document anew, after a check changed something in it.
    pub fn sign_request(&self, document: &mut Value) {
        sign_document("scaiwave-request-v1", document, self.key());
    }

    /// What somebody asks who wants to join, with an empty own log.
    pub fn ask_to_join(&self, room_id: &str, actor: &str) -> Value {
        let after = self.with_room(room_id, |room| {
            let hash = room.own.hash.clone();
            json!({"epoch": 1, "seq": room.own.seq, "hash": hash})
        });
        let content = json!({
            "profile": self.profile(actor, &format!("Guest {actor}")),
            "key": self.key_document(),
            "after": after.unwrap_or_else(nothing),
        });
        self.ask(room_id, actor, "join", content)
    }
}
