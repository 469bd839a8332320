//! Every route of the server. The layers that all of them share stand in [`crate::http::layers`].

use std::sync::Arc;

use axum::Router;

use super::{App, condition};
use crate::auth;
use crate::federation;
use crate::http::layers::Layers;
use crate::http::operations;
use crate::{messages, participants, presence, rooms, sync};

/// The server's router.
pub fn router(app: &App) -> Router {
    let operations = operations::health(condition::health(app));
    let operations = match app.config().metrics_bind {
        None => operations.merge(metrics(app)),
        // They have a listener of their own then.
        Some(_) => operations,
    };
    let timed = timed(app).with_state(app.clone()).merge(operations);
    let waiting = waiting().with_state(app.clone());
    Layers::new(
        app.config(),
        Arc::clone(app.limits()),
        app.clock().clone(),
        Arc::clone(app.metrics()),
    )
    .around(timed, waiting)
}

/// `/metrics` alone, for a listener of its own.
pub fn metrics(app: &App) -> Router {
    let shared = app.clone();
    operations::metrics(Arc::clone(app.metrics()), move || {
        let app = shared.clone();
        async move { condition::measure(&app).await }
    })
}

/// Routes that have to answer within the request timeout.
fn timed(app: &App) -> Router<App> {
    Router::new()
        .merge(auth::routes::routes())
        .merge(participants::routes::routes())
        .merge(rooms::routes::routes())
        .merge(messages::routes::routes())
        .merge(presence::routes::routes())
        .merge(federation::routes::router())
        .merge(federation::routes::admin::routes())
        .merge(federation::routes::rooms::routes())
        .merge(federation::exchange::routes(app.federation().clone()))
}

/// Long polls and sockets.
fn waiting() -> Router<App> {
    sync::routes::routes()
}
