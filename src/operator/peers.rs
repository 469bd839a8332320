//! Other servers, as the operator sees them and what can be done about them.

use serde::{Deserialize, Serialize};

use super::users::tenant;
use crate::app::App;
use crate::error::{Error, Reason, Result};
use crate::events::core::names::NameError;
use crate::events::core::sign::KeyId;
use crate::federation::admin::{PeerAction, PeerView};
use crate::federation::check::Report;
use crate::federation::error::FederationError;

/// How many servers are read at a time.
const PAGE: i64 = 200;

/// Whose peers are listed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListPeers {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
}

/// Something to be done about another server.
#[derive(Debug, Serialize, Deserialize)]
pub struct OnPeer {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// The other server; also an address, where one is listed.
    pub server_name: String,
    /// What.
    pub action: Action,
}

/// What can be done about another server.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Send nothing until resumed.
    Pause,
    /// Send again.
    Resume,
    /// End all waiting.
    Retry,
    /// Believe the key that it shows now, if that is this one.
    ConfirmKey(KeyId),
}

/// A server to be looked at.
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckServer {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// Its name; without one, the tenant's own.
    pub server_name: Option<String>,
}

/// Looks at a server as a stranger would.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` for what is no name; the database's.
pub async fn check(app: &App, command: CheckServer) -> Result<Report> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let name = match command.server_name {
        None => tenant.server_name().clone(),
        Some(name) => name.parse().map_err(|error: NameError| {
            Error::validation("body.server_name", Reason::Format, error.to_string())
        })?,
    };
    Ok(app.federation().check(&tenant, &name).await?)
}

/// All other servers that a tenant knows, by name.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the database's.
pub async fn list(app: &App, command: ListPeers) -> Result<Vec<PeerView>> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let mut found: Vec<PeerView> = Vec::new();
    loop {
        let after = found.last().map(|peer| peer.server_name().to_string());
        let after = after.unwrap_or_default();
        let page = app.federation().peer_views(&tenant, &after, PAGE).await?;
        if page.is_empty() {
            return Ok(found);
        }
        found.extend(page);
    }
}

/// Does something about another server.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_NOT_FOUND`; for a key 422 `SW_VALIDATION_ERROR` (another one is shown), 403
/// `SW_FED_PEER_UNKNOWN`, `SW_FED_REFUSED`, 503 `SW_SERVICE_UNAVAILABLE`.
pub async fn act(app: &App, command: OnPeer) -> Result<PeerView> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let federation = app.federation();
    // A malformed name is that of no peer.
    let name = &command
        .server_name
        .parse()
        .map_err(|_| Error::from(FederationError::NoSuchPeer))?;
    let action = match command.action {
        Action::ConfirmKey(key_id) => {
            let confirmed = federation.confirm_peer_key(&tenant, name, key_id).await?;
            return Ok(confirmed.into_inner());
        }
        Action::Pause => PeerAction::Pause,
        Action::Resume => PeerAction::Resume,
        Action::Retry => PeerAction::Retry,
    };
    let done = federation.act_on_peer(&tenant, name, action).await?;
    Ok(done.into_inner())
}
