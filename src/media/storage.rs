//! The folder `media` in the data folder: where bytes are, how they get there for good, who waits for what.
//!
//! `tenant/{tenant_id}/{sha256}` holds the files of this server's people, `foreign/{tenant_id}/{sha256}` copies of other
//! servers' files, `incoming` what is still arriving. A file gets its place when it is complete and on disk, and its row after
//! that; whatever is left without a row by a crash is removed by [`super::sweep`].

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::AsyncWriteExt;
use tokio::sync::{Mutex as Turns, MutexGuard as Turn, OwnedMutexGuard, Semaphore};

use super::error::MediaError;
use super::kind::HEAD_BYTES;
use crate::entropy::Entropy;
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::private_file;
use crate::tenants::Tenant;

/// Uploads of one participant at once.
const MOST_UPLOADS: usize = 4;
/// Files that are fetched from other servers at once.
const MOST_FETCHES: usize = 16;
/// So much of the disk stays free, in bytes.
const KEPT_FREE: u64 = 1 << 30;
/// So much is written between two looks at how much is free, in bytes.
const BETWEEN_LOOKS: u64 = 64 << 20;

/// Whose bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shelf {
    /// Files of this server's people.
    Own,
    /// Copies of other servers' files.
    Foreign,
}

impl Shelf {
    const fn folder(self) -> &'static str {
        match self {
            Self::Own => "tenant",
            Self::Foreign => "foreign",
        }
    }
}

/// The folder. Cheap to clone.
#[derive(Clone)]
pub struct Storage(Arc<Inner>);

/// Fetches of other servers' files that are under way, by tenant and content.
type Fetching = HashMap<(i64, Hash), Weak<Turns<()>>>;

struct Inner {
    root: PathBuf,
    entropy: Entropy,
    /// Held from when a file gets its place until its row is there, and while one without a row is removed.
    placing: Turns<()>,
    uploads: Mutex<HashMap<(i64, ParticipantId), usize>>,
    fetching: Mutex<Fetching>,
    fetches: Semaphore,
}

impl Storage {
    /// The folder below a data folder. It is made when there is something to keep.
    #[must_use]
    pub fn new(data_dir: &Path, entropy: Entropy) -> Self {
        Self(Arc::new(Inner {
            root: data_dir.join("media"),
            entropy,
            placing: Turns::default(),
            uploads: Mutex::default(),
            fetching: Mutex::default(),
            fetches: Semaphore::new(MOST_FETCHES),
        }))
    }

    /// A place among the uploads of a participant, until it is dropped.
    ///
    /// # Errors
    /// [`MediaError::TooMany`]
    pub fn upload(&self, tenant: &Tenant, by: ParticipantId) -> Result<Uploading, MediaError> {
        let key = (tenant.key(), by);
        let mut uploads = locked(&self.0.uploads);
        let count = uploads.entry(key).or_default();
        if *count >= MOST_UPLOADS {
            return Err(MediaError::TooMany);
        }
        *count += 1;
        drop(uploads);
        Ok(Uploading {
            storage: self.clone(),
            key,
        })
    }

    /// Fetches of one content wait for each other: the second one finds what the first one brought.
    pub async fn turn(&self, tenant: &Tenant, content: Hash) -> OwnedMutexGuard<()> {
        let turns = {
            let mut fetching = locked(&self.0.fetching);
            fetching.retain(|_, turns| turns.strong_count() > 0);
            let known = fetching.entry((tenant.key(), content)).or_default();
            known.upgrade().unwrap_or_else(|| {
                let turns = Arc::new(Turns::default());
                *known = Arc::downgrade(&turns);
                turns
            })
        };
        turns.lock_owned().await
    }

    /// A place among the files that are fetched at once.
    pub fn fetches(&self) -> &Semaphore {
        &self.0.fetches
    }

