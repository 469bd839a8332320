//! What an event does to the message that it is about. Pure.

use serde::Deserialize;
use serde_json::Value;

use super::model::{Edited, Reaction, Redacted};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId};
use crate::events::model::{Placed, Standing};
use crate::rooms::core::content::{self, Action};

/// Mentions in one message, at most; further ones are ignored.
pub(super) const MAX_MENTIONS: usize = 500;

/// The effect of one event on its target.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Effect {
    /// A new content.
    Edit(Edited),
    /// Taken back.
    Redaction {
        /// Who, when, why.
        redacted: Redacted,
        /// Whether the sender took it back; another's redaction may still be cut off.
        by_sender: bool,
    },
    /// An emoji put there or taken away.
    Reaction(Reaction),
}

/// The effect of `event` on the message `target`; `None`: it has none. Both must count and stand in one room, the
/// target must be a message, and only its sender edits it.
pub(super) fn on(target: &Placed, event: &Placed) -> Option<Effect> {
    let message = &target.event;
    let applies = target.standing == Standing::Valid
        && event.standing == Standing::Valid
        && event.target == Some(message.event_id)
        && event.event.room_id == message.room_id
        && message.event_type == EventType::ROOM_MESSAGE;
    if !applies {
        return None;
    }
    let sender = event.sender()?;
    let content = event.event.content.as_ref()?;
    let (at, order) = (event.event.ts, event.order());
    match &event.event.event_type {
        of if *of == EventType::ROOM_MESSAGE_EDIT => {
            let edit = content::Edit::deserialize(content).ok()?;
            (Some(sender) == target.sender()).then_some(Effect::Edit(Edited {
                content: edit.content,
                at,
                order,
            }))
        }
        of if *of == EventType::ROOM_REDACTION => {
            let redaction = content::Redaction::deserialize(content).ok()?;
            Some(Effect::Redaction {
                redacted: Redacted {
                    at,
                    by: ParticipantId::derive(sender),
                    reason: redaction.reason,
                    order,
                },
                by_sender: Some(sender) == target.sender(),
            })
        }
        of if *of == EventType::ROOM_REACTION => {
            let reaction = content::Reaction::deserialize(content).ok()?;
            Some(Effect::Reaction(Reaction {
                emoji: reaction.emoji,
                participant_id: ParticipantId::derive(sender),
                at,
                order,
                active: reaction.action == Action::Add,
            }))
        }
        _ => None,
    }
}

/// Who is named in a message's content, the sender left out.
pub fn mentions(content: &Value, sender: Option<ParticipantId>) -> Vec<ParticipantId> {
    let mut ids: Vec<ParticipantId> = content
        .get("mentions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|id| id.as_str()?.parse().ok())
        .take(MAX_MENTIONS)
        .filter(|id| Some(*id) != sender)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// The message that a content answers.
pub fn parent(content: &Value) -> Option<EventId> {
    content.get("reply_to_event_id")?.as_str()?.parse().ok()
}
