//! What can go wrong with groups.

use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;

/// A group that cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// No such group in the tenant.
    #[error("There is no such group.")]
    NotFound,
    /// Somebody named has no account here.
    #[error("There is no such participant.")]
    NoSuchMember,
    /// It is the identity provider's.
    #[error("Groups of the identity provider are changed there.")]
    ReadOnly,
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for GroupError {
    fn code(&self) -> Code {
        match self {
            GroupError::NotFound | GroupError::NoSuchMember => Code::NotFound,
            GroupError::ReadOnly => Code::AuthInsufficientPermission,
            GroupError::Db(error) => error.code(),
        }
    }
}
