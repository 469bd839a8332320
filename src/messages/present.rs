//! Events as history shows them: folded with their edits, redactions and reactions (client specification, section 8).

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::client_form;
use super::effect::{self, Effect};
use super::model::Changes;
use super::store::reactions::Counted;
use super::store::{changes, history, marks, pins, reactions, threads};
use super::visibility::Readable;
use crate::clock::iso;
use crate::db::{Db, DbError};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::Placed;
use crate::rooms::store::rooms;
use crate::tenants::Tenant;

/// Participants listed with a reaction, at most.
const MOST_LISTED: usize = 20;

/// Who looks at a room, and how much of it this person sees.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The database.
    pub db: &'a Db,
    /// The person.
    pub id: ParticipantId,
    /// The room.
    pub room_id: RoomId,
    /// What of the room it may read.
    pub readable: Readable,
}

/// An event as one person sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 8 of the client specification"
)]
pub struct ClientEvent {
    pub id: EventId,
    pub room_id: RoomId,
    pub sender_id: ParticipantId,
    pub event_type: String,
    pub content: Map<String, Value>,
    pub stream_position: i64,
    pub origin_ts: i64,
    pub created_at: String,
    pub edited_at: Option<String>,
    pub redacted_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub original_content: Option<Map<String, Value>>,
    pub event_uuid: Option<String>,
    pub sent_by: Option<ParticipantId>,
    pub redacted_by: Option<ParticipantId>,
    pub redaction_reason: Option<String>,
    pub reactions: Vec<ReactionCount>,
    pub thread: Option<Thread>,
    pub pinned: bool,
}

/// One emoji on a message.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 8 of the client specification"
)]
pub struct ReactionCount {
    pub emoji: String,
    pub count: i64,
    pub mine: bool,
    pub participant_ids: Vec<ParticipantId>,
}

/// The replies to a message.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 8 of the client specification"
)]
pub struct Thread {
    pub reply_count: i64,
    pub last_reply_at: String,
}

/// Events of the viewer's room as they are now, in their order.
pub async fn events(viewer: &Viewer<'_>, placed: &[Placed]) -> Result<Vec<ClientEvent>, DbError> {
    let Viewer {
        tenant,
        db,
        room_id,
        readable,
        ..
    } = *viewer;
    let messages: Vec<EventId> = placed
        .iter()
        .filter(|item| item.event.event_type == EventType::ROOM_MESSAGE)
        .map(|item| item.event.event_id)
        .collect();
    let mut changed = changes::get_many(tenant, db, &messages).await?;
    if let Some(until) = readable.until {
        forget_later_edits(viewer, placed, until, &mut changed).await?;
    }
    let sends = marks::sends(tenant, db, &messages).await?;
    let replies = threads::counted(tenant, db, room_id, readable, &messages).await?;
    let pinned = pins::among(tenant, db, &messages).await?;
    let mut reacted = reaction_counts(viewer, &messages).await?;
    let creator = creator(viewer, placed).await?;
    let present = |item: &Placed| {
        let id = item.event.event_id;
        let mut event = plain(tenant, item, creator);
        if let Some(send) = sends.get(&id) {
            event.event_uuid.clone_from(&send.event_uuid);
            event.sent_by = send.sent_by;
        }
        event.thread = replies.get(&id).map(|replies| Thread {
            reply_count: replies.count,
            last_reply_at: iso(replies.last_at),
        });
        event.reactions = reacted.remove(&id).unwrap_or_default();
        event.pinned = pinned.contains(&id);
        fold(event, changed.get(&id))
    };
    Ok(placed.iter().map(present).collect())
}

/// One event of the viewer's room.
pub async fn event(viewer: &Viewer<'_>, placed: &Placed) -> Result<Option<ClientEvent>, DbError> {
    Ok(events(viewer, std::slice::from_ref(placed)).await?.pop())
}

/// A message that `sender` just sent: nothing is folded into it yet.
pub fn fresh(tenant: &Tenant, placed: &Placed, sender: ParticipantId) -> ClientEvent {
    plain(tenant, placed, sender)
}

