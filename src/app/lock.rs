//! One process a data folder: two writers beside each other would each believe in views of rooms that the other has changed.
//!
//! What is locked is the folder itself, so that no file is made for it; the system takes the lock back when the process ends, however
//! it ends.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Holds a data folder until it is dropped.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _folder: File,
}

impl FolderLock {
    /// Takes the folder, or `None` if another process has it.
    ///
    /// # Errors
    /// The folder cannot be opened or locked.
    pub(crate) fn take(folder: &Path) -> io::Result<Option<Self>> {
        let folder = File::open(folder)?;
        match folder.try_lock() {
            Ok(()) => Ok(Some(Self { _folder: folder })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        assert!(first.is_some());
        assert!(FolderLock::take(folder.path()).unwrap().is_none());
        drop(first);
        assert!(FolderLock::take(folder.path()).unwrap().is_some());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
