//! What can go wrong with the inbox and with snoozes.

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;

/// A refused request.
#[derive(Debug, thiserror::Error)]
pub enum NotificationError {
    /// `SW_EVENT_NOT_FOUND`: no message, or one that the caller does not see now.
    #[error("there is no such message in your rooms")]
    NoSuchMessage,
    /// `SW_NOT_FOUND`
    #[error("there is no such item in your inbox")]
    NoSuchItem,
    /// `SW_NOT_FOUND`
    #[error("there is no such snooze of yours")]
    NoSuchSnooze,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for NotificationError {
    fn code(&self) -> Code {
        match self {
            NotificationError::NoSuchMessage => Code::EventNotFound,
            NotificationError::NoSuchItem | NotificationError::NoSuchSnooze => Code::NotFound,
            NotificationError::Db(error) => error.code(),
        }
    }
}
