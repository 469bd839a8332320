//! Every route of the server. The layers that all of them share stand in [`crate::http::layers`].

use std::sync::{Arc, LazyLock};

use axum::{Extension, Router};
use serde_json::Value;

use super::{App, condition};
use crate::auth;
use crate::federation;
use crate::http::api::published::{self, Published};
use crate::http::api::{Routes, document};
use crate::http::layers::Layers;
use crate::http::operations;
use crate::{
    groups, media, messages, notifications, participants, preferences, presence, rooms, sync,
};

/// The API's description, the same for every server of the process.
static PUBLISHED: LazyLock<Published> = LazyLock::new(|| Published::of(&description()));

/// The server's router.
pub fn router(app: &App) -> Router {
    let operations = operations::health(condition::health(app));
    let operations = match app.config().metrics_bind {
        None => operations.merge(metrics(app)),
        // They have a listener of their own then.
        Some(_) => operations,
    };
    let about = published::routes().into_router();
    let timed = for_clients()
        .into_router()
        .merge(about.layer(Extension(PUBLISHED.clone())))
        .merge(for_servers(app))
        .with_state(app.clone())
        .merge(operations);
    let waiting = waiting().into_router().with_state(app.clone());
    Layers::new(
        app.config(),
        Arc::clone(app.limits()),
        app.clock().clone(),
        Arc::clone(app.metrics()),
    )
    .around(timed, waiting)
}

/// The description of the API for clients: OpenAPI 3.1.
fn description() -> Value {
    let all = for_clients().merge(waiting()).merge(published::routes());
    document::of(all.documented())
}

/// `/metrics` alone, for a listener of its own.
pub fn metrics(app: &App) -> Router {
    let shared = app.clone();
    operations::metrics(Arc::clone(app.metrics()), move || {
        let app = shared.clone();
        async move { condition::measure(&app).await }
    })
}

/// Clients' routes that have to answer within the request timeout.
fn for_clients() -> Routes<App> {
    Routes::new()
        .merge(auth::routes::routes())
        .merge(participants::routes::routes())
        .merge(groups::routes::routes())
        .merge(rooms::routes::routes())
        .merge(media::routes::routes())
        .merge(messages::routes::routes())
        .merge(presence::routes::routes())
        .merge(preferences::routes::routes())
        .merge(notifications::routes::routes())
        .merge(federation::routes::admin::routes())
        .merge(federation::routes::rooms::routes())
}

/// Other servers' routes.
fn for_servers(app: &App) -> Router<App> {
    Router::new()
        .merge(federation::routes::router())
        .merge(federation::exchange::routes(app.federation().clone()))
}

/// Long polls and sockets, uploads and downloads.
fn waiting() -> Routes<App> {
    Routes::new()
        .merge(sync::routes::routes())
        .merge(media::routes::streaming())
}

#[cfg(test)]
#[path = "router_tests.rs"]
mod tests;
