//! What can go wrong with profiles.

use std::time::Duration;

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;
use crate::media::error::MediaError;

/// A profile that cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such participant in the tenant.
    #[error("There is no such participant.")]
    NotFound,
    /// A picture that is not there, or not for the caller to see.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for ProfileError {
    fn code(&self) -> Code {
        match self {
            ProfileError::NotFound => Code::NotFound,
            ProfileError::Media(error) => error.code(),
            ProfileError::Db(error) => error.code(),
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            ProfileError::Media(error) => error.retry_after(),
            ProfileError::NotFound | ProfileError::Db(_) => None,
        }
    }
}
