//! Where a command goes: to the own writer, or to the room's host.

use serde_json::Value;

use super::core::decide::{Command, Joining, Refusal};
use super::error::RoomError;
use super::store::rooms::{self, RoomRow};
use super::timeline::{Act, Outcome, Sending};
use crate::app::App;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::RoomId;
use crate::events::core::names::Fqid;
use crate::federation::exchange::remote;
use crate::http::caller::Caller;
use crate::participants;
use crate::rooms::profiles;
use crate::tenants::Tenant;

/// The room, or the answer for a missing one.
pub async fn find(app: &App, tenant: &Tenant, room_id: RoomId) -> Result<RoomRow, RoomError> {
    let row = rooms::get(tenant, app.db().reader(), room_id).await?;
    Ok(row.ok_or(Refusal::NoSuchRoom)?)
}

/// Has `command` carried out: messages and own leaves here, state changes where the room is hosted.
pub async fn perform(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    command: Command,
) -> Result<Committed<Outcome>> {
    let is_here = row.host == *caller.tenant.server_name();
    let is_own_affair = matches!(command, Command::Leave { .. }) || !command.is_for_host();
    if !is_here && !is_own_affair {
        return remote::ask_host(app, &caller.tenant, row, &caller.fqid, &command).await;
    }
    if is_here && !is_own_affair {
        require_peers_asked(app, &caller.tenant, row.id)?;
    }
    Ok(app
        .timeline()
        .act(act(app, caller, row.id, command).await?)
        .await?)
}

/// Whether a room hosted here may change its state by now: not right after a start.
pub fn require_peers_asked(app: &App, tenant: &Tenant, room_id: RoomId) -> Result<(), RoomError> {
    if app
        .federation()
        .host_wait()
        .holds(tenant, room_id, app.now())
    {
        return Err(RoomError::PeersNotAsked);
    }
    Ok(())
}

/// Has the host do something that no request asks for, and that brings nobody in.
pub async fn as_host(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    actor: Fqid,
    command: Command,
) -> Result<Committed<Outcome>, RoomError> {
    require_peers_asked(app, tenant, room_id)?;
    let act = Act {
        tenant: tenant.clone(),
        room_id,
        actor,
        command,
        sending: None,
        asked: None,
        max_foreign: 0,
    };
    app.timeline().act(act).await
}

/// A command for the own writer.
pub async fn act(app: &App, caller: &Caller, room_id: RoomId, command: Command) -> Result<Act> {
    let policy = app.federation().policies().get(&caller.tenant).await?;
    Ok(Act {
        tenant: caller.tenant.clone(),
        room_id,
        actor: caller.fqid.clone(),
        command,
        sending: None,
        asked: None,
        max_foreign: usize::try_from(policy.max_foreign_participants_per_room)
            .unwrap_or(usize::MAX),
    })
}

/// A message to be sent, for the own writer.
pub fn send(
    caller: &Caller,
    room_id: RoomId,
    sender: Fqid,
    content: Value,
    sending: Sending,
) -> Act {
    Act {
        tenant: caller.tenant.clone(),
        room_id,
        actor: sender,
        command: Command::Send { content },
        sending: Some(sending),
        asked: None,
        max_foreign: 0,
    }
}

/// What the caller brings along when it comes into a room hosted here.
pub async fn joining(app: &App, caller: &Caller, row: &RoomRow) -> Result<Joining> {
    Ok(Joining {
        profile: signed_profile(app, &caller.tenant, &caller.fqid).await?,
        key: None,
        after: None,
        holds_role: caller.roles.any_of(&row.read_role_slugs),
    })
}

/// The signed profile of a local person.
pub async fn signed_profile(app: &App, tenant: &Tenant, person: &Fqid) -> Result<Option<Value>> {
    let found = participants::store::by_fqid(tenant, app.db().reader(), person).await?;
    let key = app.keys().current(tenant);
    Ok(match (found, key) {
        (Some(participant), Some(key)) => profiles::signed(&participant, &key, app.now()),
        _ => None,
    })
}
