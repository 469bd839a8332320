//! Live frames as they leave the server (client specification, section 10, "Live"): not stored, without a position.

use bytes::Bytes;
use serde::Serialize;
use uuid::Uuid;

use super::model::State;
use crate::clock::iso;
use crate::events::core::ids::{EventId, ParticipantId, RoomId, TenantId};
use crate::participants::Participant;
use crate::tenants::Tenant;

/// A live frame, by its type.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type")]
#[expect(
    missing_docs,
    reason = "named as in section 10 of the client specification"
)]
pub enum LiveFrame<'a> {
    #[serde(rename = "typing")]
    Typing {
        room_id: RoomId,
        participant_id: ParticipantId,
        typing: bool,
    },
    #[serde(rename = "presence")]
    Presence {
        participant_id: ParticipantId,
        status: State,
    },
    #[serde(rename = "swp.room.read_marker")]
    ReadMarker {
        room_id: RoomId,
        event_id: EventId,
        unread_count: i64,
    },
    #[serde(rename = "swp.notification")]
    Notification {
        room_id: RoomId,
        event_id: EventId,
        reason: &'a str,
        sender_id: ParticipantId,
        sender_name: &'a str,
        snippet: &'a str,
        silent: bool,
    },
    #[serde(rename = "swp.participant.updated")]
    ParticipantUpdated { participant: &'a Participant },
    #[serde(rename = "swp.me.updated")]
    MeUpdated { what: What },
    #[serde(rename = "hello")]
    Hello {
        session_id: Uuid,
        server_name: &'a str,
        stream_position: i64,
    },
    #[serde(rename = "pong")]
    Pong,
}

/// What of the own account has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 10 of the client specification"
)]
pub enum What {
    Profile,
    Preferences,
    Room,
    Snoozes,
    Inbox,
}

impl LiveFrame<'_> {
    /// Whether its type begins with `swp.`: then it has an id.
    fn has_id(&self) -> bool {
        match self {
            LiveFrame::ReadMarker { .. }
            | LiveFrame::Notification { .. }
            | LiveFrame::ParticipantUpdated { .. }
            | LiveFrame::MeUpdated { .. } => true,
            LiveFrame::Typing { .. }
            | LiveFrame::Presence { .. }
            | LiveFrame::Hello { .. }
            | LiveFrame::Pong => false,
        }
    }

    /// The frame's text, as of `now` in Unix milliseconds.
    pub fn text(&self, tenant: &Tenant, now: i64) -> Bytes {
        self.text_in(tenant.id(), now)
    }

    fn text_in(&self, tenant_id: TenantId, now: i64) -> Bytes {
        #[derive(Serialize)]
        struct Whole<'a> {
            #[serde(flatten)]
            frame: &'a LiveFrame<'a>,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<Uuid>,
            tenant_id: TenantId,
            ts: String,
        }
        let whole = Whole {
            frame: self,
            id: self.has_id().then(|| fresh_id(now)),
            tenant_id,
            ts: iso(now),
        };
        serde_json::to_vec(&whole).unwrap_or_default().into()
    }
}

fn fresh_id(now: i64) -> Uuid {
    let ms = u64::try_from(now).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(ms, &rand::random()).into_uuid()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const SOME_ID: Uuid = Uuid::from_u128(7);

    fn shown(frame: &LiveFrame<'_>) -> Value {
        serde_json::from_slice(&frame.text_in(TenantId(SOME_ID), 1_780_000_000_123)).unwrap()
    }

    #[test]
    fn every_frame_says_its_type_tenant_and_time() {
        let frame = shown(&LiveFrame::Presence {
            participant_id: ParticipantId(SOME_ID),
            status: State::Online,
        });
        let expected = json!({
            "type": "presence", "participant_id": SOME_ID, "status": "online",
            "tenant_id": SOME_ID, "ts": "2026-05-28T20:26:40.123Z",
        });
        assert_eq!(frame, expected);
        assert_eq!(shown(&LiveFrame::Pong)["type"], "pong");
    }

    #[test]
    fn frames_of_our_own_types_have_a_fresh_id() {
        let frame = LiveFrame::MeUpdated { what: What::Room };
        let (one, other) = (shown(&frame), shown(&frame));
        assert!(one["id"].is_string() && one["id"] != other["id"]);
    }
}
