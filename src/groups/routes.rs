//! The HTTP side of groups.

mod admin;

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;

use super::error::GroupError;
use super::model::{GroupId, GroupView};
use super::store;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::http::api::{Routes, get, put};
use crate::http::caller::Caller;
use crate::http::envelope::DataMeta;
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::participants::{self, Participant};

/// The routes of this domain.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/directory/groups", get(list))
        .route("/v1/directory/groups/{group_id}/members", get(members))
        .route("/v1/admin/groups", get(admin::list).post(admin::create))
        .route(
            "/v1/admin/groups/{group_id}",
            put(admin::change).delete(admin::remove),
        )
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct ListQuery {
    q: Option<String>,
}

async fn list(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<ListQuery>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<GroupView>, Total>> {
    let (tenant, q) = (&caller.tenant, query.q.as_deref());
    let (groups, total) = store::list(tenant, app.db(), q, page.limit, page.offset).await?;
    Ok(DataMeta(groups, Total { total }))
}

async fn members(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<PathId<GroupId>>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<Participant>, Total>> {
    let (tenant, id) = (&caller.tenant, id.or(Code::NotFound)?);
    if !store::exists(tenant, app.db(), id).await? {
        return Err(GroupError::NotFound.into());
    }
    let (ids, total) = store::members(tenant, app.db(), id, page.limit, page.offset).await?;
    let mut people = participants::store::get_many(tenant, app.db(), &ids).await?;
    let members = ids.iter().filter_map(|id| people.remove(id));
    Ok(DataMeta(members.collect(), Total { total }))
}