    /// The turn to give a file its place and its row, or to remove one without a row.
    pub async fn placing(&self) -> Turn<'_, ()> {
        self.0.placing.lock().await
    }

    /// A new file, empty.
    ///
    /// # Errors
    /// [`MediaError::DiskFull`], or the system's.
    pub async fn receive(&self) -> Result<Incoming, MediaError> {
        let folder = self.0.root.join("incoming");
        let name = uuid::Builder::from_random_bytes(self.0.entropy.bytes()).into_uuid();
        let path = folder.join(name.to_string());
        let opened = blocking({
            let path = path.clone();
            move || {
                private_file::create_folder(&folder)?;
                let file = std::fs::File::create_new(&path)?;
                Ok((file, free_bytes(&folder)?))
            }
        })
        .await;
        let (file, free) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                return Err(error.into());
            }
        };
        let incoming = Incoming {
            file: File::from_std(file),
            path: Unplaced(path),
            hash: Sha256::new(),
            size: 0,
            looked_at: 0,
            head: Vec::new(),
        };
        require_free(free)?;
        Ok(incoming)
    }

    /// Where a content is.
    fn path(&self, shelf: Shelf, tenant: &Tenant, content: Hash) -> PathBuf {
        self.folder(shelf, tenant).join(content.hex())
    }

    fn folder(&self, shelf: Shelf, tenant: &Tenant) -> PathBuf {
        let folder = self.0.root.join(shelf.folder());
        folder.join(tenant.id().to_string())
    }

    /// Gives a file its place. When this returns, it is there after a power cut, too. The caller has its turn by
    /// [`Storage::placing`].
    ///
    /// # Errors
    /// The system's.
    pub async fn place(&self, shelf: Shelf, tenant: &Tenant, arrived: Arrived) -> io::Result<()> {
        let path = self.path(shelf, tenant, arrived.sha256);
        let root = self.0.root.clone();
        blocking(move || {
            make_folders(&root, &path)?;
            std::fs::rename(&arrived.path.0, &path)?;
            private_file::sync_name(&path)
        })
        .await
    }

    /// Makes an own file of a copy. The caller has its turn by [`Storage::placing`].
    ///
    /// # Errors
    /// The system's.
    pub async fn adopt(&self, tenant: &Tenant, content: Hash) -> io::Result<()> {
        let from = self.path(Shelf::Foreign, tenant, content);
        let path = self.path(Shelf::Own, tenant, content);
        let root = self.0.root.clone();
        blocking(move || {
            make_folders(&root, &path)?;
            match std::fs::hard_link(&from, &path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
            private_file::sync_name(&path)
        })
        .await
    }

    /// A content that is there.
    ///
    /// # Errors
    /// The system's; `NotFound` where it is not.
    pub async fn open(&self, shelf: Shelf, tenant: &Tenant, content: Hash) -> io::Result<File> {
        File::open(self.path(shelf, tenant, content)).await
    }

    /// Removes a content that may not be there. The caller has its turn by [`Storage::placing`].
    ///
    /// # Errors
    /// The system's.
    pub async fn remove(&self, shelf: Shelf, tenant: &Tenant, content: Hash) -> io::Result<()> {
        match tokio::fs::remove_file(self.path(shelf, tenant, content)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Every content of a tenant that is there.
    ///
    /// # Errors
    /// The system's.
    pub async fn contents(&self, shelf: Shelf, tenant: &Tenant) -> io::Result<Vec<Hash>> {
        let folder = self.folder(shelf, tenant);
        blocking(move || {
            let listed = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                listed => listed?,
            };
            let mut found = Vec::new();
            for entry in listed {
                // Whatever else somebody has put there stays.
                let name = entry?.file_name();
                found.extend(name.to_str().and_then(|name| Hash::from_hex(name).ok()));
            }
            Ok(found)
        })
        .await
    }

    /// Removes what had not arrived when the server last ended. Nothing may be arriving.
    ///
    /// # Errors
    /// The system's.
    pub async fn forget_incoming(&self) -> io::Result<()> {
        match tokio::fs::remove_dir_all(self.0.root.join("incoming")).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// A place among a participant's uploads.
pub struct Uploading {
    storage: Storage,
    key: (i64, ParticipantId),
}

impl Drop for Uploading {
    fn drop(&mut self) {
        let mut uploads = locked(&self.storage.0.uploads);
        if let Some(count) = uploads.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                uploads.remove(&self.key);
            }
        }
    }
}

/// A file that is arriving. Dropped, it leaves nothing behind.
pub struct Incoming {
    file: File,
    path: Unplaced,
    hash: Sha256,
    size: u64,
    looked_at: u64,
    head: Vec<u8>,
}

impl Incoming {
    /// How many bytes have arrived.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`MediaError::DiskFull`], or the system's.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), MediaError> {
        self.hash.update(bytes);
        self.size += u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let missing = HEAD_BYTES.saturating_sub(self.head.len());
        let head = bytes.get(..missing).unwrap_or(bytes);
        self.head.extend_from_slice(head);
        self.file.write_all(bytes).await?;
        if self.size - self.looked_at >= BETWEEN_LOOKS {
            self.looked_at = self.size;
            let path = self.path.0.clone();
            require_free(blocking(move || free_bytes(&path)).await?)?;
        }
        Ok(())
    }

    /// The file is complete: makes its bytes durable.
    ///
    /// # Errors
    /// The system's.
    pub async fn complete(mut self) -> io::Result<Arrived> {
        self.file.flush().await?;
        self.file.sync_all().await?;
        Ok(Arrived {
            path: self.path,
            sha256: Hash::from_bytes(self.hash.finalize().into()),
            size: i64::try_from(self.size).unwrap_or(i64::MAX),
            head: self.head,
        })
    }
}

