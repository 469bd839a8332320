//! `/v1/admin/rooms/{room_id}/…` and `/v1/admin/federation/foreign/…`: shared rooms, and people of other servers.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;

use crate::app::App;
use crate::auth::roles::Permission;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::{Error, Result};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::federation::exchange::by_admin;
use crate::http::api::{Routes, post};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, Done, ok};
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::participants::Participant;
use crate::rooms::model::{Invitation, MAX_REASON, Room};
use crate::rooms::present::{self, Viewer};
use crate::rooms::store::members;

/// The routes of admins about rooms and people.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route(
            "/v1/admin/federation/foreign/{participant_id}/refresh",
            post(refresh),
        )
        .route("/v1/admin/rooms/{room_id}/federate", post(federate))
        .route("/v1/admin/rooms/{room_id}/federation/invite", post(invite))
        .route(
            "/v1/admin/rooms/{room_id}/federation/backfill",
            post(backfill),
        )
}

async fn refresh(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<ParticipantId>>,
) -> Result<Data<Participant>> {
    caller.require(Permission::FederationManage)?;
    let id = id.or(Code::NotFound)?;
    let refreshed = by_admin::refresh_profile(&app, &caller.tenant, id).await?;
    Ok(Data(refreshed))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct Federate {
    enabled: bool,
}

async fn federate(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(Federate { enabled }): Body<Federate>,
) -> Result<Committed<Data<Room>>> {
    caller.require(Permission::FederationManage)?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    let done = by_admin::federate(&app, &caller.tenant, room_id, enabled).await?;
    let room = present::room(viewer(&app, &caller), done.get().clone()).await?;
    Ok(done.map(|_| Data(room)))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct Invite {
    fqid: Fqid,
    #[garde(inner(length(chars, max = MAX_REASON)))]
    reason: Option<String>,
}

async fn invite(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(Invite { fqid, reason }): Body<Invite>,
) -> Result<Committed<Data<Invitation>>> {
    caller.require(Permission::FederationManage)?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    let done = by_admin::invite(&app, &caller, room_id, &fqid, reason).await?;
    let reader = app.db().reader();
    let member = members::get(&caller.tenant, reader, room_id, *done.get()).await?;
    let rows = member.into_iter().map(|member| (room_id, member)).collect();
    let mut shown = present::invitations(viewer(&app, &caller), rows).await?;
    let shown = shown.pop().ok_or_else(|| Error::new(Code::NotFound))?;
    Ok(done.map(|_| Data(shown)))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct Backfill {
    server_name: Option<ServerName>,
}

async fn backfill(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(Backfill { server_name }): Body<Backfill>,
) -> Result<Data<Done>> {
    caller.require(Permission::FederationManage)?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    by_admin::backfill(&app, &caller.tenant, room_id, server_name.as_ref()).await?;
    Ok(ok())
}

fn viewer<'a>(app: &'a App, caller: &'a Caller) -> Viewer<'a> {
    Viewer {
        tenant: &caller.tenant,
        db: app.db(),
        id: caller.participant_id,
    }
}
