//! Accounts, as the operator makes, lists and changes them. The operator may do what no admin may: make the first account, and change
//! those of super admins.

use garde::Validate;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::app::App;
use crate::auth::password::{self, Password};
use crate::auth::roles::Role;
use crate::auth::user::{
    Authority, CreatedUser, NewPassword, NewUser, UserChange, UserState, UserView, Wanted,
};
use crate::auth::{Accounts, users};
use crate::db::Db;
use crate::error::{Error, Result};
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, LocalId};
use crate::http::fields;
use crate::participants::rules;
use crate::tenants::{Tenant, TenantError, Tenants};

/// How many accounts are read at a time.
const PAGE: i64 = 200;

/// An account to make.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct CreateUser {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// The name in the tenant, for ever.
    pub local_id: LocalId,
    /// The name to show.
    #[garde(custom(rules::display_name))]
    pub display_name: String,
    /// The address.
    #[garde(custom(rules::email_if_any))]
    pub email: Option<String>,
    /// The password; without one a one-time password is made.
    #[serde(serialize_with = "in_the_clear")]
    #[garde(custom(password::good_if_any))]
    pub password: Option<Password>,
    /// Roles beside those that a first account gets.
    pub roles: Vec<Role>,
}

/// A password to replace.
#[derive(Debug, Serialize, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub struct ResetPassword {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// Whose.
    pub local_id: LocalId,
    /// The new password; without one a one-time password is made.
    #[serde(serialize_with = "in_the_clear")]
    #[garde(custom(password::good_if_any))]
    pub password: Option<Password>,
}

/// An account to suspend.
#[derive(Debug, Serialize, Deserialize)]
pub struct SuspendUser {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// Whose.
    pub local_id: LocalId,
}

/// Roles to give.
#[derive(Debug, Serialize, Deserialize)]
pub struct SetRoles {
    /// Slug of the tenant; without one, the first tenant.
    pub tenant: Option<String>,
    /// Whose.
    pub local_id: LocalId,
    /// These and no others, beside those that an identity provider gives.
    pub roles: Vec<Role>,
}

/// Passwords pass the control socket, which only the owner of the data folder can open, and nothing else.
#[expect(clippy::ref_option, reason = "the form that serde asks for")]
fn in_the_clear<S: Serializer>(password: &Option<Password>, to: S) -> Result<S::Ok, S::Error> {
    password.as_ref().map(Password::reveal).serialize(to)
}

/// Makes an account. The first one of a tenant becomes its admin, the very first one the server's.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, 409 `SW_TENANT_CAPACITY`, 422 `SW_VALIDATION_ERROR` (also: name or address taken).
pub async fn create(app: &App, command: CreateUser) -> Result<CreatedUser> {
    fields::validate(&command, "body")?;
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let new = NewUser {
        local_id: command.local_id,
        display_name: command.display_name,
        email: command.email,
        password: command.password,
        roles: command.roles.into_iter().collect(),
    };
    let accounts = Accounts::of(app);
    let created = accounts
        .create_user(operator(app, &tenant), &tenant, new)
        .await?;
    Ok(created.into_inner())
}

/// Replaces a password and ends the account's sessions.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_NOT_FOUND`; 422 `SW_VALIDATION_ERROR`.
pub async fn reset_password(app: &App, command: ResetPassword) -> Result<NewPassword> {
    fields::validate(&command, "body")?;
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let id = id(&tenant, command.local_id);
    let accounts = Accounts::of(app);
    let by = operator(app, &tenant);
    let reset = accounts
        .reset_password(by, &tenant, id, command.password)
        .await?;
    Ok(reset.into_inner())
}

/// Suspends an account and ends its sessions.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` for the last tenant admin.
pub async fn suspend(app: &App, command: SuspendUser) -> Result<UserView> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let change = UserChange {
        state: Some(UserState::Suspended),
        ..UserChange::default()
    };
    let id = id(&tenant, command.local_id);
    let accounts = Accounts::of(app);
    let changed = accounts
        .change_user(operator(app, &tenant), &tenant, id, &change)
        .await?;
    Ok(changed.into_inner())
}

/// Gives an account exactly these roles.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`, `SW_NOT_FOUND`; 422 `SW_VALIDATION_ERROR` for the last tenant admin.
pub async fn set_roles(app: &App, command: SetRoles) -> Result<UserView> {
    let tenant = tenant(app.tenants(), command.tenant.as_deref())?;
    let id = id(&tenant, command.local_id);
    let roles = command.roles.into_iter().collect();
    let accounts = Accounts::of(app);
    let changed = accounts
        .set_roles(operator(app, &tenant), &tenant, id, &roles)
        .await?;
    Ok(changed.into_inner())
}

/// All accounts of a tenant in the order of their names, as JSON.
///
/// # Errors
/// 404 `SW_TENANT_NOT_FOUND`; the database's.
pub async fn list(db: &Db, slug: Option<&str>) -> Result<Vec<Value>> {
    let tenant = tenant(&Tenants::load(db).await?, slug)?;
    let mut found = Vec::new();
    let mut offset = 0;
    loop {
        let wanted = Wanted {
            q: None,
            state: None,
            limit: PAGE,
            offset,
        };
        let (page, total) = users::list(&tenant, db, &wanted).await?;
        for user in page {
            found.push(super::answer(user)?);
        }
        offset += PAGE;
        if offset >= total {
            return Ok(found);
        }
    }
}

/// The tenant with this slug, or the first one.
pub(super) fn tenant(tenants: &Tenants, slug: Option<&str>) -> Result<Tenant> {
    let tenant = match slug {
        Some(slug) => tenants.by_slug(slug),
        None => tenants.first(),
    };
    tenant.ok_or_else(|| Error::from(TenantError::NotFound))
}

fn operator(app: &App, tenant: &Tenant) -> Authority<'static> {
    let first = app.tenants().first();
    Authority::Operator {
        is_first_tenant: first.is_some_and(|first| first.key() == tenant.key()),
    }
}

fn id(tenant: &Tenant, local_id: LocalId) -> ParticipantId {
    ParticipantId::derive(&Fqid::new(local_id, tenant.server_name().clone()))
}
