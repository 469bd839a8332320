//! Inbox items and snoozes as clients see them (client specification, section 11).

use serde::Serialize;
use uuid::Uuid;

use crate::events::core::ids::{EventId, ParticipantId, RoomId};

/// Why somebody is told of an event; of several reasons, the first one that fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 11 of the client specification"
)]
pub enum Reason {
    DirectMention,
    KeywordAlert,
    Question,
    PriorityTag,
    Message,
    Invite,
    Snooze,
}

impl Reason {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::DirectMention => "direct_mention",
            Reason::KeywordAlert => "keyword_alert",
            Reason::Question => "question",
            Reason::PriorityTag => "priority_tag",
            Reason::Message => "message",
            Reason::Invite => "invite",
            Reason::Snooze => "snooze",
        }
    }
}

/// A message that wants the person's attention.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 11 of the client specification"
)]
pub struct InboxItem {
    pub event_id: EventId,
    pub room_id: RoomId,
    pub room_name: String,
    pub sender_id: ParticipantId,
    pub sender_name: String,
    pub snippet: String,
    pub reason: Reason,
    pub created_at: String,
}

/// A message of which the person is told again later.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 11 of the client specification"
)]
pub struct Snooze {
    pub task_id: Uuid,
    pub event_id: EventId,
    pub room_id: RoomId,
    pub until: String,
}

/// The same in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 11 of the client specification"
)]
pub struct ListedSnooze {
    #[serde(flatten)]
    pub snooze: Snooze,
    pub snippet: String,
    pub created_at: String,
}
