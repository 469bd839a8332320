//! Rows from events that count.
//!
//! The outcome depends on the set of events alone, never on their order of arrival: where two of them speak of the
//! same thing, the common order of all servers decides (federation specification, "Redaction" and "Edits").

use serde_json::Value;

use super::effect::{self, Effect};
use super::model::{Changes, Edited, Redacted};
use super::store::attention::{self, Mark};
use super::store::{changes, reactions, references};
use super::text;
use crate::db::{DbError, Tx};
use crate::events;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::{Placed, Standing};
use crate::media::description;
use crate::media::store::references as media_references;
use crate::notifications;
use crate::tenants::Tenant;

/// What is known of a message's room.
pub struct Room<'a> {
    /// Whether it is a DM: there, a question is directed at the other person.
    pub is_dm: bool,
    /// Tells whether a redaction can no longer be cut off: then it erases what it took back.
    pub is_settled: &'a (dyn Fn(&Event) -> bool + Sync),
}

/// Writes what an event changed about messages. One about a message that is not here waits for it, and the message is then
/// made by [`refold`].
pub async fn apply(
    tenant: &Tenant,
    tx: &mut Tx,
    placed: &Placed,
    room: &Room<'_>,
) -> Result<(), DbError> {
    if placed.standing != Standing::Valid {
        return Ok(());
    }
    if placed.event.event_type == EventType::ROOM_MESSAGE {
        return refer(tenant, tx, placed, room).await;
    }
    let Some(target) = placed.target else {
        return Ok(());
    };
    match events::store::by_id(tenant, tx.conn(), target).await? {
        Some(target) => affect(tenant, tx, &target, placed, room).await,
        None => Ok(()),
    }
}

/// Makes the rows of a message anew from the events that still count.
pub async fn refold(
    tenant: &Tenant,
    tx: &mut Tx,
    target: EventId,
    room: &Room<'_>,
) -> Result<(), DbError> {
    changes::delete(tenant, tx, target).await?;
    reactions::delete(tenant, tx, target).await?;
    references::delete(tenant, tx, target).await?;
    attention::delete(tenant, tx, target).await?;
    media_references::delete(tenant, tx, target).await?;
    match events::store::by_id(tenant, tx.conn(), target).await? {
        Some(message) if message.standing == Standing::Valid => {
            refer(tenant, tx, &message, room).await?;
            effects_on(tenant, tx, &message, room).await
        }
        _ => Ok(()),
    }
}

/// Whether a redaction of this message counts.
pub async fn is_redacted(tenant: &Tenant, tx: &mut Tx, message: EventId) -> Result<bool, DbError> {
    let changes = changes::get(tenant, tx.conn(), message).await?;
    Ok(changes.redaction.is_some())
}

/// Erases what moderators of `origin` redacted, now that the host has seen their log up to a place (epoch, seq): these
/// redactions can no longer be cut off.
pub async fn erase_settled(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    place: (i64, i64),
) -> Result<(), DbError> {
    for id in events::store::redacted_but_kept(tenant, tx, room_id, origin, place).await? {
        if is_redacted(tenant, tx, id).await? {
            events::store::erase(tenant, tx, id).await?;
        }
    }
    Ok(())
}

async fn effects_on(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    room: &Room<'_>,
) -> Result<(), DbError> {
    for event in events::store::about(tenant, tx, message.event.event_id).await? {
        affect(tenant, tx, message, &event, room).await?;
    }
    Ok(())
}

async fn affect(
    tenant: &Tenant,
    tx: &mut Tx,
    target: &Placed,
    event: &Placed,
    room: &Room<'_>,
) -> Result<(), DbError> {
    match effect::on(target, event) {
        None => Ok(()),
        Some(Effect::Edit(edited)) => {
            edit(tenant, tx, target, (edited, event.position), room).await
        }
        Some(Effect::Redaction {
            redacted,
            by_sender,
        }) => {
            redact(tenant, tx, target, redacted).await?;
            if by_sender || (room.is_settled)(&event.event) {
                events::store::erase(tenant, tx, target.event.event_id).await?;
            }
            Ok(())
        }
        Some(Effect::Reaction(reaction)) => {
            let id = target.event.event_id;
            if changes::get(tenant, tx.conn(), id)
                .await?
                .redaction
                .is_some()
            {
                return Ok(());
            }
            reactions::put_if_later(tenant, tx, id, &reaction).await
        }
    }
}

