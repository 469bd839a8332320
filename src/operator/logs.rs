//! Logs of rooms that need a person: those that forked, and beginning them anew.

use serde::{Deserialize, Serialize};

use super::users::tenant;
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::iso;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::store::forks::{self, Fork};
use crate::federation::exchange::remote;
use crate::participants;
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::rooms::core::decide::{Command, Refusal, Restart};
use crate::rooms::store::{members, restarts};
use crate::rooms::{RoomError, perform};
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

/// A server that asks to begin its log of a room anew.
#[derive(Debug, Serialize)]
pub struct AskedRestart {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// When it asked last.
    pub asked_at: String,
}

/// What needs a person.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The logs of which two branches are known.
    pub logs: Vec<ForkedLog>,
    /// In rooms hosted here: who asks to begin its log anew.
    pub asked: Vec<AskedRestart>,
}

/// The tenant's own log of a room, to be begun anew.
#[derive(Debug, Serialize, Deserialize)]
pub struct RestartLog {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// The room.
    pub room_id: RoomId,
}

/// A server that may begin its log of a room anew.
#[derive(Debug, Serialize, Deserialize)]
pub struct AgreeToRestart {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub server_name: String,
}

/// What was asked, or agreed to.
#[derive(Debug, Serialize)]
pub struct Restarted {
    /// The room.
    pub room_id: RoomId,
    /// Whose log.
    pub origin: ServerName,
    /// What it stands by, in the epoch before.
    pub stands_by: LogPosition,
}

/// The forked logs that a tenant holds, and who asks to begin its log anew.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the database's.
pub async fn list(db: &Db, slug: Option<&str>) -> Result<Listed> {
    let tenant = tenant(&Tenants::load(db).await?, slug)?;
    let logs = forks::list(&tenant, db).await?;
    let asked = restarts::list(&tenant, db).await?;
    Ok(Listed {
        logs: logs.into_iter().map(ForkedLog::from).collect(),
        asked: asked
            .into_iter()
            .map(|asked| AskedRestart {
                room_id: asked.room_id,
                origin: asked.origin,
                asked_at: iso(asked.asked_at),
            })
            .collect(),
    })
}

/// Asks the room's host to let the tenant begin its log anew, in the name of one of its people there. It stands by all that
/// it holds of it.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_ROOM_NOT_FOUND`; 403 `SW_ROOM_FORBIDDEN` in a room that is hosted here, `SW_NOT_MEMBER` if
/// nobody is in it; what the host refuses it for; 503 `SW_SERVICE_UNAVAILABLE` if it cannot be reached.
pub async fn restart(app: &App, command: RestartLog) -> Result<Restarted> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let row = perform::find(app, &tenant, command.room_id).await?;
    let own = tenant.server_name();
    if row.host == *own {
        let refusal = Refusal::Forbidden("the host's own log is never begun anew");
        return Err(RoomError::from(refusal).into());
    }
    let not_member = || RoomError::from(Refusal::NotMember);
    let people = members::local_joined(&tenant, app.db(), row.id).await?;
    let id = *people.first().ok_or_else(not_member)?;
    let person = participants::store::get(&tenant, app.db().reader(), id).await?;
    let actor = person.ok_or_else(not_member)?.fqid;
    let (stands_by, key) = remote::own_log(app, &tenant, row.id).await?;
    let asked = Command::AskRestart(Restart {
        stands_by: stands_by.clone(),
        key,
    });
    remote::ask_host(app, &tenant, &row, &actor, &asked).await?;
    Ok(Restarted {
        room_id: row.id,
        origin: own.clone(),
        stands_by,
    })
}

/// Admits the next epoch of a server's log of a room that is hosted here, as the server has asked.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_ROOM_NOT_FOUND`, `SW_NOT_FOUND` (it has not asked); 422 `SW_VALIDATION_ERROR` if what it asked
/// is out of date; 503 `SW_SERVICE_UNAVAILABLE` right after a start.
pub async fn agree(app: &App, command: AgreeToRestart) -> Result<Restarted> {
    #[derive(Deserialize)]
    struct Content {
        stands_by: LogPosition,
        key: OriginKey,
    }
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let row = perform::find(app, &tenant, command.room_id).await?;
    let waiting = restarts::list(&tenant, app.db()).await?;
    let asked = waiting
        .into_iter()
        .find(|asked| asked.room_id == row.id && asked.origin.as_str() == command.server_name);
    let not_asked = || Error::new(Code::NotFound).message("This server has not asked for it.");
    let asked = asked.ok_or_else(not_asked)?;
    let content = asked.document.get("content").cloned().unwrap_or_default();
    let Content { stands_by, key } = serde_json::from_value(content)
        .map_err(|error| Error::new(Code::InternalError).source(error))?;
    let creator = participants::store::get(&tenant, app.db().reader(), row.creator_id).await?;
    let actor = creator.ok_or(RoomError::from(Refusal::NotMember))?.fqid;
    let admit = Command::Admit {
        origin: asked.origin.clone(),
        restart: Restart {
            stands_by: stands_by.clone(),
            key,
        },
        document: asked.document,
    };
    perform::as_host(app, &tenant, row.id, actor, admit).await?;
    Ok(Restarted {
        room_id: row.id,
        origin: asked.origin,
        stands_by,
    })
}
