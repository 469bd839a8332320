//! Taking a backup beside a running server.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::folder::{self, remove, sync_folder, with_suffix};
use super::{BackupError, store};
use crate::db::{Db, copy};
use crate::rooms::verify::{self, Checked};
use crate::tenants::store as tenants;

/// Writes all that is committed by now, and the keys, into a new file; what it holds is verified before it gets its name.
///
/// # Errors
/// [`BackupError`]; then there is no file of that name.
pub async fn make(db: &Db, data_dir: &Path, target: &Path) -> Result<Checked, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    let partial = with_suffix(target, ".partial");
    clear(&partial)?;
    let made = fill(db, data_dir, &partial).await;
    let made = made.and_then(|checked| {
        let finish = || -> std::io::Result<()> {
            File::open(&partial)?.sync_all()?;
            std::fs::rename(&partial, target)?;
            sync_folder(target)
        };
        finish().map_err(BackupError::file(target))?;
        Ok(checked)
    });
    if made.is_err() {
        clear(&partial)?;
    }
    made
}

/// Removes a database file and what SQLite puts beside it.
pub(super) fn clear(path: &Path) -> Result<(), BackupError> {
    for suffix in ["", "-wal", "-shm", "-journal", "-new"] {
        remove(&with_suffix(path, suffix))?;
    }
    Ok(())
}

async fn fill(db: &Db, data_dir: &Path, partial: &Path) -> Result<Checked, BackupError> {
    copy::to_file(db, partial).await?;
    private(partial).map_err(BackupError::file(partial))?;
    // After the database, so that every key that it names is among them.
    let files = folder::read(data_dir)?;
    let backup = Db::open_existing(&copy::file(partial)).await?;
    let checked = complete(&backup, &files).await;
    backup.close().await;
    checked
}

/// Only its owner reads it from now on: private keys come into it next.
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let file = OpenOptions::new().read(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}

async fn complete(backup: &Db, files: &[folder::KeptFile]) -> Result<Checked, BackupError> {
    let mut tx = backup.begin().await?;
    store::add_files(&mut tx, files).await?;
    tx.commit(()).await?;
    verify_all(backup).await
}

/// Checks every log of every tenant.
pub(super) async fn verify_all(db: &Db) -> Result<Checked, BackupError> {
    let mut all = Checked::default();
    for tenant in tenants::all(db).await? {
        let checked = verify::tenant(&tenant, db).await?;
        all.logs += checked.logs;
        all.events += checked.events;
    }
    Ok(all)
}
