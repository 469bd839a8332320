//! Putting a backup back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::folder::{self, remove};
use super::{BackupError, store};
use crate::db::{self, Db, DbOptions, copy, with_suffix};
use crate::federation::store::{peers, restored};
use crate::private_file;
use crate::rooms::store::members;
use crate::rooms::verify::{self, Checked};
use crate::tenants::store as tenants;

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// What the backup holds.
    pub checked: Checked,
    /// How many other servers are to be asked for what this one wrote after the backup.
    pub servers: usize,
    /// Where the database is that was there before; only a SQLite file is kept.
    pub former: Option<PathBuf>,
}

/// Puts a backup in the place of what is there. The caller holds the data folder.
///
/// # Errors
/// [`BackupError`]; then the database is as it was.
pub async fn restore(
    options: &DbOptions,
    data_dir: &Path,
    backup: &Path,
) -> Result<Restored, BackupError> {
    let working = match db::sqlite_file(options) {
        Some(file) => with_suffix(&file, "-restoring"),
        None => data_dir.join("restoring.db"),
    };
    clear(&working)?;
    let done = restore_by(options, data_dir, backup, &working).await;
    clear(&working)?;
    done
}

async fn restore_by(
    options: &DbOptions,
    data_dir: &Path,
    backup: &Path,
    working: &Path,
) -> Result<Restored, BackupError> {
    std::fs::copy(backup, working).map_err(BackupError::file(backup))?;
    // An older backup is brought to the schema of this version.
    let copied = Db::open(&copy::file(working)).await?;
    let prepared = prepare(&copied, backup).await;
    let restored = match prepared {
        Ok(prepared) => put(options, data_dir, &copied, working, prepared).await,
        Err(error) => Err(error),
    };
    copied.close().await;
    restored
}

/// Removes a database file and what SQLite puts beside it.
fn clear(path: &Path) -> Result<(), BackupError> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        remove(&with_suffix(path, suffix))?;
    }
    Ok(())
}

/// What a working copy holds, once it is ready to take the database's place.
struct Prepared {
    files: Vec<folder::KeptFile>,
    checked: Checked,
    servers: usize,
}

async fn prepare(copied: &Db, backup: &Path) -> Result<Prepared, BackupError> {
    let checked = verify::all(copied).await?;
    let files = store::take_files(copied)
        .await?
        .ok_or_else(|| BackupError::NoBackup(backup.to_owned()))?;
    let mut servers = BTreeSet::new();
    let mut questions = Vec::new();
    for tenant in tenants::all(copied).await? {
        let rooms = members::shared_rooms(&tenant, copied, i64::MIN).await?;
        let mut met: BTreeSet<_> = peers::met(&tenant, copied).await?.into_iter().collect();
        met.extend(rooms.iter().map(|(_, server)| server.clone()));
        servers.extend(met.iter().cloned());
        questions.push((tenant, rooms, met));
    }
    let mut tx = copied.begin().await?;
    store::move_streams(&mut tx).await?;
    for (tenant, rooms, met) in &questions {
        restored::ask(tenant, &mut tx, rooms).await?;
        restored::ask_about_all(tenant, &mut tx, met).await?;
    }
    tx.commit(()).await?;
    Ok(Prepared {
        files,
        checked,
        servers: servers.len(),
    })
}

/// The keys first: a database without them would not start.
async fn put(
    options: &DbOptions,
    data_dir: &Path,
    copied: &Db,
    working: &Path,
    prepared: Prepared,
) -> Result<Restored, BackupError> {
    folder::write(data_dir, &prepared.files)?;
    let former = match db::sqlite_file(options) {
        Some(file) => {
            copied.close().await;
            take_place(working, &file)?
        }
        None => {
            let database = Db::open(options).await?;
            let replaced = copy::replace_all(&database, copied).await;
            database.close().await;
            replaced?;
            None
        }
    };
    Ok(Restored {
        checked: prepared.checked,
        servers: prepared.servers,
        former,
    })
}

/// Puts the working copy in the file's place, and the file aside. A write-ahead log that an earlier process left behind
/// belongs to the file of before: beside another one it would damage it.
fn take_place(working: &Path, file: &Path) -> Result<Option<PathBuf>, BackupError> {
    let failed = || BackupError::file(file);
    let former = with_suffix(file, ".before-restore");
    let is_there = file.exists();
    if is_there {
        clear(&former)?;
        for suffix in ["-wal", ""] {
            let (from, to) = (with_suffix(file, suffix), with_suffix(&former, suffix));
            if from.exists() {
                std::fs::rename(&from, &to).map_err(failed())?;
            }
        }
    }
    for suffix in ["-wal", "-shm", "-journal"] {
        remove(&with_suffix(file, suffix))?;
    }
    std::fs::File::open(working)
        .and_then(|working| working.sync_all())
        .and_then(|()| std::fs::rename(working, file))
        .and_then(|()| private_file::sync_name(file))
        .map_err(failed())?;
    Ok(is_there.then_some(former))
}
