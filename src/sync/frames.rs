//! Events in the form of sync and of durable frames. A frame is made once for all who see it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use moka::sync::Cache;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::clock::iso;
use crate::db::DbError;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::Placed;
use crate::messages::client_form;
use crate::messages::model::Changes;
use crate::messages::store::{changes, marks};
use crate::rooms;
use crate::tenants::Tenant;

/// Frames kept in memory, in bytes.
const KEPT_BYTES: u64 = 16 * 1024 * 1024;

/// Frames that were made already.
#[derive(Clone)]
pub struct Frames(Cache<Key, Bytes>);

/// Tenant, event, and how often any message was changed: a frame of a message as it was before must not reach who
/// comes later.
type Key = (i64, EventId, u64);

impl Default for Frames {
    fn default() -> Self {
        let weight = |_: &Key, frame: &Bytes| u32::try_from(frame.len() + 64).unwrap_or(u32::MAX);
        Frames(
            Cache::builder()
                .max_capacity(KEPT_BYTES)
                .weigher(weight)
                .build(),
        )
    }
}

impl Frames {
    /// The durable frames of events, with their positions, in their order.
    pub(super) async fn of(
        &self,
        app: &App,
        tenant: &Tenant,
        events: &[Arc<Placed>],
    ) -> Result<Vec<(i64, Bytes)>, DbError> {
        let changes = app.wake().changes();
        let key = |placed: &Placed| (tenant.key(), placed.event.event_id, changes);
        let missing: Vec<Arc<Placed>> = events
            .iter()
            .filter(|placed| !self.0.contains_key(&key(placed)))
            .cloned()
            .collect();
        let mut made: HashMap<EventId, Bytes> = HashMap::new();
        if !missing.is_empty() {
            let forms = forms(app, tenant, &missing).await?;
            for (placed, form) in missing.iter().zip(forms) {
                let frame = Bytes::from(Value::Object(frame(tenant, form, app.now())).to_string());
                self.0.insert(key(placed), frame.clone());
                made.insert(placed.event.event_id, frame);
            }
        }
        let frame = |placed: &Arc<Placed>| {
            let id = placed.event.event_id;
            let frame = made.get(&id).cloned().or_else(|| self.0.get(&key(placed)));
            Some((placed.position, frame?))
        };
        Ok(events.iter().filter_map(frame).collect())
    }
}

/// An event in its client form.
pub(super) struct Form {
    placed: Arc<Placed>,
    sender_id: ParticipantId,
    event_type: String,
    /// The fields of the frame; of a message, its content.
    fields: Map<String, Value>,
    /// The content in sync.
    content: Map<String, Value>,
    edited_at: Option<i64>,
    redacted_at: Option<i64>,
    event_uuid: Option<String>,
}

/// The client forms of events as they are now.
pub(super) async fn forms(
    app: &App,
    tenant: &Tenant,
    events: &[Arc<Placed>],
) -> Result<Vec<Form>, DbError> {
    let messages: Vec<EventId> = events
        .iter()
        .filter_map(|placed| message_of(placed))
        .collect();
    let changed = changes::get_many(tenant, app.db(), &messages).await?;
    let sends = marks::sends(tenant, app.db(), &messages).await?;
    let creators = creators(app, tenant, events).await?;
    let form = |placed: &Arc<Placed>| {
        let id = placed.event.event_id;
        let creator = creators
            .get(&placed.event.room_id)
            .copied()
            .unwrap_or(ParticipantId(uuid::Uuid::nil()));
        let form = Form {
            sender_id: client_form::sender_id(placed, creator),
            event_type: client_form::event_type(placed).to_owned(),
            fields: client_form::fields(placed, creator),
            content: client_form::content(placed, creator, tenant.server_name()),
            edited_at: None,
            redacted_at: None,
            event_uuid: sends.get(&id).and_then(|given| given.event_uuid.clone()),
            placed: Arc::clone(placed),
        };
        fold(
            form,
            message_of(placed).and_then(|message| changed.get(&message)),
        )
    };
    Ok(events.iter().map(form).collect())
}

/// The creators of rooms whose events have no sender.
async fn creators(
    app: &App,
    tenant: &Tenant,
    events: &[Arc<Placed>],
) -> Result<HashMap<RoomId, ParticipantId>, DbError> {
    let mut creators = HashMap::new();
    for placed in events.iter().filter(|placed| placed.event.sender.is_none()) {
        let room_id = placed.event.room_id;
        if let Some(row) = rooms::store::rooms::get(tenant, app.db().reader(), room_id).await? {
            creators.insert(room_id, row.creator_id);
        }
    }
    Ok(creators)
}

/// The message that an event is, or edits: what became of it decides what is shown.
fn message_of(placed: &Placed) -> Option<EventId> {
    match &placed.event.event_type {
        of if *of == EventType::ROOM_MESSAGE => Some(placed.event.event_id),
        of if *of == EventType::ROOM_MESSAGE_EDIT => placed.target,
        _ => None,
    }
}

fn fold(mut form: Form, changes: Option<&Changes>) -> Form {
    let Some(changes) = changes else { return form };
    let is_message = form.placed.event.event_type == EventType::ROOM_MESSAGE;
    if let (Some(_), false) = (&changes.redaction, is_message) {
        form.content.insert("content".to_owned(), json!({}));
        form.fields.insert("content".to_owned(), json!({}));
    } else if !is_message {
        return form;
    } else if let Some(redaction) = &changes.redaction {
        form.redacted_at = Some(redaction.at);
        form.content = Map::new();
        form.fields = Map::new();
    } else if let Some(edit) = &changes.edit {
        form.edited_at = Some(edit.at);
        form.content = edit.content.as_object().cloned().unwrap_or_default();
        form.fields.clone_from(&form.content);
    }
    form
}

fn frame(tenant: &Tenant, form: Form, now: i64) -> Map<String, Value> {
    let event = &form.placed.event;
    let is_message = event.event_type == EventType::ROOM_MESSAGE;
    let mut frame = if is_message {
        let mut frame = Map::new();
        frame.insert("content".to_owned(), Value::Object(form.fields));
        frame.insert("event_uuid".to_owned(), json!(form.event_uuid));
        frame
    } else {
        form.fields
    };
    for (name, value) in [
        ("type", json!(form.event_type)),
        ("tenant_id", json!(tenant.id())),
        ("ts", json!(iso(now))),
        ("id", json!(event.event_id)),
        ("room_id", json!(event.room_id)),
        ("sender_id", json!(form.sender_id)),
        ("stream_position", json!(form.placed.position)),
        ("origin_ts", json!(event.ts.div_euclid(1000))),
    ] {
        frame.insert(name.to_owned(), value);
    }
    frame
}

/// An event as sync shows it.
pub(super) fn synced(form: Form) -> Value {
    let event = &form.placed.event;
    json!({
        "id": event.event_id,
        "stream_position": form.placed.position,
        "room_id": event.room_id,
        "event_type": form.event_type,
        "content": form.content,
        "sender_id": form.sender_id,
        "origin_ts": event.ts.div_euclid(1000),
        "edited_at": form.edited_at.map(iso),
        "redacted_at": form.redacted_at.map(iso),
        "event_uuid": form.event_uuid,
    })
}
