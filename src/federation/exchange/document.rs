//! Signed documents between servers: what somebody asks of a room's host, and what an invitation tells of a room.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::{KeyPair, PublicKey, sign_document, verify_document};
use crate::rooms::core::content::{HistoryVisibility, Lifecycle, RoomType};
use crate::rooms::core::levels::Levels;
use crate::rooms::core::view::RoomView;
use crate::rooms::store::rooms::RoomRow;

/// Stands before the signed bytes of a request document.
pub(crate) const REQUEST_PREFIX: &str = "scaiwave-request-v1\n";
/// Stands before the signed bytes of a summary.
pub(crate) const SUMMARY_PREFIX: &str = "scaiwave-summary-v1\n";

/// What somebody asks of a room's host.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    /// The host never carries one out twice.
    pub request_id: Uuid,
    /// The room.
    pub room_id: RoomId,
    /// Its host.
    pub host: ServerName,
    /// Who asks.
    pub actor: Fqid,
    /// For what.
    pub action: String,
    /// With what.
    pub content: Value,
    /// When, in ms.
    pub ts: i64,
    /// The key that signs.
    pub key_id: String,
}

impl Request {
    /// The signed document.
    pub fn sign(&self, key: &KeyPair) -> Option<Value> {
        let Ok(Value::Object(mut document)) = serde_json::to_value(self) else {
            return None;
        };
        sign_document(REQUEST_PREFIX, &mut document, key).ok()?;
        Some(Value::Object(document))
    }

    /// Reads a document signed with `key`.
    pub fn read(document: &Map<String, Value>, key: &PublicKey) -> Option<Request> {
        verify_document(REQUEST_PREFIX, document, key).ok()?;
        serde_json::from_value(Value::Object(document.clone())).ok()
    }
}

/// What an invitation tells of a room: signed by the host.
pub fn summary(view: &RoomView, room_id: RoomId, key: &KeyPair, now: i64) -> Option<Value> {
    let profile = view.history.profile();
    let document = json!({
        "room_id": room_id,
        "host": view.history.host(),
        "room_type": profile.room_type,
        "name": profile.name,
        "topic": profile.topic,
        "avatar_url": profile.avatar_url,
        "member_count": view.joined_members().count(),
        "created_at": profile.created_at,
        "creator": profile.creator,
        "history_visibility": profile.history_visibility,
        "edit_window_seconds": view.history.edit_window(),
        "power_levels": view.history.levels(),
        "ts": now,
        "key_id": key.key_id().to_string(),
    });
    let Value::Object(mut document) = document else {
        return None;
    };
    sign_document(SUMMARY_PREFIX, &mut document, key).ok()?;
    Some(Value::Object(document))
}

/// Reads a summary signed with `key`.
pub fn read_summary(document: &Value, key: &PublicKey) -> Option<RoomRow> {
    #[derive(Deserialize)]
    struct Summary {
        room_id: RoomId,
        host: ServerName,
        room_type: RoomType,
        name: Option<String>,
        topic: Option<String>,
        avatar_url: Option<String>,
        member_count: u32,
        created_at: i64,
        creator: Fqid,
        history_visibility: HistoryVisibility,
        edit_window_seconds: u64,
    }
    let members = document.as_object()?;
    verify_document(SUMMARY_PREFIX, members, key).ok()?;
    let summary: Summary = serde_json::from_value(document.clone()).ok()?;
    Some(RoomRow {
        id: summary.room_id,
        host: summary.host,
        room_type: summary.room_type,
        state: Lifecycle::Open,
        name: summary.name.map(|name| name.chars().take(200).collect()),
        topic: summary
            .topic
            .map(|topic| topic.chars().take(2000).collect()),
        alias: None,
        scope_kind: None,
        visibility: None,
        read_role_slugs: Vec::new(),
        avatar_url: summary.avatar_url.filter(|url| url.len() <= 8192),
        history_visibility: summary.history_visibility,
        edit_window_seconds: summary.edit_window_seconds.min(2_592_000),
        auto_close: false,
        federated: true,
        creator_id: ParticipantId::derive(&summary.creator),
        created_at: summary.created_at,
        power_levels: Levels::initial(summary.room_type, false).to_map().clone(),
        member_count: summary.member_count as usize,
        workspace_id: None,
    })
}
