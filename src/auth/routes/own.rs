//! What people do with their own account, sessions and tokens.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::sign_in::slow_down;
use crate::app::App;
use crate::auth::Accounts;
use crate::auth::own::{Revoked, ScriptTokenView, SessionView};
use crate::auth::password::{self, Password};
use crate::catalogue::Code;
use crate::clock::parse_iso;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::{ParticipantId, TenantId};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, Done, ok};
use crate::http::json::Body;
use crate::http::meter::Meter;
use crate::http::path::{Path, PathId};
use crate::participants;
use crate::workspaces::{self, WorkspaceId};

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Registered {
    participant_id: ParticipantId,
    tenant_id: TenantId,
    display_name: String,
    local_id: String,
    personal_workspace_id: WorkspaceId,
}

/// Whoever has a token has an account: it was made with the account, or by the first request.
pub(super) async fn register(State(app): State<App>, caller: Caller) -> Result<Data<Registered>> {
    let Caller {
        tenant,
        participant_id,
        ..
    } = &caller;
    let participant = participants::store::get(tenant, app.db().reader(), *participant_id)
        .await?
        .ok_or(Error::new(Code::NotFound))?;
    Ok(Data(Registered {
        participant_id: participant.id,
        tenant_id: tenant.id(),
        display_name: participant.display_name,
        local_id: participant.fqid.local_id().to_string(),
        personal_workspace_id: workspaces::personal_id(tenant, *participant_id),
    }))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct LogOutRequest {
    #[serde(default)]
    all: bool,
}

pub(super) async fn log_out(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<LogOutRequest>,
) -> Result<Committed<Data<Revoked>>> {
    Ok(Accounts::of(&app)
        .log_out(&caller, request.all)
        .await?
        .map(Data))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct PasswordRequest {
    current_password: Password,
    #[garde(custom(password::good))]
    new_password: Password,
}

pub(super) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    meter: Meter,
    Body(request): Body<PasswordRequest>,
) -> Result<Committed<Data<Done>>> {
    let accounts = Accounts::of(&app);
    slow_down(&app, &meter, &accounts.own_tries(&caller))?;
    let done = accounts
        .change_password(&caller, &request.current_password, &request.new_password)
        .await?;
    Ok(done.map(|()| ok()))
}

pub(super) async fn sessions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Data<Vec<SessionView>>> {
    Ok(Data(Accounts::of(&app).own_sessions(&caller).await?))
}

pub(super) async fn end_session(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<Uuid>>,
) -> Result<Committed<Data<Done>>> {
    let id = id.or(Code::NotFound)?;
    Ok(Accounts::of(&app)
        .end_own_session(&caller, id)
        .await?
        .map(|()| ok()))
}

pub(super) async fn end_other_sessions(
    State(app): State<App>,
    caller: Caller,
) -> Result<Committed<Data<Revoked>>> {
    Ok(Accounts::of(&app)
        .end_other_sessions(&caller)
        .await?
        .map(Data))
}

pub(super) async fn script_tokens(
    State(app): State<App>,
    caller: Caller,
) -> Result<Data<Vec<ScriptTokenView>>> {
    Ok(Data(Accounts::of(&app).own_script_tokens(&caller).await?))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ScriptTokenRequest {
    #[garde(length(chars, min = 1, max = 100))]
    name: String,
    expires_at: Option<String>,
}

pub(super) async fn make_script_token(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<ScriptTokenRequest>,
) -> Result<Committed<Data<ScriptTokenView>>> {
    let now = app.clock().now_ms();
    let expires_at = request
        .expires_at
        .map(|text| future_time(&text, now))
        .transpose()?;
    let token = Accounts::of(&app)
        .make_script_token(&caller, request.name, expires_at)
        .await?;
    Ok(token.map(Data))
}

fn future_time(text: &str, now: i64) -> Result<i64> {
    let refuse = |reason, message| Error::validation("body.expires_at", reason, message);
    let at = parse_iso(text).map_err(|error| refuse(Reason::Format, error.to_string()))?;
    if at > now {
        Ok(at)
    } else {
        Err(refuse(Reason::Range, "must be in the future".to_owned()))
    }
}

pub(super) async fn end_script_token(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<Uuid>>,
) -> Result<Committed<Data<Done>>> {
    let id = id.or(Code::NotFound)?;
    Ok(Accounts::of(&app)
        .end_script_token(&caller, id)
        .await?
        .map(|()| ok()))
}
