//! Saying, changing, taking back and reacting (client specification, section 8).

use serde::Serialize;
use serde_json::{Value, json};

use super::{
    Context, Intent, Refusal, TargetFacts, member_event, plain_change, require_joined,
    require_level, require_open, require_server, state_event,
};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{Action, MemberChange, Membership, RoomType};
use crate::rooms::core::levels::{LevelKey, OWNER};
use crate::rooms::core::view::{RoomView, Taking};

/// Different emoji on one message, at most.
const MAX_EMOJI_KINDS: usize = 50;
/// Pinned messages of a room, at most.
const MAX_PINS: usize = 100;

/// Says something. In a DM whose other person has gone, it brings that person back, but for right after a start: a message
/// never waits, and the state has to.
pub(super) fn send(
    view: &RoomView,
    actor: &Fqid,
    content: &Value,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    require_level(view, member, LevelKey::Send)?;
    require_server(view, actor)?;
    require_open(view)?;
    let mut intents = Vec::with_capacity(1);
    if view.history.host() == actor.server_name() && !context.state_waits {
        intents.extend(brought_back(view, actor));
    }
    intents.push(timeline_event(
        EventType::ROOM_MESSAGE,
        actor,
        content.clone(),
    ));
    Ok(intents)
}

/// A DM's other person who has gone is joined again. Who was only ever invited has a say in it first.
pub(super) fn brought_back(view: &RoomView, sender: &Fqid) -> Option<Intent> {
    if view.room_type() != RoomType::Dm || !view.is_open() {
        return None;
    }
    let (person, _) = view.history.members().find(|(person, _)| {
        *person != sender
            && view.membership(person) == Some(Membership::Leave)
            && view.history.ever_joined(person)
    })?;
    // Past the leave that stands in the person's own server's log.
    let is_foreign = person.server_name() != view.history.host();
    let after = is_foreign.then(|| view.head(person.server_name()));
    let change = MemberChange {
        after,
        ..plain_change(person, Membership::Join, OWNER)
    };
    Some(member_event(view, None, &change))
}

/// Changes an own message.
pub(super) fn edit(
    view: &RoomView,
    actor: &Fqid,
    target: EventId,
    content: &Value,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    let facts = message(context)?;
    if facts.redacted {
        return Err(Refusal::NoSuchEvent);
    }
    if facts.sender.as_ref() != Some(actor) {
        return Err(Refusal::Forbidden("only the sender can edit a message"));
    }
    require_server(view, actor)?;
    require_open(view)?;
    let window_ms =
        i64::try_from(view.history.edit_window().saturating_mul(1000)).unwrap_or(i64::MAX);
    if context.writes_at.saturating_sub(facts.ts) >= window_ms {
        return Err(Refusal::TooOldToEdit);
    }
    let content = json!({ "event_id": target, "content": content });
    Ok(vec![timeline_event(
        EventType::ROOM_MESSAGE_EDIT,
        actor,
        content,
    )])
}

/// Takes back a message: one's own, or another's with the level; nobody redacts the other in a DM.
pub(super) fn redact(
    view: &RoomView,
    actor: &Fqid,
    target: EventId,
    reason: Option<&str>,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    let facts = message(context)?;
    let is_own = facts.sender.as_ref() == Some(actor);
    let has_level = member.power_level >= view.history.level(LevelKey::Redact)
        && view.room_type() != RoomType::Dm;
    if !is_own && !has_level {
        return Err(Refusal::RedactForbidden);
    }
    if !is_own {
        require_server(view, actor)?;
    }
    require_open(view)?;
    if facts.redacted {
        return Ok(Vec::new());
    }
    let content = json!({ "event_id": target, "reason": reason });
    Ok(vec![timeline_event(
        EventType::ROOM_REDACTION,
        actor,
        content,
    )])
}

/// Puts or takes away a reaction.
pub(super) fn react(
    view: &RoomView,
    actor: &Fqid,
    target: EventId,
    emoji: &str,
    action: Action,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    if action == Action::Add {
        require_level(view, member, LevelKey::React)?;
    }
    let facts = message(context)?;
    if facts.redacted {
        return Err(Refusal::NoSuchEvent);
    }
    require_server(view, actor)?;
    require_open(view)?;
    if facts.has_own_emoji == (action == Action::Add) {
        return Ok(Vec::new());
    }
    if action == Action::Add && !facts.has_emoji && facts.emoji_kinds >= MAX_EMOJI_KINDS {
        return Err(Refusal::Invalid {
            path: "body.emoji",
            reason: "range",
            message: "a message can have 50 kinds of emoji",
        });
    }
    let content = json!({ "event_id": target, "emoji": emoji, "action": action });
    Ok(vec![timeline_event(
        EventType::ROOM_REACTION,
        actor,
        content,
    )])
}

/// Keeps a message at hand, or no longer.
pub(super) fn pin(
    view: &RoomView,
    actor: &Fqid,
    target: EventId,
    action: Action,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    require_level(view, member, LevelKey::Pin)?;
    let facts = message(context)?;
    if facts.redacted {
        return Err(Refusal::NoSuchEvent);
    }
    require_server(view, actor)?;
    require_open(view)?;
    if facts.is_pinned == (action == Action::Add) {
        return Ok(Vec::new());
    }
    if action == Action::Add && facts.pins >= MAX_PINS {
        return Err(Refusal::Invalid {
            path: "path.event_id",
            reason: "range",
            message: "a room can have 100 pinned messages",
        });
    }
    let content = PinChange {
        event_id: target,
        action,
    };
    Ok(vec![state_event(
        view,
        EventType::ROOM_PIN,
        Some(actor),
        content,
        Taking::Nothing,
    )])
}

/// The content of `swp.room.pin`, beside the marks.
#[derive(Serialize)]
struct PinChange {
    event_id: EventId,
    action: Action,
}

/// Shows a new profile.
pub(super) fn show_profile(
    view: &RoomView,
    actor: &Fqid,
    profile: &Value,
) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    require_open(view)?;
    let content = json!({ "profile": profile });
    Ok(vec![timeline_event(
        EventType::ROOM_PROFILE,
        actor,
        content,
    )])
}

/// The target, if it is a message that the actor is shown.
fn message<'a>(context: &Context<'a>) -> Result<&'a TargetFacts, Refusal> {
    context
        .target
        .filter(|facts| facts.visible && facts.event_type == EventType::ROOM_MESSAGE)
        .ok_or(Refusal::NoSuchEvent)
}

fn timeline_event(event_type: EventType, sender: &Fqid, content: Value) -> Intent {
    Intent {
        event_type,
        sender: Some(sender.clone()),
        content,
    }
}
