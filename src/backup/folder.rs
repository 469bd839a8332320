//! The files of a data folder that belong into a backup: the private keys, and the server's own secret.

use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use zeroize::Zeroizing;

use super::BackupError;
use crate::app::SECRET_FILE;
use crate::events::keys::KEYS_FOLDER;
use crate::private_file;

/// A file of the data folder.
pub(super) struct KeptFile {
    /// Its path below the folder.
    pub(super) name: String,
    /// What is in it.
    pub(super) content: Zeroizing<Vec<u8>>,
}

/// Reads them all.
pub(super) fn read(data_dir: &Path) -> Result<Vec<KeptFile>, BackupError> {
    let mut names = vec![PathBuf::from(SECRET_FILE)];
    let keys = data_dir.join(KEYS_FOLDER);
    for tenant in entries(&keys)? {
        for key in entries(&keys.join(&tenant))? {
            names.push(Path::new(KEYS_FOLDER).join(&tenant).join(key));
        }
    }
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = data_dir.join(&name);
        match std::fs::read(&path) {
            Ok(content) => files.push(KeptFile {
                name: name.to_string_lossy().into_owned(),
                content: content.into(),
            }),
            // A server whose secret is a setting has no such file.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(BackupError::file(&path)(error)),
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(BackupError::file(folder))?,
    };
    let names = listed.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())));
    names
        .collect::<Result<_, _>>()
        .map_err(BackupError::file(folder))
}

/// Writes those that are missing. A folder that holds another secret belongs to another server, and stays as it is.
pub(super) fn write(data_dir: &Path, files: &[KeptFile]) -> Result<(), BackupError> {
    let mut missing = Vec::new();
    for file in files {
        let path = data_dir.join(inside(&file.name)?);
        match std::fs::read(&path) {
            Ok(content) if content == *file.content => {}
            Ok(_) => return Err(BackupError::OtherServer(path)),
            Err(error) if error.kind() == ErrorKind::NotFound => missing.push((path, file)),
            Err(error) => return Err(BackupError::file(&path)(error)),
        }
    }
    for (path, file) in missing {
        private_file::create(&path, &file.content).map_err(BackupError::file(&path))?;
    }
    Ok(())
}

/// A backup is data from elsewhere: a name in it leads nowhere but into the folder.
fn inside(name: &str) -> Result<&Path, BackupError> {
    let path = Path::new(name);
    let is_inside = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let is_ours = name == SECRET_FILE || path.starts_with(KEYS_FOLDER);
    match is_inside && is_ours {
        true => Ok(path),
        false => Err(BackupError::NoBackup(path.to_owned())),
    }
}

/// Removes a file, or a folder with all that is in it, that may not be there.
pub(super) fn remove(path: &Path) -> Result<(), BackupError> {
    let removed = match path.is_dir() {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(BackupError::file(path)(error)),
        _ => Ok(()),
    }
}
