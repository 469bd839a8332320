//! Every route of the server, and the layers that all of them share.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};

use super::App;
use crate::http::{browser, client_address, fallback, meter, metrics, request_id, timeout};

/// The server's router. Layers run from the bottom up: request id outermost.
pub fn router(app: &App) -> Router {
    let config = app.config();
    let timed = Router::new().layer(from_fn_with_state(
        config.limits.request_timeout,
        timeout::limit,
    ));
    Router::new()
        .merge(timed)
        .fallback(fallback::no_such_path)
        .method_not_allowed_fallback(fallback::no_such_method)
        .layer(DefaultBodyLimit::max(config.limits.max_body))
        .layer(from_fn_with_state(
            (app.limits().clone(), app.clock().clone()),
            meter::headers,
        ))
        .layer(from_fn_with_state(app.metrics().clone(), metrics::count))
        .layer(from_fn(fallback::catch_panic))
        .layer(browser::cors(&config.cors_origins))
        .layer(from_fn_with_state(
            config.trusted_proxies.clone().into(),
            client_address::find,
        ))
        .layer(from_fn(request_id::attach))
        .with_state(app.clone())
}
