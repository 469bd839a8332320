//! The doors that need no token: `/v1/auth/config`, `login`, `token`, `refresh`, `signup`.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::Accounts;
use crate::auth::accounts::NewAccount;
use crate::auth::error::{AccountError, AuthError};
use crate::auth::password::{self, Password};
use crate::auth::provider::{Metadata, Provider};
use crate::auth::provider_sign_in::{Code, Exchange, SignedIn};
use crate::auth::roles::Roles;
use crate::auth::sign_in::{Tokens, Tries};
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::names::LocalId;
use crate::http::caller::Visitor;
use crate::http::envelope::Data;
use crate::http::form::JsonOrForm;
use crate::http::limits::Bucket;
use crate::http::meter::Meter;
use crate::http::query::Query;
use crate::participants::{announce, rules};
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
    let provider = app.auth().provider.as_ref();
    // A provider that is silent leaves its addresses out.
    let metadata = match provider {
        Some(provider) => provider.metadata(app.now()).await.ok(),
        None => None,
    };
    let set_issuer = provider.and_then(Provider::set_issuer);
    let said = |part: fn(&Metadata) -> &String| metadata.as_ref().map(|said| part(said).clone());
    Ok(Data(ConfigView {
        issuer: said(|said| &said.issuer).or(set_issuer.map(str::to_owned)),
        authorization_endpoint: said(|said| &said.authorization_endpoint),
        token_endpoint: said(|said| &said.token_endpoint),
        jwks_uri: said(|said| &said.jwks_uri),
        scopes_supported: ["openid", "profile", "email"],
        redirect_uri: redirect_uri(&app),
        client_id: provider.map(|provider| provider.client_id().to_owned()),
        mode: app.auth().mode.as_str(),
        password_grant_enabled: Accounts::of(&app).takes_passwords(&tenant),
        signup_enabled: may_sign_up(&app, &tenant),
        server_name: tenant.server_name().to_string(),
    }))
}

fn redirect_uri(app: &App) -> String {
    let public = app.config().public_url.as_str().trim_end_matches('/');
    format!("{public}{REDIRECT_PATH}")
}

fn may_sign_up(app: &App, tenant: &Tenant) -> bool {
    app.auth().mode.has_local_accounts() && tenant.feature("auth.signup_enabled")
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct LoginQuery {
    #[garde(length(bytes, max = 8192))]
    code: Option<String>,
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct LoginRequest {
    #[garde(length(bytes, max = 8192))]
    code: Option<String>,
    redirect_uri: String,
    #[garde(length(bytes, max = 8192))]
    code_verifier: Option<String>,
    #[garde(custom(rules::device_name))]
    device_name: Option<String>,
}

pub(super) async fn login(
    State(app): State<App>,
    visitor: Visitor,
    Query(query): Query<LoginQuery>,
    JsonOrForm(request): JsonOrForm<LoginRequest>,
) -> Result<Committed<Data<Tokens>>> {
    let code = request.code.or(query.code);
    let code = code.ok_or_else(|| missing("body.code"))?;
    let expected = redirect_uri(&app);
    if request.redirect_uri != expected {
        return Err(AuthError::RedirectMismatch.into());
    }
    let code = Code {
        code: &code,
        redirect_uri: &expected,
        verifier: request.code_verifier.as_deref(),
    };
    let device = visitor.device(request.device_name);
    let accept = |tenant: &Tenant| visitor.insist_on(&app, tenant);
    let signed_in = Accounts::of(&app)
        .with_code(app.tenants(), code, &device, accept)
        .await?;
    Ok(announced(&app, signed_in).await)
}

/// The tokens to answer with. Others learn, where it is so, that somebody has another name or picture now.
async fn announced(app: &App, signed_in: Committed<SignedIn>) -> Committed<Data<Tokens>> {
    if let Some((tenant, id)) = &signed_in.get().changed {
        announce::changed(app, tenant, *id).await;
    }
    signed_in.map(|signed_in| Data(signed_in.tokens))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct TokenRequest {
    grant_type: Grant,
    username: Option<String>,
    password: Option<Password>,
    subject_token: Option<String>,
    subject_token_type: Option<String>,
    audience: Option<String>,
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
            let token = request.subject_token;
            let token = token.ok_or_else(|| missing("body.subject_token"))?;
            let token_type = request.subject_token_type;
            let token_type = token_type.ok_or_else(|| missing("body.subject_token_type"))?;
            let exchange = Exchange {
                token: &token,
                token_type: &token_type,
                audience: request.audience.as_deref(),
            };
            let accounts = Accounts::of(&app);
            let tokens = accounts.exchange(app.tenants(), exchange).await?;
            // Nothing was written here that could be lost.
            Ok(Committed::already(Data(tokens)))
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
    let accounts = Accounts::of(app);
    if !accounts.takes_passwords(&tenant) {
        return Err(AuthError::SwitchedOff.into());
    }
    let claimed = accounts.claim(&tenant, &username).await?;
    slow_down(app, &visitor.meter, claimed.tries())?;
    let device = visitor.device(request.device_name);
    let pair = (username.as_str(), &password);
    let signed_in = accounts
        .with_any_password(app.tenants(), &tenant, claimed, pair, &device)
        .await?;
    Ok(announced(app, signed_in).await)
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
    visitor: Visitor,
    JsonOrForm(request): JsonOrForm<RefreshRequest>,
) -> Result<Committed<Data<Tokens>>> {
    let device = visitor.device(None);
    let signed_in = Accounts::of(&app)
        .go_on(app.tenants(), &request.refresh_token, &device)
        .await?;
    Ok(announced(&app, signed_in).await)
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
        avatar_url: None,
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
