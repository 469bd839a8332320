//! The HTTP side of preferences.

use axum::extract::State;

use super::model::{NewPreferences, Preferences};
use super::own;
use crate::app::App;
use crate::db::Committed;
use crate::error::Result;
use crate::http::api::{Routes, get};
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;

/// The routes of this domain.
pub fn routes() -> Routes<App> {
    Routes::new().route("/v1/me/preferences", get(show).put(change))
}

async fn show(State(app): State<App>, caller: Caller) -> Result<Data<Preferences>> {
    Ok(Data(own::get(&app, &caller).await?))
}

async fn change(
    State(app): State<App>,
    caller: Caller,
    Body(change): Body<NewPreferences>,
) -> Result<Committed<Data<Preferences>>> {
    Ok(own::change(&app, &caller, &change).await?.map(Data))
}
