//! Lists of rooms.

use axum::extract::State;

use super::viewer;
use crate::app::App;
use crate::error::Result;
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::paging::{OffsetPage, Total};
use crate::http::path::Path;
use crate::http::query::Query;
use crate::rooms::alias::{self, Named};
use crate::rooms::core::content::{Lifecycle, Membership};
use crate::rooms::model::{DirectoryQuery, Room};
use crate::rooms::present;
use crate::rooms::store::rooms::{self, Filter};
use crate::workspaces;

pub(super) async fn rooms(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<DirectoryQuery>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<Room>, Total>> {
    let filter = Filter {
        q: query.q.as_deref(),
        room_type: query.room_type.map(|room_type| room_type.as_str()),
        membership: query.membership.map(Membership::as_str),
        state: query.state.unwrap_or(Lifecycle::Open).as_str(),
        with_left: query.membership == Some(Membership::Leave),
        with_public: true,
        workspace: query.workspace_id.map(|wanted| {
            let own = workspaces::personal_id(&caller.tenant, caller.participant_id);
            (wanted, own)
        }),
        roles: caller.roles.slugs().collect(),
    };
    listed(&app, &caller, &filter, page).await
}

pub(super) async fn by_alias(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<Data<Named>> {
    Ok(Data(alias::find(&app, &caller, &name).await?))
}

pub(super) async fn archived(
    State(app): State<App>,
    caller: Caller,
    page: OffsetPage,
) -> Result<DataMeta<Vec<Room>, Total>> {
    let filter = Filter {
        state: Lifecycle::Archived.as_str(),
        with_left: true,
        ..Filter::default()
    };
    listed(&app, &caller, &filter, page).await
}

async fn listed(
    app: &App,
    caller: &Caller,
    filter: &Filter<'_>,
    page: OffsetPage,
) -> Result<DataMeta<Vec<Room>, Total>> {
    let (rows, total) = rooms::list(
        &caller.tenant,
        app.db(),
        caller.participant_id,
        filter,
        page.limit,
        page.offset,
    )
    .await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        shown.push(present::room(viewer(app, caller), row).await?);
    }
    Ok(DataMeta(shown, Total { total }))
}
