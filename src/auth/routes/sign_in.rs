//! The doors that need no token: `/v1/auth/config`, `login`, `token`, `refresh`, `signup`.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Accounts;
use crate::auth::accounts::NewAccount;
use crate::auth::error::{AccountError, AuthError};
use crate::auth::password::{self, Password};
use crate::auth::roles::Roles;
use crate::auth::sign_in::{Tokens, Tries};
use crate::config::AuthMode;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::names::LocalId;
use crate::http::caller::Visitor;
use crate::http::envelope::Data;
use crate::http::form::JsonOrForm;
use crate::http::limits::Bucket;
use crate::http::meter::Meter;
use crate::http::query::Query;
use crate::participants::rules;
use crate::tenants::{Tenant, TenantState};

/// The path that browsers return to from a provider.
const REDIRECT_PATH: &str = "/v1/auth/login";

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ConfigQuery {
    tenant: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ConfigView {
    issuer: Option<String>,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    jwks_uri: Option<String>,
    scopes_supported: [&'static str; 3],
    redirect_uri: String,
    client_id: Option<String>,
    mode: &'static str,
    password_grant_enabled: bool,
    signup_enabled: bool,
    server_name: String,
}

pub(super) async fn config(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<ConfigQuery>,
) -> Result<Data<ConfigView>> {
    let tenant = visitor.tenant(&app, query.tenant.as_deref())?;
    let mode = app.auth().mode;
    Ok(Data(ConfigView {
        issuer: None,
        authorization_endpoint: None,
        token_endpoint: None,
        jwks_uri: None,
        scopes_supported: ["openid", "profile", "email"],
        redirect_uri: redirect_uri(&app),
        client_id: None,
        mode: match mode {
            AuthMode::Local => "local",
            AuthMode::Mock => "mock",
        },
        password_grant_enabled: mode == AuthMode::Local,
        signup_enabled: may_sign_up(&app, &tenant),
        server_name: tenant.server_name().to_string(),
    }))
}

fn redirect_uri(app: &App) -> String {
    let public = app.config().public_url.as_str().trim_end_matches('/');
    format!("{public}{REDIRECT_PATH}")
}

fn may_sign_up(app: &App, tenant: &Tenant) -> bool {
    app.auth().mode == AuthMode::Local && tenant.feature("auth.signup_enabled")
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct LoginQuery {
    code: Option<String>,
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct LoginRequest {
    code: Option<String>,
    redirect_uri: String,
}

/// No mode of this server has a provider, so that no code can be right.
pub(super) async fn login(
    State(app): State<App>,
    _: Visitor,
    Query(query): Query<LoginQuery>,
    JsonOrForm(request): JsonOrForm<LoginRequest>,
) -> Result<Data<Tokens>> {
    if request.code.or(query.code).is_none() {
        return Err(missing("body.code"));
    }
    if request.redirect_uri != redirect_uri(&app) {
        return Err(AuthError::RedirectMismatch.into());
    }
    Err(AuthError::NoProvider.into())
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct TokenRequest {
    grant_type: Grant,
    username: Option<String>,
    password: Option<Password>,
    subject_token: Option<String>,
    subject_token_type: Option<String>,
    tenant: Option<String>,
    #[garde(custom(rules::device_name))]
    device_name: Option<String>,
}

/// How somebody proves who he is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
enum Grant {
    #[serde(rename = "password")]
    Password,
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

pub(super) async fn token(
    State(app): State<App>,
    visitor: Visitor,
    JsonOrForm(request): JsonOrForm<TokenRequest>,
) -> Result<Committed<Data<Tokens>>> {
    match request.grant_type {
        Grant::Password => with_password(&app, &visitor, request).await,
        Grant::TokenExchange => {
            request
                .subject_token
                .ok_or_else(|| missing("body.subject_token"))?;
            request
                .subject_token_type
                .ok_or_else(|| missing("body.subject_token_type"))?;
            Err(AuthError::SwitchedOff.into())
        }
    }
}

async fn with_password(
    app: &App,
    visitor: &Visitor,
    request: TokenRequest,
) -> Result<Committed<Data<Tokens>>> {
    let username = request.username.ok_or_else(|| missing("body.username"))?;
    let password = request.password.ok_or_else(|| missing("body.password"))?;
    let tenant = active_tenant(app, visitor, request.tenant.as_deref())?;
    if app.auth().mode != AuthMode::Local {
        return Err(AuthError::SwitchedOff.into());
    }
    let accounts = Accounts::of(app);
    let claimed = accounts.claim(&tenant, &username).await?;
    slow_down(app, &visitor.meter, claimed.tries())?;
    let device = visitor.device(request.device_name);
    let tokens = accounts
        .with_password(&tenant, claimed, &password, &device)
        .await?;
    Ok(tokens.map(Data))
}

/// Counts a try of an account's password, and refuses one that comes too early.
pub(super) fn slow_down(app: &App, meter: &Meter, tries: &Tries) -> Result<()> {
    meter.charge(Bucket::Logins, tries.as_str(), None)?;
    app.auth()
        .backoff
        .check(tries.as_str(), app.clock().now_ms())
}

fn active_tenant(app: &App, visitor: &Visitor, slug: Option<&str>) -> Result<Tenant> {
    let tenant = visitor.tenant(app, slug)?;
    match tenant.state() {
        TenantState::Active => Ok(tenant),
        TenantState::Suspended => Err(AuthError::TenantSuspended.into()),
    }
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct RefreshRequest {
    refresh_token: String,
}

pub(super) async fn refresh(
    State(app): State<App>,
    _: Visitor,
    JsonOrForm(request): JsonOrForm<RefreshRequest>,
) -> Result<Committed<Data<Tokens>>> {
    let tokens = Accounts::of(&app)
        .refresh(app.tenants(), &request.refresh_token)
        .await?;
    Ok(tokens.map(Data))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct SignUpRequest {
    username: LocalId,
    #[garde(custom(password::good))]
    password: Password,
    #[garde(custom(rules::display_name_if_any))]
    display_name: Option<String>,
    #[garde(custom(rules::email_if_any))]
    email: Option<String>,
    tenant: Option<String>,
    #[garde(custom(rules::device_name))]
    device_name: Option<String>,
}

pub(super) async fn sign_up(
    State(app): State<App>,
    visitor: Visitor,
    JsonOrForm(request): JsonOrForm<SignUpRequest>,
) -> Result<Committed<Data<Tokens>>> {
    let tenant = active_tenant(&app, &visitor, request.tenant.as_deref())?;
    if !may_sign_up(&app, &tenant) {
        return Err(AuthError::SwitchedOff.into());
    }
    let hash = app
        .auth()
        .passwords
        .hash(&request.password)
        .await
        .map_err(AuthError::from)?;
    let new = NewAccount {
        local_id: &request.username,
        display_name: request
            .display_name
            .as_deref()
            .unwrap_or(request.username.as_str()),
        email: request.email.as_deref(),
        password_hash: Some(&hash),
        roles: Roles::default(),
    };
    let device = visitor.device(request.device_name);
    let tokens = Accounts::of(&app)
        .sign_up(&tenant, &new, &device)
        .await
        .map_err(name_the_field)?;
    Ok(tokens.map(Data))
}

/// Where a sign-up has the name is called `username`.
fn name_the_field(error: AuthError) -> AuthError {
    match error {
        AuthError::Account(AccountError::NameTaken) => AccountError::UsernameTaken.into(),
        other => other,
    }
}

fn missing(path: &'static str) -> Error {
    Error::validation(path, Reason::Missing, "is required")
}
