//! What admins do about shared rooms and people of other servers.

use futures::{StreamExt, stream};

use super::{catch_up, remote};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::{Error, Result};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::http::caller::Caller;
use crate::participants::{self, Participant, announce};
use crate::rooms::core::decide::{Command, Refusal};
use crate::rooms::inviting::{self, Whom};
use crate::rooms::perform;
use crate::rooms::store::members;
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::store::unfederated;
use crate::rooms::{RoomError, timeline::Act};
use crate::tenants::Tenant;

/// Servers that are compared with at one time.
const AT_ONCE: usize = 8;

/// Asks somebody's server for the profile as it is now, and tells everybody who shares a room.
///
/// # Errors
/// 404 for who is unknown here or there, 403 by the policy, 503 for a server that does not answer.
pub async fn refresh_profile(app: &App, tenant: &Tenant, id: ParticipantId) -> Result<Participant> {
    let missing = || Error::new(Code::NotFound).message("There is no such participant.");
    let known = participants::store::get(tenant, app.db().reader(), id).await?;
    let known = known.filter(|known| !known.is_local).ok_or_else(missing)?;
    remote::invitee(app, tenant, &known.fqid)
        .await?
        .ok_or_else(missing)?;
    let now = participants::store::get(tenant, app.db().reader(), id).await?;
    let now = now.ok_or_else(missing)?;
    if now != known {
        announce::changed(app, tenant, id).await;
    }
    Ok(now)
}

/// A room that is hosted here and may have people of other servers.
async fn federable(app: &App, tenant: &Tenant, room_id: RoomId) -> Result<RoomRow, RoomError> {
    let row = perform::find(app, tenant, room_id).await?;
    if row.host != *tenant.server_name() {
        return Err(Refusal::Type("the room is hosted by another server").into());
    }
    if !row.room_type.federates(row.scope_kind.as_deref()) {
        return Err(Refusal::Type("rooms of this kind stay on their server").into());
    }
    Ok(row)
}

/// Lets people of other servers into a room, or no more of them; who is there stays.
///
/// # Errors
/// No such room, or one that is never federated.
pub async fn federate(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    enabled: bool,
) -> Result<Committed<RoomRow>> {
    let row = federable(app, tenant, room_id).await?;
    let mut tx = app.db().begin().await?;
    unfederated::set(tenant, &mut tx, room_id, !enabled).await?;
    Ok(tx.commit(row).await?)
}

/// Invites somebody of another server in the name of the room's creator; the participant's id.
///
/// # Errors
/// Those of an invitation by the creator.
pub async fn invite(
    app: &App,
    admin: &Caller,
    room_id: RoomId,
    person: &Fqid,
    reason: Option<String>,
) -> Result<Committed<ParticipantId>> {
    let tenant = &admin.tenant;
    let row = federable(app, tenant, room_id).await?;
    let creator = participants::store::get(tenant, app.db().reader(), row.creator_id).await?;
    let creator = creator.ok_or(RoomError::from(Refusal::NotMember))?;
    perform::require_peers_asked(app, tenant, room_id)?;
    let target = inviting::invitee(app, admin, &row, &Whom::Name(person.clone())).await?;
    let command = Command::Invite { target, reason };
    let act = Act {
        actor: creator.fqid,
        ..perform::act(app, admin, room_id, command).await?
    };
    let done = app.timeline().act(act).await?;
    Ok(done.map(|_| ParticipantId::derive(person)))
}

/// Compares a room's logs with those of one of its servers, or of all, and fetches what is missing.
///
/// # Errors
/// No such room, or no such server in it; 503 if none of them answers.
pub async fn backfill(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    server: Option<&ServerName>,
) -> Result<()> {
    perform::find(app, tenant, room_id).await?;
    if app.federation().host_wait().is_behind(tenant, room_id) {
        return Err(RoomError::PeersNotAsked.into());
    }
    let mut servers = members::servers(tenant, app.db(), room_id).await?;
    servers.retain(|name| name != tenant.server_name() && server.is_none_or(|one| one == name));
    if server.is_some() && servers.is_empty() {
        return Err(Error::new(Code::NotFound).message("This server has nobody in the room."));
    }
    let outcomes: Vec<Result<()>> = stream::iter(servers)
        .map(|server| async move { catch_up::room(app, tenant, &server, room_id).await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let any = outcomes.is_empty() || outcomes.iter().any(Result::is_ok);
    match outcomes.into_iter().find_map(Result::err).filter(|_| !any) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
