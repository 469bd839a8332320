//! What can go wrong with a backup.

use std::path::{Path, PathBuf};

use crate::db::copy::CopyError;
use crate::db::{DbError, StartError};
use crate::rooms::verify::Unconfirmed;

/// Why there is no backup, or nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Something is there already.
    #[error("{} exists already: choose another name, or move it away first", .0.display())]
    Exists(PathBuf),
    /// It is a database, but not a backup of one.
    #[error("{} is no backup: it holds no keys", .0.display())]
    NoBackup(PathBuf),
    /// It belongs to another server.
    #[error(
        "{} holds other keys than this backup, so it belongs to another server: restore into an empty data folder",
        .0.display()
    )]
    OtherServer(PathBuf),
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// One of the databases cannot be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// A statement failed.
    #[error("the database failed")]
    Statement(#[from] DbError),
    /// The backup holds something that is not as it should be.
    #[error("it does not verify")]
    Bad(#[from] Unconfirmed),
}

impl BackupError {
    pub(super) fn file(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
        let path = path.to_owned();
        move |source| BackupError::File { path, source }
    }
}

impl From<CopyError> for BackupError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Open(error) => BackupError::Open(error),
            CopyError::Statement(error) => BackupError::Statement(error),
        }
    }
}
