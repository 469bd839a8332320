//! What can go wrong with profiles.

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;

/// A profile that cannot be shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// No such participant in the tenant.
    #[error("There is no such participant.")]
    NotFound,
    /// A picture that is not there, or not for the caller to see.
    #[error("There is no such media.")]
    MediaNotFound,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for ProfileError {
    fn code(&self) -> Code {
        match self {
            ProfileError::NotFound | ProfileError::MediaNotFound => Code::NotFound,
            ProfileError::Db(error) => error.code(),
        }
    }
}
