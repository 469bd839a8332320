//! What clients are shown of an event, whichever way it reaches them (client specification, section 10). Pure.
//!
//! The content of a state event is built from the specification's fields, never the raw content; a leave that a home
//! server recorded looks like any other membership event.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::iso;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::model::Placed;
use crate::rooms::core::content::{Change, MemberChange, Membership, StateChange};

/// The `event_type` that clients see.
pub fn event_type(placed: &Placed) -> &str {
    if placed.event.event_type == EventType::ROOM_LEAVE {
        return "swp.room.member";
    }
    placed.event.event_type.as_str()
}

/// Who sent it: an automatic event is from the participant concerned, else from the room's creator.
pub fn sender_id(placed: &Placed, creator: ParticipantId) -> ParticipantId {
    if let Some(sender) = &placed.event.sender {
        return ParticipantId::derive(sender);
    }
    member_change(placed).map_or(creator, |change| ParticipantId::derive(&change.participant))
}

/// The fields of the event: for a message its content, for the others those of the specification's table.
pub fn fields(placed: &Placed, creator: ParticipantId) -> Map<String, Value> {
    let event = &placed.event;
    let sender = sender_id(placed, creator);
    if event.event_type == EventType::ROOM_LEAVE {
        return leave_fields(placed, sender);
    }
    let Some(Value::Object(content)) = &event.content else {
        return Map::new();
    };
    if event.event_type == EventType::ROOM_MESSAGE {
        return content.clone();
    }
    if event.event_type == EventType::ROOM_MESSAGE_EDIT {
        let mut fields = content.clone();
        fields.insert("edited_at".to_owned(), json!(iso(event.ts)));
        return fields;
    }
    if event.event_type == EventType::ROOM_REDACTION {
        let mut fields = content.clone();
        fields.insert("redacted_by".to_owned(), json!(sender));
        fields.entry("reason").or_insert(Value::Null);
        return fields;
    }
    if event.event_type == EventType::ROOM_REACTION {
        return content.clone();
    }
    state_fields(placed, content, sender)
}

fn state_fields(
    placed: &Placed,
    content: &Map<String, Value>,
    sender: ParticipantId,
) -> Map<String, Value> {
    let event = &placed.event;
    let Some(Ok(state)) = event
        .content
        .as_ref()
        .map(|content| StateChange::parse(&event.event_type, content))
    else {
        return Map::new();
    };
    let fields = match state.change {
        Change::Create(create) => json!({
            "creator_id": sender,
            "room_type": create.room_type,
            "name": create.name,
            "scope_kind": create.scope_kind,
        }),
        Change::Member(change) => json!({
            "participant_id": ParticipantId::derive(&change.participant),
            "membership": change.membership,
            "changed_by": sender,
            "reason": change.reason,
            "power_level": change.power_level,
        }),
        Change::Name(name) => json!({ "name": name }),
        Change::Topic(topic) => json!({ "topic": topic }),
        Change::Lifecycle(lifecycle) => json!({ "state": lifecycle, "changed_by": sender }),
        Change::Settings(_) => {
            let mut fields = content.clone();
            for internal in ["seen", "cutoff", "request"] {
                fields.remove(internal);
            }
            return fields;
        }
        Change::PowerLevels(levels) => json!({ "power_levels": levels }),
        Change::Pin { event_id, add } => {
            json!({ "event_id": event_id, "action": if add { "add" } else { "remove" } })
        }
        Change::Seen | Change::Unknown => Value::Null,
    };
    match fields {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn leave_fields(placed: &Placed, sender: ParticipantId) -> Map<String, Value> {
    let reason = placed
        .event
        .content
        .as_ref()
        .and_then(|content| content.get("reason").cloned())
        .unwrap_or(Value::Null);
    let mut fields = Map::new();
    fields.insert("participant_id".to_owned(), json!(sender));
    fields.insert("membership".to_owned(), json!(Membership::Leave));
    fields.insert("changed_by".to_owned(), json!(sender));
    fields.insert("reason".to_owned(), reason);
    fields.insert("power_level".to_owned(), json!(0));
    fields
}

/// As [`fields`], with what history and sync add to membership, name, topic and state events: `msgtype` and an English
/// `body`.
pub fn content(placed: &Placed, creator: ParticipantId, home: &ServerName) -> Map<String, Value> {
    let mut fields = fields(placed, creator);
    if let Some(body) = body(placed, home) {
        fields.insert("msgtype".to_owned(), json!("swp.system"));
        fields.insert("body".to_owned(), json!(body));
    }
    fields
}

fn body(placed: &Placed, home: &ServerName) -> Option<String> {
    let event = &placed.event;
    let by = event.sender.as_ref().map(|sender| shown_name(sender, home));
    if event.event_type == EventType::ROOM_LEAVE {
        return by.map(|by| format!("{by} left"));
    }
    let content = event.content.as_ref()?;
    let state = StateChange::parse(&event.event_type, content).ok()?;
    let by = by.unwrap_or_else(|| "The server".to_owned());
    Some(match state.change {
        Change::Member(change) => member_body(&change, event.sender.as_ref(), &by, home),
        Change::Name(name) => format!("{by} renamed the room to {name}"),
        Change::Topic(Some(topic)) => format!("{by} set the topic to {topic}"),
        Change::Topic(None) => format!("{by} removed the topic"),
        Change::Lifecycle(lifecycle) => match lifecycle.as_str() {
            "open" => format!("{by} reopened the room"),
            word => format!("{by} {word} the room"),
        },
        _ => return None,
    })
}

fn member_body(
    change: &MemberChange,
    sender: Option<&Fqid>,
    by: &str,
    home: &ServerName,
) -> String {
    let who = shown_name(&change.participant, home);
    let by_self = sender == Some(&change.participant);
    match change.membership {
        Membership::Join if by_self && change.after.is_none() && change.profile.is_none() => {
            format!("{who} now has level {}", change.power_level)
        }
        Membership::Join if change.profile.is_some() || change.after.is_some() => {
            format!("{who} joined")
        }
        Membership::Join => format!("{who} now has level {}", change.power_level),
        Membership::Leave if by_self => format!("{who} left"),
        Membership::Leave => format!("{by} removed {who}"),
        Membership::Ban => format!("{by} banned {who}"),
        Membership::Invite => format!("{by} invited {who}"),
        Membership::Knock => format!("{who} asks to join"),
    }
}

/// Local people by their short name, others in full.
fn shown_name(person: &Fqid, home: &ServerName) -> String {
    if person.server_name() == home {
        format!("@{}", person.local_id())
    } else {
        person.to_string()
    }
}

fn member_change(placed: &Placed) -> Option<MemberChange> {
    let event = &placed.event;
    if event.event_type != EventType::ROOM_MEMBER {
        return None;
    }
    MemberChange::deserialize(event.content.as_ref()?).ok()
}
