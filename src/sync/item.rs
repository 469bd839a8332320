//! An event as sockets and sync show it: written once, for everybody who sees it.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::clock::iso;
use crate::db::{Db, DbError};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::{Placed, Shown, Standing};
use crate::messages::client_form;
use crate::messages::model::Changes;
use crate::messages::store::changes;
use crate::messages::store::marks::{self, Given};
use crate::rooms::core::content::Membership;
use crate::rooms::store::erased::Departure;
use crate::rooms::store::rooms;
use crate::tenants::Tenant;

/// An event in its present form, ready to be sent.
#[derive(Debug)]
pub struct Item {
    /// Its place in the stream.
    pub position: i64,
    /// Its id.
    pub event_id: EventId,
    /// The room.
    pub room_id: RoomId,
    /// With an event about another one: that one.
    pub target: Option<EventId>,
    /// Whose membership it changes: the creator's too, who is in the room from its first event on.
    pub about: Option<ParticipantId>,
    /// Who sent it.
    pub sender_id: ParticipantId,
    /// Whether it is a message.
    pub is_message: bool,
    /// The frame for sockets (client specification, section 10, "Durable").
    pub frame: Bytes,
    /// The entry for sync (client specification, section 9).
    pub entry: Box<RawValue>,
}

impl Item {
    /// About how many bytes it takes.
    pub fn size(&self) -> usize {
        self.frame.len() + self.entry.get().len()
    }
}

/// Whether clients are shown the event at all.
pub fn is_shown(placed: &Placed) -> bool {
    placed.shown != Shown::Never && placed.standing == Standing::Valid
}

/// The present form of events that are shown, in their order.
pub async fn of_events(
    tenant: &Tenant,
    db: &Db,
    placed: &[&Placed],
) -> Result<Vec<Arc<Item>>, DbError> {
    let beside = Beside::read(tenant, db, placed).await?;
    let items = placed.iter().map(|placed| beside.item(tenant, placed));
    items
        .collect::<Result<_, serde_json::Error>>()
        .map_err(|error| DbError::unreadable("events", "content", error))
}

/// What people are told whose rooms have ended for good, in the order of the stream together with `items`.
pub fn with_departures(
    tenant: &Tenant,
    mut items: Vec<Arc<Item>>,
    departures: &[Departure],
) -> Result<Vec<Arc<Item>>, DbError> {
    for departure in departures {
        let item = departed(tenant, departure)
            .map_err(|error| DbError::unreadable("departures", "event_id", error))?;
        items.push(Arc::new(item));
    }
    items.sort_unstable_by_key(|item| item.position);
    Ok(items)
}

/// A membership event like any other, though none is stored.
fn departed(tenant: &Tenant, departure: &Departure) -> Result<Item, serde_json::Error> {
    let person = departure.participant_id;
    let fields = Map::from_iter([
        ("participant_id".to_owned(), json!(person)),
        ("membership".to_owned(), json!(Membership::Leave)),
        ("changed_by".to_owned(), json!(person)),
        ("reason".to_owned(), json!("The room was closed")),
        ("power_level".to_owned(), json!(0)),
        ("do_not_index".to_owned(), json!(true)),
    ]);
    let mut content = fields.clone();
    content.insert("msgtype".to_owned(), json!("swp.system"));
    content.insert("body".to_owned(), json!("The room was closed"));
    let event_type = EventType::ROOM_MEMBER;
    let entry = Entry {
        id: departure.event_id,
        stream_position: departure.position,
        room_id: departure.room_id,
        event_type: event_type.as_str(),
        content,
        sender_id: person,
        origin_ts: departure.left_at.div_euclid(1000),
        edited_at: None,
        redacted_at: None,
        event_uuid: None,
    };
    Ok(Item {
        position: departure.position,
        event_id: departure.event_id,
        room_id: departure.room_id,
        target: None,
        about: Some(person),
        sender_id: person,
        is_message: false,
        frame: frame(tenant, departure.left_at, &entry, fields)?,
        entry: serde_json::value::to_raw_value(&entry)?,
    })
}

/// What the events' present form depends on beside the events.
struct Beside {
    changes: HashMap<EventId, Changes>,
    given: HashMap<EventId, Given>,
    creators: HashMap<RoomId, ParticipantId>,
}

impl Beside {
    async fn read(tenant: &Tenant, db: &Db, placed: &[&Placed]) -> Result<Beside, DbError> {
        let (mut messages, mut changing, mut creators) = (Vec::new(), Vec::new(), HashMap::new());
        for item in placed {
            if is(item, &EventType::ROOM_MESSAGE) {
                messages.push(item.event.event_id);
            } else if is(item, &EventType::ROOM_MESSAGE_EDIT) {
                changing.extend(item.target);
            } else if item.event.sender.is_none() && !creators.contains_key(&item.event.room_id) {
                let room = rooms::get(tenant, db.reader(), item.event.room_id).await?;
                creators.extend(room.map(|room| (room.id, room.creator_id)));
            }
        }
        let given = marks::sends(tenant, db, &messages).await?;
        changing.extend(messages);
        Ok(Beside {
            changes: changes::get_many(tenant, db, &changing).await?,
            given,
            creators,
        })
    }

