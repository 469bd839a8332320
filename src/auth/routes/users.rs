//! `/v1/admin/users`: the administration of accounts.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::auth::own::Revoked;
use crate::auth::password::{self, Password};
use crate::auth::roles::{Permission, Role, Roles};
use crate::auth::user::{
    Authority, CreatedUser, NewPassword, NewUser, UserChange, UserState, UserView, Wanted,
};
use crate::auth::{Accounts, users};
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::LocalId;
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::json::{Body, nullable};
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::participants::{announce, rules};
use crate::presence::State as Presence;

/// A user, and how present the person is to everybody.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ShownUser {
    #[serde(flatten)]
    user: UserView,
    presence: Presence,
}

/// A user who was just made.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct ShownNewUser {
    #[serde(flatten)]
    user: CreatedUser,
    presence: Presence,
}

fn shown(app: &App, caller: &Caller, user: UserView) -> ShownUser {
    let presence = presence(app, caller, &user);
    ShownUser { user, presence }
}

fn presence(app: &App, caller: &Caller, user: &UserView) -> Presence {
    let state = app.presence().state(&caller.tenant, user.id());
    state.to_public()
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ListQuery {
    q: Option<String>,
    state: Option<UserState>,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<ShownUser>, Total>> {
    caller.require(Permission::UsersManage)?;
    let wanted = Wanted {
        q: query.q.as_deref(),
        state: query.state,
        limit: page.limit,
        offset: page.offset,
    };
    let (users, total) = users::list(&caller.tenant, app.db(), &wanted).await?;
    let users = users.into_iter().map(|user| shown(&app, &caller, user));
    Ok(DataMeta(users.collect(), Total { total }))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct CreateRequest {
    local_id: LocalId,
    #[garde(custom(rules::display_name))]
    display_name: String,
    #[garde(custom(rules::email_if_any))]
    email: Option<String>,
    #[garde(custom(password::good_if_any))]
    password: Option<Password>,
    #[serde(default)]
    roles: Vec<Role>,
}

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<CreateRequest>,
) -> Result<Committed<Data<ShownNewUser>>> {
    caller.require(Permission::UsersManage)?;
    if !request.roles.is_empty() {
        caller.require(Permission::RolesManage)?;
    }
    let new = NewUser {
        local_id: request.local_id,
        display_name: request.display_name,
        email: request.email,
        password: request.password,
        roles: request.roles.into_iter().collect(),
    };
    let created = Accounts::of(&app)
        .create_user(Authority::Admin(&caller.roles), &caller.tenant, new)
        .await?;
    Ok(created.map(|user| {
        let presence = presence(&app, &caller, user.user());
        Data(ShownNewUser { user, presence })
    }))
}

type UserPath = Path<PathId<ParticipantId>>;

pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(id): UserPath,
) -> Result<Data<ShownUser>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let user = Accounts::of(&app).user(&caller.tenant, id).await?;
    Ok(Data(shown(&app, &caller, user)))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ChangeRequest {
    #[garde(custom(rules::display_name_if_any))]
    display_name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(rules::email_if_changed))]
    email: Option<Option<String>>,
    state: Option<UserState>,
}

pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): UserPath,
    Body(request): Body<ChangeRequest>,
) -> Result<Committed<Data<ShownUser>>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let change = UserChange {
        display_name: request.display_name,
        email: request.email,
        state: request.state,
    };
    let by = Authority::Admin(&caller.roles);
    let changed = Accounts::of(&app)
        .change_user(by, &caller.tenant, id, &change)
        .await?;
    announce::changed(&app, &caller.tenant, id).await;
    Ok(changed.map(|user| Data(shown(&app, &caller, user))))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct Nothing {}

pub(super) async fn reset_password(
    State(app): State<App>,
    caller: Caller,
    Path(id): UserPath,
    Body(_): Body<Nothing>,
) -> Result<Committed<Data<NewPassword>>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let by = Authority::Admin(&caller.roles);
    Ok(Accounts::of(&app)
        .reset_password(by, &caller.tenant, id, None)
        .await?
        .map(Data))
}

pub(super) async fn revoke_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(id): UserPath,
    Body(_): Body<Nothing>,
) -> Result<Committed<Data<Revoked>>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let by = Authority::Admin(&caller.roles);
    Ok(Accounts::of(&app)
        .revoke_sessions(by, &caller.tenant, id)
        .await?
        .map(Data))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct RolesRequest {
    roles: Vec<Role>,
}

pub(super) async fn set_roles(
    State(app): State<App>,
    caller: Caller,
    Path(id): UserPath,
    Body(request): Body<RolesRequest>,
) -> Result<Committed<Data<ShownUser>>> {
    caller.require(Permission::RolesManage)?;
    let id = id.or(Code::NotFound)?;
    let roles: Roles = request.roles.into_iter().collect();
    let by = Authority::Admin(&caller.roles);
    let changed = Accounts::of(&app)
        .set_roles(by, &caller.tenant, id, &roles)
        .await?;
    Ok(changed.map(|user| Data(shown(&app, &caller, user))))
}
