//! What can go wrong with messages, beside what the room says.

use crate::catalogue::Code;
use crate::error::Coded;

/// A refused request about a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// `SW_EVENT_NOT_FOUND`: unknown, in another room, or hidden from the caller.
    #[error("there is no such event in this room")]
    NoSuchEvent,
    /// `SW_NOT_MEMBER`
    #[error("you are not a member of this room")]
    NotMember,
    /// `SW_CONTENT_TOO_LARGE`
    #[error("the content has more than {0} canonical bytes")]
    TooLarge(usize),
    /// `SW_ROOM_FORBIDDEN`: sending as somebody else.
    #[error("{0}")]
    Forbidden(&'static str),
    /// `SW_NOT_FOUND`: the one to send as.
    #[error("there is no such participant in this room")]
    NoSuchSender,
}

impl Coded for MessageError {
    fn code(&self) -> Code {
        match self {
            MessageError::NoSuchEvent => Code::EventNotFound,
            MessageError::NotMember => Code::NotMember,
            MessageError::TooLarge(_) => Code::ContentTooLarge,
            MessageError::Forbidden(_) => Code::RoomForbidden,
            MessageError::NoSuchSender => Code::NotFound,
        }
    }
}
