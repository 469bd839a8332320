//! What can go wrong with rooms.

use std::sync::Arc;

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;
use crate::events::core::content::ContentFlaw;
use crate::events::core::event::EventError;
use crate::rooms::core::decide::Refusal;

/// A failed command or query.
#[derive(Clone, Debug, thiserror::Error)]
pub enum RoomError {
    /// The refusal's own code.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// `SW_CONTENT_TOO_LARGE`
    #[error("the content is too large")]
    TooLarge,
    /// `SW_INTERNAL_ERROR`: an event of ours would be refused by others.
    #[error("the event cannot be signed")]
    Unsignable(#[source] EventError),
    /// `SW_INTERNAL_ERROR`: the private half of the key that the own log of the room goes by is gone.
    #[error("the key that this server's log of the room goes by is gone")]
    KeyGone,
    /// `SW_SERVICE_UNAVAILABLE`: the server stops.
    #[error("the server is stopping")]
    Stopping,
    /// `SW_SERVICE_UNAVAILABLE`: the server has just started and asks the room's other servers first.
    #[error(
        "the server has just started and asks the room's other servers first, try again in a moment"
    )]
    PeersNotAsked,
    /// The database's own code.
    #[error(transparent)]
    Db(Arc<DbError>),
}

impl Coded for RoomError {
    fn code(&self) -> Code {
        match self {
            RoomError::Refused(refusal) => refusal.code(),
            RoomError::TooLarge => Code::ContentTooLarge,
            RoomError::Unsignable(_) | RoomError::KeyGone => Code::InternalError,
            RoomError::Stopping | RoomError::PeersNotAsked => Code::ServiceUnavailable,
            RoomError::Db(error) => error.code(),
        }
    }

    fn details(&self) -> Option<serde_json::Value> {
        match self {
            RoomError::Refused(refusal) => refusal.details(),
            RoomError::TooLarge
            | RoomError::Unsignable(_)
            | RoomError::KeyGone
            | RoomError::Stopping
            | RoomError::PeersNotAsked
            | RoomError::Db(_) => None,
        }
    }
}

impl From<DbError> for RoomError {
    fn from(error: DbError) -> Self {
        RoomError::Db(Arc::new(error))
    }
}

impl From<EventError> for RoomError {
    fn from(error: EventError) -> Self {
        match error {
            EventError::Content(ContentFlaw::TooLarge { .. }) => RoomError::TooLarge,
            other => RoomError::Unsignable(other),
        }
    }
}