/// A file that is complete and on disk, and has no place yet. Dropped, it leaves nothing behind.
pub struct Arrived {
    path: Unplaced,
    /// The hash of its bytes.
    pub sha256: Hash,
    /// How many bytes.
    pub size: i64,
    /// Its beginning, from which its type follows.
    pub head: Vec<u8>,
}

/// A path that is removed when it is no longer needed; after it was renamed, nothing is there.
struct Unplaced(PathBuf);

impl Drop for Unplaced {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Makes the folders of a path, each durable in the one above it.
fn make_folders(root: &Path, path: &Path) -> io::Result<()> {
    let folder = path.parent().unwrap_or(root);
    if folder.is_dir() {
        return Ok(());
    }
    private_file::create_folder(folder)?;
    for made in folder.ancestors().take_while(|made| made.starts_with(root)) {
        private_file::sync_name(made)?;
    }
    Ok(())
}

fn free_bytes(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

fn require_free(free: u64) -> Result<(), MediaError> {
    match free < KEPT_FREE {
        true => Err(MediaError::DiskFull),
        false => Ok(()),
    }
}

/// Runs what waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(io::Error::other(error)))
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storage() -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Storage::new(folder.path(), Entropy::system());
        (folder, storage)
    }

    #[tokio::test]
    async fn what_does_not_arrive_leaves_nothing() {
        let (folder, storage) = storage();
        let mut incoming = storage.receive().await.unwrap();
        incoming.write(b"half").await.unwrap();
        let files = || {
            std::fs::read_dir(folder.path().join("media/incoming"))
                .unwrap()
                .count()
        };
        assert_eq!(files(), 1);
        drop(incoming);
        assert_eq!(files(), 0);
    }

    #[tokio::test]
    async fn a_file_is_hashed_while_it_arrives() {
        let (_folder, storage) = storage();
        let mut incoming = storage.receive().await.unwrap();
        for part in [&b"one"[..], b"", b"two"] {
            incoming.write(part).await.unwrap();
        }
        let arrived = incoming.complete().await.unwrap();
        assert_eq!((arrived.sha256, arrived.size), (Hash::of(b"onetwo"), 6));
        assert_eq!(arrived.head, b"onetwo");
    }

    #[test]
    fn a_nearly_full_disk_takes_no_more() {
        assert!(require_free(KEPT_FREE).is_ok());
        assert!(matches!(
            require_free(KEPT_FREE - 1),
            Err(MediaError::DiskFull)
        ));
    }
}
