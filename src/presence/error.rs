//! What can go wrong with presence and typing.

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    /// `SW_ROOM_NOT_FOUND`
    #[error("there is no such room")]
    NoSuchRoom,
    /// `SW_NOT_MEMBER`
    #[error("you are not in this room")]
    NotMember,
    /// `SW_ROOM_FROZEN`
    #[error("the room is archived or closed")]
    Frozen,
    /// The database's own code.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for PresenceError {
    fn code(&self) -> Code {
        match self {
            PresenceError::NoSuchRoom => Code::RoomNotFound,
            PresenceError::NotMember => Code::NotMember,
            PresenceError::Frozen => Code::RoomFrozen,
            PresenceError::Db(error) => error.code(),
        }
    }
}
