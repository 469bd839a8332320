//! Taking a backup beside a running server.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::folder::{self, KeptFile};
use super::{BackupError, store};
use crate::db::{Db, copy, with_suffix};
use crate::private_file;
use crate::rooms::verify::{self, Checked};

/// Writes all that is committed by now, and the keys, into a new file; what it holds is verified before it gets its name.
///
/// # Errors
/// [`BackupError`]; then there is no file of that name.
pub async fn make(db: &Db, data_dir: &Path, target: &Path) -> Result<Checked, BackupError> {
    if target.exists() {
        return Err(BackupError::Exists(target.to_owned()));
    }
    // A folder that nobody else enters: until its permissions are set, the file has whatever the system gives it.
    let partial = with_suffix(target, ".partial");
    folder::remove(&partial)?;
    private_file::create_folder(&partial).map_err(BackupError::file(&partial))?;
    let made = fill(db, data_dir, &partial.join("backup"), target).await;
    folder::remove(&partial)?;
    made
}

async fn fill(
    db: &Db,
    data_dir: &Path,
    partial: &Path,
    target: &Path,
) -> Result<Checked, BackupError> {
    copy::to_file(db, partial).await?;
    // After the database, so that every key that it names is among them.
    let files = folder::read(data_dir)?;
    let backup = Db::open_existing(&copy::file(partial)).await?;
    let checked = complete(&backup, &files).await;
    backup.close().await;
    let checked = checked?;
    let finish = || -> std::io::Result<()> {
        let file = File::open(partial)?;
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.sync_all()?;
        std::fs::rename(partial, target)?;
        private_file::sync_name(target)
    };
    finish().map_err(BackupError::file(target))?;
    Ok(checked)
}

async fn complete(backup: &Db, files: &[KeptFile]) -> Result<Checked, BackupError> {
    let mut tx = backup.begin().await?;
    store::add_files(&mut tx, files).await?;
    tx.commit(()).await?;
    Ok(verify::all(backup).await?)
}
