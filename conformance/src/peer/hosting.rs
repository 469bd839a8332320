//! The played peer as the host of a room: it keeps the state, and executes what the server under test asks for its people.

use serde_json::{Map, Value, json};

use super::Peer;
use super::people::{is_signed, sign_document};
use super::room::RoomCopy;
use crate::clock;
use crate::protocol::{ids, random_salt};

const LEVELS: [(&str, i64); 19] = [
    ("send", 0),
    ("react", 0),
    ("upload", 0),
    ("call_start", 0),
    ("invite", 0),
    ("pin", 0),
    ("topic", 0),
    ("artifacts_write", 10),
    ("redact", 50),
    ("kick", 50),
    ("ban", 50),
    ("call_end", 50),
    ("call_record", 50),
    ("name", 50),
    ("archive", 50),
    ("settings", 100),
    ("power", 100),
    ("workspace", 100),
    ("default", 0),
];

fn levels() -> Value {
    let levels: Map<String, Value> = LEVELS
        .iter()
        .map(|(key, level)| ((*key).to_owned(), json!(level)))
        .collect();
    Value::Object(levels)
}

impl Peer {
    /// Creates a group room on the peer, with `creator` in it, and answers its id.
    pub fn creates_room(&self, creator: &str, name: &str) -> String {
        self.creates(creator, "group", &json!(name))
    }

    /// Creates a DM on the peer, with `creator` in it so far, and answers its id.
    pub fn creates_dm(&self, creator: &str) -> String {
        self.creates(creator, "dm", &Value::Null)
    }

    fn creates(&self, creator: &str, room_type: &str, name: &Value) -> String {
        let nonce = random_salt();
        let room_id = ids::room_id(self.name(), &nonce);
        let mut room = RoomCopy::new(&room_id, self.name(), self.name());
        let create = json!({
            "nonce": nonce, "room_type": room_type, "name": name, "topic": null, "scope_kind": null,
            "visibility": null, "read_role_slugs": [], "history_visibility": "shared",
            "edit_window_seconds": 86_400, "auto_close": false, "alias": null,
            "power_levels": levels(), "key": self.key_document(), "seen": {},
        });
        room.append(&room.draft(creator, "swp.room.create", create), self.key());
        let join = json!({
            "participant": creator, "membership": "join", "power_level": 100,
            "profile": self.profile(creator, "The host's creator"), "seen": {},
            "after": {"epoch": 1, "seq": 1, "hash": room.own.hash},
        });
        room.append(&room.draft(creator, "swp.room.member", join), self.key());
        self.keep_room(room);
        room_id
    }

    /// Appends a state event to a room that the peer hosts.
    pub fn appends_state(
        &self,
        room_id: &str,
        sender: &str,
        kind: &str,
        content: Value,
    ) -> Option<Value> {
        self.with_room(room_id, |room| {
            let mut content = content;
            if content.get("seen").is_none() {
                content["seen"] = seen(room);
            }
            room.append(&room.draft(sender, kind, content), self.key())
        })
    }

    /// The body of `POST /invite` for somebody on the server under test.
    pub fn invites(&self, room_id: &str, inviter: &str, guest: &str) -> Option<Value> {
        let level = self.with_room(room_id, |room| level(room))?;
        let content = json!({
            "participant": guest, "membership": "invite", "power_level": level,
            "expires_at": clock::now_ms() + 14 * 24 * 60 * 60 * 1000,
        });
        let event = self.appends_state(room_id, inviter, "swp.room.member", content)?;
        Some(json!({
            "event": event, "room": self.summary(room_id)?, "key": self.key_document(),
        }))
    }

    /// The signed summary of a room that the peer hosts.
    pub fn summary(&self, room_id: &str) -> Option<Value> {
        let mut summary = self.with_room(room_id, |room| {
            let create = room.at(self.name(), 1).cloned().unwrap_or(Value::Null);
            json!({
                "room_id": room.room_id, "host": room.host, "room_type": create["content"]["room_type"],
                "name": create["content"]["name"], "topic": null, "avatar_url": null, "member_count": 1,
                "created_at": create["ts"], "creator": create["sender"], "history_visibility": "shared",
                "edit_window_seconds": 86_400, "power_levels": levels(), "ts": clock::now_ms(),
            })
        })?;
        sign_document("scaiwave-summary-v1", &mut summary, self.key());
        Some(summary)
    }

    /// Executes a request of the server under test, once, and answers the events that it caused; a reason if it is not lawful.
    pub(super) fn executes(&self, room_id: &str, document: &Value) -> Result<Vec<Value>, String> {
        if !is_signed("scaiwave-request-v1", document, self.subject_key()) {
            return Err("the request document is not signed by the actor's server".to_owned());
        }
        if document["room_id"] != room_id || document["host"] != self.name() {
            return Err("the request document is for another room or host".to_owned());
        }
        let id = document["request_id"].as_str().unwrap_or("").to_owned();
        let actor = document["actor"].as_str().unwrap_or("").to_owned();
        if !actor.ends_with(&format!(":{}", self.subject_name())) {
            return Err(format!("the actor {actor} is not of the calling server"));
        }
        self.with_room(room_id, |room| {
            if let Some(events) = room.answered.get(&id) {
                return Ok(events.clone());
            }
            let (kind, mut content) = change(room, document, &actor)?;
            content["request"] = document.clone();
            content["seen"] = seen(room);
            let event = room.append(&room.draft(&actor, kind, content), self.key());
            room.answered.insert(id, vec![event.clone()]);
            Ok(vec![event])
        })
        .unwrap_or_else(|| Err("no such room".to_owned()))
    }
}

/// The level that a room's people come in at.
fn level(room: &RoomCopy) -> i64 {
    let create = room.at(&room.host, 1);
    let is_dm = create.is_some_and(|create| create["content"]["room_type"] == "dm");
    if is_dm { 100 } else { 0 }
}

/// What a request changes; only what checks make the server under test ask for.
fn change(room: &RoomCopy, document: &Value, actor: &str) -> Result<(&'static str, Value), String> {
    let asked = &document["content"];
    let member = |membership: &str| json!({"participant": actor, "membership": membership, "power_level": level(room)});
    match document["action"].as_str().unwrap_or("") {
        "join" | "rejoin" => {
            let mut content = member("join");
            for part in ["profile", "after"] {
                content[part] = asked[part].clone();
            }
            let origin = actor.split_once(':').map_or("", |(_, server)| server);
            let is_first = !room.state_events().iter().any(|event| {
                event["content"]["key"].is_object()
                    && event["content"]["participant"]
                        .as_str()
                        .is_some_and(|p| p.ends_with(&format!(":{origin}")))
            });
            if is_first {
                content["key"] = asked["key"].clone();
            }
            Ok(("swp.room.member", content))
        }
        "decline" => {
            let mut content = member("leave");
            content["cutoff"] = json!({});
            Ok(("swp.room.member", content))
        }
        "topic" => Ok(("swp.room.topic", json!({"topic": asked["topic"]}))),
        other => Err(format!("the played host does not do {other:?}")),
    }
}

/// The heads of the other servers' logs, as a state event must name them.
fn seen(room: &RoomCopy) -> Value {
    let heads = room
        .heads()
        .into_iter()
        .filter(|(origin, _)| *origin != room.host);
    Value::Object(heads.collect())
}
