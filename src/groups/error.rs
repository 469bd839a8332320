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
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl Coded for GroupError {
    fn code(&self) -> Code {
        match self {
            GroupError::NotFound => Code::NotFound,
            GroupError::Db(error) => error.code(),
        }
    }
}