async fn edit(
    tenant: &Tenant,
    tx: &mut Tx,
    target: &Placed,
    (edited, since): (Edited, i64),
    room: &Room<'_>,
) -> Result<(), DbError> {
    let id = target.event.event_id;
    let before = changes::get(tenant, tx.conn(), id).await?;
    if before.redaction.is_some() {
        // An edit that comes after its message was erased goes the same way.
        if target.event.content.is_none() {
            events::store::erase(tenant, tx, id).await?;
        }
        return Ok(());
    }
    if before
        .edit
        .is_some_and(|earlier| earlier.order >= edited.order)
    {
        return Ok(());
    }
    let mentioned = effect::mentions(&edited.content, sender_id(target));
    references::delete_mentions(tenant, tx, id).await?;
    references::mention(tenant, tx, target, &mentioned).await?;
    let original = target.event.content.as_ref();
    let is_reply = original.and_then(effect::parent).is_some();
    attention::delete_mark(tenant, tx, id).await?;
    attention::mark(tenant, tx, target, mark(&edited.content, is_reply, room)).await?;
    media_references::delete(tenant, tx, id).await?;
    let files = description::read(&edited.content, edited.at);
    media_references::add(tenant, tx, target, since, &files).await?;
    let changed = Changes {
        edit: Some(edited),
        redaction: None,
    };
    changes::put(tenant, tx, id, &changed).await
}

async fn redact(
    tenant: &Tenant,
    tx: &mut Tx,
    target: &Placed,
    redacted: Redacted,
) -> Result<(), DbError> {
    let id = target.event.event_id;
    let before = changes::get(tenant, tx.conn(), id).await?;
    if before
        .redaction
        .is_some_and(|earlier| earlier.order <= redacted.order)
    {
        return Ok(());
    }
    reactions::delete(tenant, tx, id).await?;
    references::delete(tenant, tx, id).await?;
    attention::delete(tenant, tx, id).await?;
    media_references::delete(tenant, tx, id).await?;
    notifications::store::forget(tenant, tx, id).await?;
    let changed = Changes {
        edit: None,
        redaction: Some(redacted),
    };
    changes::put(tenant, tx, id, &changed).await
}

/// Writes whom and which files a message names, what it answers and what it asks for. What is known of it may be ahead of it: after a
/// restore, others' events about an own message can be here first.
async fn refer(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    room: &Room<'_>,
) -> Result<(), DbError> {
    let Some(content) = &message.event.content else {
        return Ok(());
    };
    let (mentioned, parent) = (
        effect::mentions(content, sender_id(message)),
        effect::parent(content),
    );
    let mark = mark(content, parent.is_some(), room);
    let files = description::read(content, message.event.ts);
    if mentioned.is_empty() && parent.is_none() && mark.is_none() && files.is_empty() {
        return Ok(());
    }
    let known = changes::get(tenant, tx.conn(), message.event.event_id).await?;
    if known.redaction.is_some() {
        return Ok(());
    }
    if let Some(parent) = parent {
        references::reply(tenant, tx, message, parent).await?;
    }
    if known.edit.is_none() {
        references::mention(tenant, tx, message, &mentioned).await?;
        attention::mark(tenant, tx, message, mark).await?;
        media_references::add(tenant, tx, message, message.position, &files).await?;
    }
    Ok(())
}

/// What a text asks for. A question counts only where it can be directed at somebody whom it does not name.
fn mark(content: &Value, is_reply: bool, room: &Room<'_>) -> Option<Mark> {
    let body = text::body(content);
    let mark = Mark {
        is_question: (room.is_dm || is_reply) && text::is_question(body),
        is_urgent: text::is_urgent(body),
    };
    (mark.is_question || mark.is_urgent).then_some(mark)
}

fn sender_id(placed: &Placed) -> Option<ParticipantId> {
    placed.sender().map(ParticipantId::derive)
}

#[cfg(test)]
#[path = "project_tests.rs"]
mod tests;
