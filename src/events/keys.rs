//! The keys that this server signs with.
//!
//! Public halves are rows, private halves are files of their own (PKCS#8 PEM, readable by the owner only), so that a
//! copy of the database gives nobody the identity. A new identity is never made beside an old one: rows without
//! their file, or files without their rows, stop the start.

use std::collections::HashMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::core::sign::{KeyId, KeyPair, PublicKey};
use super::store;
use crate::db::{Db, DbError};
use crate::tenants::Tenant;

/// A public key of a tenant, current or retired.
#[derive(Clone, Debug)]
pub struct KeyRecord {
    /// The key.
    pub public_key: PublicKey,
    /// From when on it is used, in ms.
    pub valid_from: i64,
    /// Until when requests signed with it are accepted, in ms; `None`: the current key.
    pub expires_at: Option<i64>,
    /// The signature of the key before it, base64url.
    pub signed_by_previous: Option<String>,
}

/// Keys that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum KeyRingError {
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A key's file is gone.
    #[error(
        "the private key {key_id} of tenant {slug} is missing: {} does not exist. Restore the folder `keys` from a backup",
        path.display()
    )]
    Missing {
        /// Whose.
        slug: String,
        /// Which.
        key_id: KeyId,
        /// Where it should be.
        path: PathBuf,
    },
    /// Keys of an earlier database lie in the folder.
    #[error(
        "{} holds keys of an earlier database, but this database is new. Restore the database that belongs to them, or \
         move the folder away to begin with a new identity",
        .0.display()
    )]
    Orphaned(PathBuf),
    /// A file cannot be used.
    #[error("cannot use {}: {reason}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The signing keys of all tenants.
#[derive(Clone)]
pub struct KeyRing {
    folder: PathBuf,
    current: Arc<RwLock<HashMap<i64, Arc<KeyPair>>>>,
}

impl KeyRing {
    /// A ring over the folder `keys` of the data folder.
    pub fn new(data_dir: &Path) -> KeyRing {
        KeyRing {
            folder: data_dir.join("keys"),
            current: Arc::default(),
        }
    }

    /// Refuses a new database beside the keys of an old one.
    pub fn require_empty(&self) -> Result<(), KeyRingError> {
        let used =
            std::fs::read_dir(&self.folder).is_ok_and(|mut entries| entries.next().is_some());
        if used {
            return Err(KeyRingError::Orphaned(self.folder.clone()));
        }
        Ok(())
    }

    /// Loads a tenant's current key; makes its first one if it has none. True: one was made.
    pub async fn load(&self, db: &Db, tenant: &Tenant, now_ms: i64) -> Result<bool, KeyRingError> {
        let records = store::keys::records(tenant, db).await?;
        let current = records.iter().find(|record| record.expires_at.is_none());
        let (pair, made) = match current {
            Some(record) => (self.read(tenant, record.public_key.key_id())?, false),
            None => (self.make(db, tenant, now_ms).await?, true),
        };
        self.current
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.key(), Arc::new(pair));
        Ok(made)
    }

    /// The key that the tenant signs with.
    pub fn current(&self, tenant: &Tenant) -> Option<Arc<KeyPair>> {
        self.current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&tenant.key())
            .cloned()
    }

    async fn make(&self, db: &Db, tenant: &Tenant, now_ms: i64) -> Result<KeyPair, KeyRingError> {
        let pair = KeyPair::generate(&mut rand::rng());
        self.write(tenant, &pair)?;
        let mut tx = db.begin().await?;
        store::keys::insert_first(tenant, &mut tx, pair.public_key(), now_ms).await?;
        tx.commit(()).await?;
        Ok(pair)
    }

    fn path(&self, tenant: &Tenant, key_id: KeyId) -> PathBuf {
        let name = key_id.to_string().replace(':', "-");
        self.folder.join(tenant.slug()).join(format!("{name}.pem"))
    }

    fn read(&self, tenant: &Tenant, key_id: KeyId) -> Result<KeyPair, KeyRingError> {
        let path = self.path(tenant, key_id);
        let pem = match std::fs::read_to_string(&path) {
            Ok(pem) => zeroize::Zeroizing::new(pem),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(KeyRingError::Missing {
                    slug: tenant.slug().to_owned(),
                    key_id,
                    path,
                });
            }
            Err(error) => return Err(file_error(path, error)),
        };
        let pair = KeyPair::from_pem(&pem).map_err(|error| file_error(path.clone(), error))?;
        if pair.key_id() != key_id {
            return Err(file_error(path, "it holds another key than its name says"));
        }
        Ok(pair)
    }

    fn write(&self, tenant: &Tenant, pair: &KeyPair) -> Result<(), KeyRingError> {
        let path = self.path(tenant, pair.key_id());
        let pem = pair
            .to_pem()
            .map_err(|error| file_error(path.clone(), error))?;
        if let Some(folder) = path.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(folder)
                .map_err(|error| file_error(folder.to_owned(), error))?;
        }
        let store = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        };
        store().map_err(|error| file_error(path, error))
    }
}

fn file_error(path: PathBuf, reason: impl ToString) -> KeyRingError {
    KeyRingError::File {
        path,
        reason: reason.to_string(),
    }
}
