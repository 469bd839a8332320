//! What clients are shown of an event, whichever way it reaches them (client specification, section 10). Pure.
//!
//! Everything is built from the specification's fields, never from the raw content, in which another server may put what
//! it likes; only a message's content is the client's own. A leave that a home server recorded looks like any other
//! membership event. What edits and redactions made of a message is the caller's part.

mod system_text;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::clock::iso;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::ServerName;
use crate::events::model::Placed;
use crate::rooms::core::content::{
    Change, Edit, Leave, MemberChange, Membership, Reaction, Redaction, StateChange,
};

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
    let change = parsed::<MemberChange>(placed)
        .filter(|_| placed.event.event_type == EventType::ROOM_MEMBER);
    change.map_or(creator, |change| ParticipantId::derive(&change.participant))
}

/// The fields of the event as people of `home` see them: for a message its content, for the others those of the specification's
/// table.
pub fn fields(placed: &Placed, creator: ParticipantId, home: &ServerName) -> Map<String, Value> {
    let sender = sender_id(placed, creator);
    let fields = match &placed.event.event_type {
        of if *of == EventType::ROOM_MESSAGE => placed.event.content.clone(),
        of if *of == EventType::ROOM_MESSAGE_EDIT => Some(edit(placed)),
        of if *of == EventType::ROOM_REDACTION => redaction(placed, sender),
        of if *of == EventType::ROOM_REACTION => reaction(placed),
        of if *of == EventType::ROOM_LEAVE => Some(own_leave(placed, sender)),
        _ => state(placed, home).and_then(|change| state_fields(&change, sender)),
    };
    match fields {
        Some(Value::Object(mut fields)) => {
            keep_mark(placed, &mut fields);
            fields
        }
        _ => Map::new(),
    }
}

/// Beside its own fields an event may say that it is not to be indexed.
pub fn keep_mark(placed: &Placed, fields: &mut Map<String, Value>) {
    const MARK: &str = "do_not_index";
    let content = placed.event.content.as_ref();
    if content.and_then(|content| content.get(MARK)) == Some(&Value::Bool(true)) {
        fields.insert(MARK.to_owned(), Value::Bool(true));
    }
}

/// As [`fields`], with what history and sync add to membership, name, topic and state events: `msgtype` and an English
/// `body`, in which people of `home` have short names.
pub fn content(placed: &Placed, creator: ParticipantId, home: &ServerName) -> Map<String, Value> {
    let mut fields = fields(placed, creator, home);
    let sender = placed.sender();
    let body = if placed.event.event_type == EventType::ROOM_LEAVE {
        Some(system_text::left(sender, home))
    } else {
        state(placed, home).and_then(|change| system_text::of(&change, sender, home))
    };
    if let Some(body) = body {
        fields.insert("msgtype".to_owned(), json!("swp.system"));
        fields.insert("body".to_owned(), json!(body));
    }
    fields
}

/// An edit whose message was redacted has lost its content, and names the message still.
fn edit(placed: &Placed) -> Value {
    let content = parsed::<Edit>(placed).map_or_else(|| json!({}), |edit| edit.content);
    json!({
        "event_id": placed.target,
        "content": content,
        "edited_at": iso(placed.event.ts),
    })
}

fn redaction(placed: &Placed, sender: ParticipantId) -> Option<Value> {
    let redaction = parsed::<Redaction>(placed)?;
    Some(json!({
        "event_id": redaction.event_id,
        "redacted_by": sender,
        "reason": redaction.reason,
    }))
}

fn reaction(placed: &Placed) -> Option<Value> {
    let reaction = parsed::<Reaction>(placed)?;
    Some(json!({
        "event_id": reaction.event_id,
        "emoji": reaction.emoji,
        "action": reaction.action,
    }))
}

/// The level is the host's to say; who has left has none.
fn own_leave(placed: &Placed, sender: ParticipantId) -> Value {
    json!({
        "participant_id": sender,
        "membership": Membership::Leave,
        "changed_by": sender,
        "reason": parsed::<Leave>(placed).and_then(|leave| leave.reason),
        "power_level": 0,
    })
}

fn state_fields(change: &Change, sender: ParticipantId) -> Option<Value> {
    Some(match change {
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
        Change::Settings(settings) => json!(settings),
        Change::PowerLevels(levels) => json!({ "power_levels": levels }),
        Change::Pin { event_id, add } => {
            json!({ "event_id": event_id, "action": if *add { "add" } else { "remove" } })
        }
        Change::Seen | Change::Log(_) | Change::Unknown => return None,
    })
}

/// What a state event changes for the people of `home`: workspaces of other servers are none here.
fn state(placed: &Placed, home: &ServerName) -> Option<Change> {
    let event = &placed.event;
    if !event.event_type.is_state() {
        return None;
    }
    let content = event.content.as_ref()?;
    let state = StateChange::parse(&event.event_type, content).ok()?;
    Some(match state.change {
        Change::Settings(mut settings) if event.origin != *home => {
            settings.workspace_id = None;
            Change::Settings(settings)
        }
        change => change,
    })
}

fn parsed<'de, T: Deserialize<'de>>(placed: &'de Placed) -> Option<T> {
    T::deserialize(placed.event.content.as_ref()?).ok()
}
