//! `GET /directory`: people whom a peer looks for, where an admin lets peers look.

use axum::extract::State;
use axum::response::Response;
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::reading::answer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::federation::signed::{Signed, SignedQuery};
use crate::participants;
use crate::rooms::profiles;

/// The query.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(super) struct Search {
    #[garde(length(chars, min = 1, max = 100))]
    q: String,
    #[garde(inner(range(min = 1, max = 50)))]
    limit: Option<i64>,
}

pub(super) async fn directory(
    State(app): State<App>,
    SignedQuery(asked): SignedQuery<Search>,
    request: Signed<()>,
) -> Result<Response> {
    let tenant = &request.tenant;
    let policy = app.federation().policies().get(tenant).await?;
    if !policy.open_directory {
        return Err(Error::new(Code::FedRefused).message("The directory is not open to peers."));
    }
    let key = app
        .keys()
        .current(tenant)
        .ok_or_else(|| Error::new(Code::InternalError).source("the tenant has no signing key"))?;
    let limit = asked.limit.unwrap_or(20);
    let found = participants::store::named_like(tenant, app.db(), &asked.q, limit).await?;
    let shown: Vec<Value> = found
        .iter()
        .filter_map(|person| profiles::signed(person, &key, app.now()))
        .collect();
    Ok(answer(json!({ "profiles": shown })))
}
