//! `/v1/admin/federation/…`: the tenant's identity, policy, peers and journal.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;

use crate::app::App;
use crate::auth::roles::Permission;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::{Error, Result};
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyId;
use crate::federation::admin::{IdentityView, PeerAction, PeerView, RejectedView};
use crate::federation::core::policy::{Policy, PolicyChange};
use crate::http::api::{Routes, get, post};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::json::Body;
use crate::http::paging::{CursorPage, Next};
use crate::http::path::Path;

/// The routes of admins.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/admin/federation/identity", get(identity))
        .route(
            "/v1/admin/federation/policy",
            get(policy).put(change_policy),
        )
        .route("/v1/admin/federation/peers", get(peers))
        .route(
            "/v1/admin/federation/peers/{server_name}/pause",
            post(pause),
        )
        .route(
            "/v1/admin/federation/peers/{server_name}/resume",
            post(resume),
        )
        .route(
            "/v1/admin/federation/peers/{server_name}/retry",
            post(retry),
        )
        .route(
            "/v1/admin/federation/peers/{server_name}/confirm-key",
            post(confirm_key),
        )
        .route("/v1/admin/federation/rejected", get(rejected))
}

async fn identity(State(app): State<App>, caller: Caller) -> Result<Data<IdentityView>> {
    caller.require(Permission::FederationManage)?;
    Ok(Data(app.federation().identity(&caller.tenant).await?))
}

async fn policy(State(app): State<App>, caller: Caller) -> Result<Data<Policy>> {
    caller.require(Permission::FederationManage)?;
    let policy = app.federation().policies().get(&caller.tenant).await?;
    Ok(Data(Policy::clone(&policy)))
}

async fn change_policy(
    State(app): State<App>,
    caller: Caller,
    Body(change): Body<PolicyChange>,
) -> Result<Committed<Data<Policy>>> {
    caller.require(Permission::FederationManage)?;
    let changed = app
        .federation()
        .change_policy(&caller.tenant, change)
        .await?;
    Ok(changed.map(|policy| Data(Policy::clone(&policy))))
}

async fn peers(
    State(app): State<App>,
    caller: Caller,
    page: CursorPage,
) -> Result<DataMeta<Vec<PeerView>, Next>> {
    caller.require(Permission::FederationManage)?;
    let after: String = page.key()?.unwrap_or_default();
    let mut rows = app
        .federation()
        .peer_views(&caller.tenant, &after, page.fetch())
        .await?;
    let next = Next::of(&mut rows, page.limit, |peer| peer.server_name().clone());
    Ok(DataMeta(rows, next))
}

async fn rejected(
    State(app): State<App>,
    caller: Caller,
    page: CursorPage,
) -> Result<DataMeta<Vec<RejectedView>, Next>> {
    caller.require(Permission::FederationManage)?;
    let mut rows = app
        .federation()
        .rejected(&caller.tenant, page.key()?, page.fetch())
        .await?;
    let next = Next::of(&mut rows, page.limit, |row| row.id().to_owned());
    Ok(DataMeta(rows, next))
}

async fn pause(
    app: State<App>,
    caller: Caller,
    name: Path<String>,
) -> Result<Committed<Data<PeerView>>> {
    act(app, caller, name, PeerAction::Pause).await
}

async fn resume(
    app: State<App>,
    caller: Caller,
    name: Path<String>,
) -> Result<Committed<Data<PeerView>>> {
    act(app, caller, name, PeerAction::Resume).await
}

async fn retry(
    app: State<App>,
    caller: Caller,
    name: Path<String>,
) -> Result<Committed<Data<PeerView>>> {
    act(app, caller, name, PeerAction::Retry).await
}

async fn act(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    action: PeerAction,
) -> Result<Committed<Data<PeerView>>> {
    caller.require(Permission::FederationManage)?;
    let done = app
        .federation()
        .act_on_peer(&caller.tenant, &read_name(&name)?, action)
        .await?;
    Ok(done.map(Data))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct ConfirmRequest {
    key_id: KeyId,
}

async fn confirm_key(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Body(request): Body<ConfirmRequest>,
) -> Result<Committed<Data<PeerView>>> {
    caller.require(Permission::FederationManage)?;
    let done = app
        .federation()
        .confirm_peer_key(&caller.tenant, &read_name(&name)?, request.key_id)
        .await?;
    Ok(done.map(Data))
}

/// A malformed name is that of no peer.
fn read_name(name: &str) -> Result<ServerName> {
    name.parse().map_err(|_| Error::new(Code::NotFound))
}
