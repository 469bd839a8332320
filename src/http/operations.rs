//! The routes for whoever runs the server: `/health`, `/health/live`, `/metrics`. No sign-in.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use super::health::{self, Health};
use super::metrics::{self, Metrics};

/// `/health` and `/health/live`.
pub fn health(health: Health) -> Router {
    Router::new()
        .route("/health", get(health::show))
        .route("/health/live", get(health::live))
        .with_state(health)
}

/// `/metrics`.
pub fn metrics(metrics: Arc<Metrics>) -> Router {
    Router::new()
        .route("/metrics", get(metrics::show))
        .with_state(metrics)
}
