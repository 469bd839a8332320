//! The routes for whoever runs the server: `/health`, `/health/live`, `/metrics`. No sign-in.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::HeaderMap;

use super::health::{self, Health};
use super::metrics::{self, Metrics};

/// `/health` and `/health/live`.
pub fn health(health: Health) -> Router {
    Router::new()
        .route("/health", get(health::show))
        .route("/health/live", get(health::live))
        .with_state(health)
}

/// `/metrics`. Each time they are read, `measure` first brings up to date what is not counted as it happens.
pub fn metrics<F, M>(metrics: Arc<Metrics>, measure: F) -> Router
where
    F: Fn() -> M + Clone + Send + Sync + 'static,
    M: Future<Output = ()> + Send + 'static,
{
    let show = move |headers: HeaderMap| async move {
        measure().await;
        metrics::show(&metrics, &headers)
    };
    Router::new().route("/metrics", get(show))
}
