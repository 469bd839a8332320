//! Events as history shows them: folded with their edits, redactions and reactions (client specification, section 8).

use std::collections::HashMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::client_form;
use super::model::Changes;
use super::store::{changes, marks};
use crate::clock::iso;
use crate::db::{Db, DbError};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::Placed;
use crate::rooms::store::rooms;
use crate::tenants::Tenant;

/// Participants listed with a reaction, at most.
const MOST_LISTED: usize = 20;

/// An event as one person sees it.
#[derive(Debug, Serialize)]
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
#[derive(Clone, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as in section 8 of the client specification"
)]
pub struct ReactionCount {
    pub emoji: String,
    pub count: usize,
    pub mine: bool,
    pub participant_ids: Vec<ParticipantId>,
}

/// The replies to a message.
#[derive(Clone, Debug, Serialize)]
#[expect(
    missing_docs,
    reason = "named as in section 8 of the client specification"
)]
pub struct Thread {
    pub reply_count: i64,
    pub last_reply_at: String,
}

/// The events of one room as `viewer` sees them, in their order.
pub async fn events(
    tenant: &Tenant,
    db: &Db,
    viewer: ParticipantId,
    room_id: RoomId,
    placed: &[Placed],
) -> Result<Vec<ClientEvent>, DbError> {
    let messages: Vec<EventId> = placed
        .iter()
        .filter(|item| item.event.event_type == EventType::ROOM_MESSAGE)
        .map(|item| item.event.event_id)
        .collect();
    let changed = changes::get_many(tenant, db, &messages).await?;
    let sends = marks::sends(tenant, db, &messages).await?;
    let threads = marks::threads(tenant, db, &messages).await?;
    let mut reacted = reactions(tenant, db, viewer, &messages).await?;
    let row = rooms::get(tenant, db.reader(), room_id).await?;
    let creator = row.map_or(viewer, |row| row.creator_id);
    let present = |item: &Placed| {
        let id = item.event.event_id;
        let mut event = plain(tenant, item, creator);
        if let Some(send) = sends.get(&id) {
            event.event_uuid.clone_from(&send.event_uuid);
            event.sent_by = send.sent_by;
        }
        event.thread = threads.get(&id).map(|thread| Thread {
            reply_count: thread.reply_count,
            last_reply_at: iso(thread.last_reply_at),
        });
        event.reactions = reacted.remove(&id).unwrap_or_default();
        fold(event, changed.get(&id))
    };
    Ok(placed.iter().map(present).collect())
}

/// A message that was just sent: nothing is folded into it yet.
pub fn fresh(tenant: &Tenant, placed: &Placed) -> ClientEvent {
    let creator = placed
        .sender()
        .map_or(ParticipantId(uuid::Uuid::nil()), ParticipantId::derive);
    plain(tenant, placed, creator)
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
        event.redacted_at = Some(iso(redaction.at));
        event.redacted_by = Some(redaction.by);
        event.redaction_reason.clone_from(&redaction.reason);
        event.reactions = Vec::new();
    } else if let Some(edit) = &changes.edit {
        event.edited_at = Some(iso(edit.at));
        let edited = edit.content.as_object().cloned().unwrap_or_default();
        event.original_content = Some(std::mem::replace(&mut event.content, edited));
    }
    event
}

/// What reactions stand on messages, counted.
pub async fn reactions(
    tenant: &Tenant,
    db: &Db,
    viewer: ParticipantId,
    messages: &[EventId],
) -> Result<HashMap<EventId, Vec<ReactionCount>>, DbError> {
    let mut counted: HashMap<EventId, Vec<ReactionCount>> = HashMap::new();
    for (event_id, reaction) in marks::reactions(tenant, db, messages).await? {
        let kinds = counted.entry(event_id).or_default();
        let index = kinds.iter().position(|kind| kind.emoji == reaction.emoji);
        let mine = reaction.participant_id == viewer;
        match index.and_then(|index| kinds.get_mut(index)) {
            Some(kind) => {
                kind.count += 1;
                kind.mine |= mine;
                if kind.participant_ids.len() < MOST_LISTED {
                    kind.participant_ids.push(reaction.participant_id);
                }
            }
            None => kinds.push(ReactionCount {
                emoji: reaction.emoji,
                count: 1,
                mine,
                participant_ids: vec![reaction.participant_id],
            }),
        }
    }
    Ok(counted)
}
