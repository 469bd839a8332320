//! `/v1/admin/groups`: groups that administrators make, beside those of an identity provider.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;

use crate::app::App;
use crate::auth::roles::Permission;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::ParticipantId;
use crate::groups::admin::{self, Change, MOST_MEMBERS};
use crate::groups::model::{AdminGroup, GroupId};
use crate::groups::store;
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta, Done, ok};
use crate::http::json::Body;
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::participants::rules;

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ListQuery {
    q: Option<String>,
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<AdminGroup>, Total>> {
    caller.require(Permission::UsersManage)?;
    let (tenant, q) = (&caller.tenant, query.q.as_deref());
    let (groups, total) = store::list(tenant, app.db(), q, page.limit, page.offset).await?;
    let mut shown = Vec::with_capacity(groups.len());
    for group in groups {
        shown.extend(store::for_admins(tenant, app.db().reader(), group.id, MOST_MEMBERS).await?);
    }
    Ok(DataMeta(shown, Total { total }))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct CreateGroup {
    #[garde(custom(rules::display_name))]
    name: String,
    #[serde(default)]
    #[garde(length(max = MOST_MEMBERS))]
    member_ids: Vec<ParticipantId>,
}

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(request): Body<CreateGroup>,
) -> Result<Committed<Data<AdminGroup>>> {
    caller.require(Permission::UsersManage)?;
    let CreateGroup { name, member_ids } = request;
    let made = admin::create(&app, &caller.tenant, name, member_ids).await?;
    Ok(made.map(Data))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct ChangeGroup {
    #[garde(custom(rules::display_name_if_any))]
    name: Option<String>,
    #[garde(inner(length(max = MOST_MEMBERS)))]
    member_ids: Option<Vec<ParticipantId>>,
}

pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<GroupId>>,
    Body(request): Body<ChangeGroup>,
) -> Result<Committed<Data<AdminGroup>>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let change = Change {
        name: request.name,
        member_ids: request.member_ids,
    };
    let changed = admin::change(&app, &caller.tenant, id, change).await?;
    Ok(changed.map(Data))
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<GroupId>>,
) -> Result<Committed<Data<Done>>> {
    caller.require(Permission::UsersManage)?;
    let id = id.or(Code::NotFound)?;
    let removed = admin::remove(&app, &caller.tenant, id).await?;
    Ok(removed.map(|()| ok()))
}
