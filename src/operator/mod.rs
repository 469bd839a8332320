//! What the operator's commands change, wherever they run: in the running server, which gets them over its control socket, or in the
//! command itself when no server runs.
//!
//! Each command is a value ([`Request`]) that travels as JSON; [`perform`] does what it says through the domain that it concerns.

pub mod keys;
pub mod logs;
pub mod peers;
pub mod tenants;
pub mod users;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};

/// A command that changes data, or asks what only a server can tell.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub enum Request {
    /// Makes a tenant.
    CreateTenant(tenants::CreateTenant),
    /// Says what the identity provider calls a tenant.
    LinkTenant(tenants::LinkTenant),
    /// Makes an account.
    CreateUser(users::CreateUser),
    /// Replaces a password.
    ResetPassword(users::ResetPassword),
    /// Suspends an account.
    SuspendUser(users::SuspendUser),
    /// Gives an account roles.
    SetRoles(users::SetRoles),
    /// Makes a signing key.
    GenerateKey(keys::GenerateKey),
    /// Replaces a signing key.
    RotateKey(keys::RotateKey),
    /// Lists other servers.
    ListPeers(peers::ListPeers),
    /// Does something about another server.
    OnPeer(peers::OnPeer),
    /// Asks a room's host to let the tenant's log begin anew.
    RestartLog(logs::RestartLog),
    /// Lets a server begin its log of a room anew.
    AgreeToRestart(logs::AgreeToRestart),
    /// Looks at a server as a stranger would.
    CheckServer(peers::CheckServer),
}

/// Does what a command says, and tells the result.
///
/// # Errors
/// Those of the domain.
pub async fn perform(app: &App, request: Request) -> Result<Value> {
    match request {
        Request::CreateTenant(command) => answer(tenants::create(app, command).await?),
        Request::LinkTenant(command) => answer(tenants::link(app, command).await?),
        Request::CreateUser(command) => answer(users::create(app, command).await?),
        Request::ResetPassword(command) => answer(users::reset_password(app, command).await?),
        Request::SuspendUser(command) => answer(users::suspend(app, command).await?),
        Request::SetRoles(command) => answer(users::set_roles(app, command).await?),
        Request::GenerateKey(command) => answer(keys::generate(app, command).await?),
        Request::RotateKey(command) => answer(keys::rotate(app, command).await?),
        Request::ListPeers(command) => answer(peers::list(app, command).await?),
        Request::OnPeer(command) => answer(peers::act(app, command).await?),
        Request::RestartLog(command) => answer(logs::restart(app, command).await?),
        Request::AgreeToRestart(command) => answer(logs::agree(app, command).await?),
        Request::CheckServer(command) => answer(peers::check(app, command).await?),
    }
}

/// As [`perform`], for a command that came as JSON.
///
/// # Errors
/// Those of the domain; 422 `SW_VALIDATION_ERROR` for a command that this version does not know.
pub async fn perform_json(app: &App, request: Value) -> Result<Value> {
    let request: Request = serde_json::from_value(request).map_err(|error| {
        Error::new(Code::ValidationError)
            .message("The running server does not know this command: it may be of another version.")
            .source(error)
    })?;
    perform(app, request).await
}

fn answer(value: impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(|error| Error::new(Code::InternalError).source(error))
}
