//! Logs of rooms that need a person: those that forked.

use serde::Serialize;

use super::users::tenant;
use crate::clock::iso;
use crate::db::Db;
use crate::error::Result;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::store::forks::{self, Fork};
use crate::tenants::Tenants;

/// A log of which two branches are known.
#[derive(Debug, Serialize)]
pub struct ForkedLog {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// The log's epoch.
    pub epoch: i64,
    /// The first place for which two events are known.
    pub seq: i64,
    /// The hash of the event that stands there.
    pub hash: Option<Hash>,
    /// The hash of the other one.
    pub other_hash: Hash,
    /// Who delivered that.
    pub peer: ServerName,
    /// When.
    pub found_at: String,
    /// Whether the log is frozen from there on. Not frozen are the tenant's own and the host's.
    pub frozen: bool,
}

impl From<Fork> for ForkedLog {
    fn from(fork: Fork) -> Self {
        Self {
            room_id: fork.room_id,
            origin: fork.origin,
            epoch: fork.epoch,
            seq: fork.seq,
            hash: fork.standing,
            other_hash: fork.second,
            peer: fork.peer,
            found_at: iso(fork.found_at),
            frozen: fork.is_frozen,
        }
    }
}

/// The forked logs that a tenant holds.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the database's.
pub async fn list(db: &Db, slug: Option<&str>) -> Result<Vec<ForkedLog>> {
    let tenant = tenant(&Tenants::load(db).await?, slug)?;
    let found = forks::list(&tenant, db).await?;
    Ok(found.into_iter().map(ForkedLog::from).collect())
}