    fn item(&self, tenant: &Tenant, placed: &Placed) -> Result<Arc<Item>, serde_json::Error> {
        let event = &placed.event;
        let nobody = ParticipantId(uuid::Uuid::nil());
        let creator = self.creators.get(&event.room_id).copied();
        let creator = creator.unwrap_or(nobody);
        let sender_id = client_form::sender_id(placed, creator);
        let is_message = is(placed, &EventType::ROOM_MESSAGE);
        let mut entry = Entry {
            id: event.event_id,
            stream_position: placed.position,
            room_id: event.room_id,
            event_type: client_form::event_type(placed),
            content: Map::new(),
            sender_id,
            origin_ts: event.ts.div_euclid(1000),
            edited_at: None,
            redacted_at: None,
            event_uuid: None,
        };
        let fields = || client_form::fields(placed, creator, tenant.server_name());
        let fields = if is_message {
            self.message(&mut entry, placed, fields())
        } else if is(placed, &EventType::ROOM_MESSAGE_EDIT) {
            entry.content = self.edit(placed);
            entry.content.clone()
        } else {
            entry.content = client_form::content(placed, creator, tenant.server_name());
            fields()
        };
        Ok(Arc::new(Item {
            position: placed.position,
            event_id: event.event_id,
            room_id: event.room_id,
            target: placed.target,
            about: about(placed, sender_id, &fields),
            sender_id,
            is_message,
            frame: frame(tenant, event.ts, &entry, fields)?,
            entry: serde_json::value::to_raw_value(&entry)?,
        }))
    }

    /// Fills the entry of a message with `content`: as edited, nothing if redacted. The fields of its frame.
    fn message(
        &self,
        entry: &mut Entry<'_>,
        placed: &Placed,
        content: Map<String, Value>,
    ) -> Map<String, Value> {
        let changes = self.changes.get(&placed.event.event_id);
        let redaction = changes.and_then(|changes| changes.redaction.as_ref());
        let edit = changes.and_then(|changes| changes.edit.as_ref());
        if let Some(redaction) = redaction {
            entry.redacted_at = Some(iso(redaction.at));
        } else if let Some(edit) = edit {
            entry.edited_at = Some(iso(edit.at));
            entry.content = edit.content.as_object().cloned().unwrap_or_default();
        } else {
            entry.content = content;
        }
        let given = self.given.get(&placed.event.event_id);
        entry.event_uuid = given.and_then(|given| given.event_uuid.clone());
        Map::from_iter([
            ("content".to_owned(), json!(entry.content)),
            ("event_uuid".to_owned(), json!(entry.event_uuid)),
        ])
    }

    /// The fields of an edit; its content goes with the message's.
    fn edit(&self, placed: &Placed) -> Map<String, Value> {
        let target = placed.target;
        let changes = target.and_then(|target| self.changes.get(&target));
        let is_redacted = changes.is_some_and(|changes| changes.redaction.is_some());
        let content = placed.event.content.as_ref();
        let content = content.and_then(|content| content.get("content"));
        let content = content.filter(|_| !is_redacted).cloned();
        let mut fields = Map::from_iter([
            ("event_id".to_owned(), json!(target)),
            ("content".to_owned(), content.unwrap_or_else(|| json!({}))),
            ("edited_at".to_owned(), json!(iso(placed.event.ts))),
        ]);
        client_form::keep_mark(placed, &mut fields);
        fields
    }
}

/// An event in an answer of sync (client specification, section 9).
#[derive(Serialize, utoipa::ToSchema)]
pub(super) struct Entry<'a> {
    id: EventId,
    stream_position: i64,
    room_id: RoomId,
    event_type: &'a str,
    content: Map<String, Value>,
    sender_id: ParticipantId,
    origin_ts: i64,
    edited_at: Option<String>,
    redacted_at: Option<String>,
    event_uuid: Option<String>,
}

fn is(placed: &Placed, event_type: &EventType) -> bool {
    placed.event.event_type == *event_type
}

fn about(
    placed: &Placed,
    sender_id: ParticipantId,
    fields: &Map<String, Value>,
) -> Option<ParticipantId> {
    if is(placed, &EventType::ROOM_CREATE) {
        return Some(sender_id);
    }
    let is_membership = is(placed, &EventType::ROOM_MEMBER) || is(placed, &EventType::ROOM_LEAVE);
    let participant = fields.get("participant_id").filter(|_| is_membership)?;
    participant.as_str()?.parse().ok()
}

/// The frame: the fields of its type, and those that every frame has, which nothing in a content can replace.
fn frame(
    tenant: &Tenant,
    ts: i64,
    entry: &Entry<'_>,
    mut fields: Map<String, Value>,
) -> Result<Bytes, serde_json::Error> {
    let common = [
        ("type", json!(entry.event_type)),
        ("id", json!(entry.id)),
        ("tenant_id", json!(tenant.id())),
        ("ts", json!(iso(ts))),
        ("room_id", json!(entry.room_id)),
        ("sender_id", json!(entry.sender_id)),
        ("stream_position", json!(entry.stream_position)),
        ("origin_ts", json!(entry.origin_ts)),
    ];
    for (name, value) in common {
        fields.insert(name.to_owned(), value);
    }
    Ok(serde_json::to_vec(&fields)?.into())
}