/// Whose an event without a sender is; only then it has to be looked up.
async fn creator(viewer: &Viewer<'_>, placed: &[Placed]) -> Result<ParticipantId, DbError> {
    if placed.iter().all(|item| item.event.sender.is_some()) {
        return Ok(viewer.id);
    }
    let row = rooms::get(viewer.tenant, viewer.db.reader(), viewer.room_id).await?;
    Ok(row.map_or(viewer.id, |row| row.creator_id))
}

/// Who has left does not read what was changed after the leave; what was redacted is gone for everybody.
async fn forget_later_edits(
    viewer: &Viewer<'_>,
    placed: &[Placed],
    until: i64,
    changed: &mut HashMap<EventId, Changes>,
) -> Result<(), DbError> {
    let edited: Vec<EventId> = changed
        .iter()
        .filter(|(_, changes)| changes.edit.is_some())
        .map(|(id, _)| *id)
        .collect();
    let edits = history::edits_up_to(viewer.tenant, viewer.db, &edited, until).await?;
    for message in placed {
        let id = message.event.event_id;
        if let Some(changes) = changed
            .get_mut(&id)
            .filter(|changes| changes.edit.is_some())
        {
            changes.edit = match edits.get(&id).and_then(|edit| effect::on(message, edit)) {
                Some(Effect::Edit(edited)) => Some(edited),
                _ => None,
            };
        }
    }
    Ok(())
}

fn plain(tenant: &Tenant, item: &Placed, creator: ParticipantId) -> ClientEvent {
    let event = &item.event;
    ClientEvent {
        id: event.event_id,
        room_id: event.room_id,
        sender_id: client_form::sender_id(item, creator),
        event_type: client_form::event_type(item).to_owned(),
        content: client_form::content(item, creator, tenant.server_name()),
        stream_position: item.position,
        origin_ts: event.ts.div_euclid(1000),
        created_at: iso(event.ts),
        edited_at: None,
        redacted_at: None,
        original_content: None,
        event_uuid: None,
        sent_by: None,
        redacted_by: None,
        redaction_reason: None,
        reactions: Vec::new(),
        thread: None,
        pinned: false,
    }
}

fn fold(mut event: ClientEvent, changes: Option<&Changes>) -> ClientEvent {
    let Some(changes) = changes else { return event };
    if let Some(redaction) = &changes.redaction {
        event.content = Map::new();
        event.original_content = Some(Map::new());
        event.pinned = false;
        event.redacted_at = Some(iso(redaction.at));
        event.redacted_by = Some(redaction.by);
        event.redaction_reason.clone_from(&redaction.reason);
    } else if let Some(edit) = &changes.edit {
        event.edited_at = Some(iso(edit.at));
        let edited = edit.content.as_object().cloned().unwrap_or_default();
        event.original_content = Some(std::mem::replace(&mut event.content, edited));
    }
    event
}

/// The reactions on one message, counted.
pub async fn reactions_on(
    viewer: &Viewer<'_>,
    message: EventId,
) -> Result<Vec<ReactionCount>, DbError> {
    let mut counts = reaction_counts(viewer, &[message]).await?;
    Ok(counts.remove(&message).unwrap_or_default())
}

async fn reaction_counts(
    viewer: &Viewer<'_>,
    messages: &[EventId],
) -> Result<HashMap<EventId, Vec<ReactionCount>>, DbError> {
    let counted =
        reactions::counted(viewer.tenant, viewer.db, messages, viewer.id, MOST_LISTED).await?;
    let gather = |(message, rows)| (message, gather(rows, viewer.id));
    Ok(counted.into_iter().map(gather).collect())
}

/// Gathers rows, kind by kind, into one entry for each kind.
fn gather(rows: Vec<Counted>, viewer: ParticipantId) -> Vec<ReactionCount> {
    let mut counts: Vec<ReactionCount> = Vec::new();
    for row in rows {
        if counts.last().is_none_or(|last| last.emoji != row.emoji) {
            counts.push(ReactionCount {
                emoji: row.emoji,
                count: row.total,
                mine: false,
                participant_ids: Vec::new(),
            });
        }
        if let Some(kind) = counts.last_mut() {
            kind.mine |= row.participant_id == viewer;
            if kind.participant_ids.len() < MOST_LISTED {
                kind.participant_ids.push(row.participant_id);
            }
        }
    }
    counts
}
