//! Why a room does not do what it is asked.

use crate::catalogue::Code;
use crate::error::Coded;
use crate::rooms::core::levels::LevelKey;

/// A refused command, in the room's own words, each with its catalogue code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `SW_ROOM_NOT_FOUND`
    #[error("there is no such room")]
    NoSuchRoom,
    /// `SW_NOT_MEMBER`
    #[error("you are not a member of this room")]
    NotMember,
    /// `SW_ROOM_FROZEN`
    #[error("the room is archived or closed")]
    Frozen,
    /// `SW_ROOM_FROZEN`: the host's log forked, and what would be said now rests on state that is gone.
    #[error("the log of the room's host has forked: this room cannot go on, make a new one")]
    HostForked,
    /// `SW_ROOM_TYPE_INVARIANT`
    #[error("{0}")]
    Type(&'static str),
    /// `SW_ROOM_FORBIDDEN`: the level is below the threshold.
    #[error("this needs level {needed} in the room")]
    LevelTooLow {
        /// The action.
        key: LevelKey,
        /// Its threshold.
        needed: u8,
    },
    /// `SW_ROOM_FORBIDDEN`: for another reason than a threshold.
    #[error("{0}")]
    Forbidden(&'static str),
    /// `SW_NOT_FOUND`: the person, or the invitation.
    #[error("{0}")]
    NotFound(&'static str),
    /// `SW_WORKSPACE_NOT_FOUND`
    #[error("there is no such workspace")]
    NoSuchWorkspace,
    /// `SW_EVENT_NOT_FOUND`
    #[error("there is no such message in this room")]
    NoSuchEvent,
    /// `SW_EVENT_TOO_OLD_TO_EDIT`
    #[error("the message is too old to be edited")]
    TooOldToEdit,
    /// `SW_REDACT_FORBIDDEN`
    #[error("you may not redact this message")]
    RedactForbidden,
    /// `SW_FED_REFUSED`: somebody of another server, in a room that stays on this one.
    #[error("this room lets no people of other servers in")]
    NotFederated,
    /// `SW_ROOM_CAPACITY`
    #[error("the room is full")]
    Full,
    /// `SW_VALIDATION_ERROR`: what the request asks for cannot be, for a reason that only the room knows.
    #[error("{message}")]
    Invalid {
        /// The field.
        path: &'static str,
        /// One of the specification's reasons.
        reason: &'static str,
        /// In words.
        message: &'static str,
    },
}

impl Coded for Refusal {
    fn code(&self) -> Code {
        match self {
            Refusal::NoSuchRoom => Code::RoomNotFound,
            Refusal::NotMember => Code::NotMember,
            Refusal::Frozen | Refusal::HostForked => Code::RoomFrozen,
            Refusal::Type(_) => Code::RoomTypeInvariant,
            Refusal::LevelTooLow { .. } | Refusal::Forbidden(_) => Code::RoomForbidden,
            Refusal::NotFound(_) => Code::NotFound,
            Refusal::NoSuchWorkspace => Code::WorkspaceNotFound,
            Refusal::NoSuchEvent => Code::EventNotFound,
            Refusal::TooOldToEdit => Code::EventTooOldToEdit,
            Refusal::RedactForbidden => Code::RedactForbidden,
            Refusal::NotFederated => Code::FedRefused,
            Refusal::Full => Code::RoomCapacity,
            Refusal::Invalid { .. } => Code::ValidationError,
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            Refusal::LevelTooLow { key, needed } => {
                Some(serde_json::json!({"key": key, "needed": needed}))
            }
            Refusal::Invalid {
                path,
                reason,
                message,
            } => Some(serde_json::json!({
                "fields": [{"path": path, "reason": reason, "message": message}]
            })),
            _ => None,
        }
    }
}
