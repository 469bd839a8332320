//! The keys that this server signs with.
//!
//! Public halves are rows, private halves are files of their own (PKCS#8 PEM, readable by the owner only), so that a
//! copy of the database gives nobody the identity. A new identity is never made beside an old one: rows without
//! their file, or files without their rows, stop the start.
//!
//! A key that was followed by another is retired: it signs nothing but the events that hand the logs over to the next one,
//! and its private half is deleted once its time is over and no log rests on it any more.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use super::core::sign::{KeyId, KeyPair, PublicKey};
use super::store;
use crate::db::{Db, DbError};
use crate::entropy::Entropy;
use crate::private_file;
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
    /// A key that is to be replaced as lost is there.
    #[error(
        "the private key {key_id} of tenant {slug} is not lost: {} is there. Rotate it instead",
        path.display()
    )]
    NotLost {
        /// Whose.
        slug: String,
        /// Which.
        key_id: KeyId,
        /// Where it is.
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

/// The key that is to follow a tenant's current one.
pub struct NextKey {
    /// The key.
    pub pair: KeyPair,
    /// From when on it is used, in ms.
    pub valid_from: i64,
    /// The current key's signature, base64url.
    pub signed_by_previous: String,
}

/// The folder of the private keys, in the data folder.
pub(crate) const KEYS_FOLDER: &str = "keys";

/// The signing keys of all tenants.
#[derive(Clone)]
pub struct KeyRing {
    folder: PathBuf,
    entropy: Entropy,
    held: Arc<RwLock<HashMap<i64, Held>>>,
}

/// The private keys of one tenant.
#[derive(Clone)]
struct Held {
    current: Arc<KeyPair>,
    /// Keys that were followed by another, in no order.
    retired: Vec<Arc<KeyPair>>,
}

impl KeyRing {
    /// A ring over the folder `keys` of the data folder; new keys come from `entropy`.
    pub fn new(data_dir: &Path, entropy: Entropy) -> KeyRing {
        KeyRing {
            folder: data_dir.join(KEYS_FOLDER),
            entropy,
            held: Arc::default(),
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

    /// Loads a tenant's keys; makes its first one if it has none. True: one was made. Of the retired keys those that are
    /// still there.
    pub async fn load(&self, db: &Db, tenant: &Tenant, now_ms: i64) -> Result<bool, KeyRingError> {
        let records = store::keys::records(tenant, db).await?;
        let mut retired = Vec::new();
        let mut current = None;
        for record in &records {
            let key_id = record.public_key.key_id();
            match record.expires_at {
                None => current = Some(self.read(tenant, key_id)?),
                Some(_) if self.path(tenant, key_id).exists() => {
                    retired.push(Arc::new(self.read(tenant, key_id)?));
                }
                Some(_) => {}
            }
        }
        let (current, made) = match current {
            Some(pair) => (pair, false),
            None => (self.make(db, tenant, now_ms).await?, true),
        };
        let current = Arc::new(current);
        self.write_held(|held| held.insert(tenant.key(), Held { current, retired }));
        Ok(made)
    }

    /// The key that the tenant signs with.
    pub fn current(&self, tenant: &Tenant) -> Option<Arc<KeyPair>> {
        self.held(tenant).map(|held| held.current)
    }

    /// The key with this id, current or retired.
    pub fn pair(&self, tenant: &Tenant, key_id: KeyId) -> Option<Arc<KeyPair>> {
        let held = self.held(tenant)?;
        std::iter::once(held.current)
            .chain(held.retired)
            .find(|pair| pair.key_id() == key_id)
    }

    /// Lets the next key take over from `previous`, whose signatures under requests are accepted until `expires_at`. The
    /// private half is on disk before the database knows of the key. False: `previous` is not the current key any more.
    pub async fn follow(
        &self,
        db: &Db,
        tenant: &Tenant,
        (previous, expires_at): (KeyId, i64),
        next: NextKey,
    ) -> Result<bool, KeyRingError> {
        if !self.path(tenant, next.pair.key_id()).exists() {
            self.write(tenant, &next.pair)?;
        }
        let mut tx = db.begin().await?;
        if !store::keys::retire(tenant, &mut tx, previous, expires_at).await? {
            return Ok(false);
        }
        let record = KeyRecord {
            public_key: next.pair.public_key().clone(),
            valid_from: next.valid_from,
            expires_at: None,
            signed_by_previous: Some(next.signed_by_previous),
        };
        store::keys::insert(tenant, &mut tx, &record).await?;
        tx.commit(()).await?;
        self.write_held(|held| {
            if let Some(held) = held.get_mut(&tenant.key()) {
                let before = std::mem::replace(&mut held.current, Arc::new(next.pair));
                held.retired.push(before);
            }
        });
        Ok(true)
    }

    /// Keys whose files are there though the database knows nothing of them, in the order in which they were made: it was
    /// restored from a backup of before.
    pub async fn unrecorded(&self, db: &Db, tenant: &Tenant) -> Result<Vec<KeyPair>, KeyRingError> {
        let records = store::keys::records(tenant, db).await?;
        let folder = self.folder.join(tenant.slug());
        let failed = |error| file_error(folder.clone(), error);
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_str().and_then(|name| name.strip_suffix(".pem"));
            let key_id = name.and_then(|name| name.replacen('-', ":", 1).parse::<KeyId>().ok());
            let Some(key_id) = key_id else { continue };
            if !records
                .iter()
                .any(|record| record.public_key.key_id() == key_id)
            {
                let made_at = entry.metadata().and_then(|about| about.modified());
                found.push((made_at.map_err(failed)?, self.read(tenant, key_id)?));
            }
        }
        found.sort_by_key(|(made_at, _)| *made_at);
        Ok(found.into_iter().map(|(_, pair)| pair).collect())
    }

    /// Begins anew with a key that nothing vouches for, where the current one's private half is lost: for a database that no
    /// server uses. What was lost is good for nothing from now on.
    pub async fn replace_lost(
        &self,
        db: &Db,
        tenant: &Tenant,
        now_ms: i64,
    ) -> Result<(), KeyRingError> {
        let records = store::keys::records(tenant, db).await?;
        let current = records.iter().find(|record| record.expires_at.is_none());
        let lost = current.map(|record| record.public_key.key_id());
        let path = lost.map(|key_id| (key_id, self.path(tenant, key_id)));
        if let Some((key_id, path)) = path.filter(|(_, path)| path.exists()) {
            let slug = tenant.slug().to_owned();
            return Err(KeyRingError::NotLost { slug, key_id, path });
        }
        let pair = KeyPair::generate(&self.entropy);
        self.write(tenant, &pair)?;
        let latest = records.iter().map(|record| record.valid_from).max();
        let record = KeyRecord {
            public_key: pair.public_key().clone(),
            // Keys are shown in the order of their times, whatever the clock did meanwhile.
            valid_from: latest.map_or(now_ms, |latest| now_ms.max(latest.saturating_add(1))),
            expires_at: None,
            signed_by_previous: None,
        };
        let mut tx = db.begin().await?;
        if let Some(lost) = lost {
            store::keys::retire(tenant, &mut tx, lost, now_ms).await?;
        }
        store::keys::insert(tenant, &mut tx, &record).await?;
        tx.commit(()).await?;
        Ok(())
    }

    /// Deletes the private half of a retired key for good.
    pub fn forget(&self, tenant: &Tenant, key_id: KeyId) -> Result<(), KeyRingError> {
        if self
            .current(tenant)
            .is_some_and(|pair| pair.key_id() == key_id)
        {
            return Ok(());
        }
        self.write_held(|held| {
            if let Some(held) = held.get_mut(&tenant.key()) {
                held.retired.retain(|pair| pair.key_id() != key_id);
            }
        });
        let path = self.path(tenant, key_id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(file_error(path, error))
            }
            _ => Ok(()),
        }
    }

    fn held(&self, tenant: &Tenant) -> Option<Held> {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.get(&tenant.key()).cloned()
    }

    fn write_held<T>(&self, change: impl FnOnce(&mut HashMap<i64, Held>) -> T) -> T {
        change(&mut self.held.write().unwrap_or_else(PoisonError::into_inner))
    }

    async fn make(&self, db: &Db, tenant: &Tenant, now_ms: i64) -> Result<KeyPair, KeyRingError> {
        let pair = KeyPair::generate(&self.entropy);
        self.write(tenant, &pair)?;
        let record = KeyRecord {
            public_key: pair.public_key().clone(),
            valid_from: now_ms,
            expires_at: None,
            signed_by_previous: None,
        };
        let mut tx = db.begin().await?;
        store::keys::insert(tenant, &mut tx, &record).await?;
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
        private_file::create(&path, pem.as_bytes()).map_err(|error| file_error(path, error))
    }
}

fn file_error(path: PathBuf, reason: impl ToString) -> KeyRingError {
    KeyRingError::File {
        path,
        reason: reason.to_string(),
    }
}
