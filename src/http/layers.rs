//! The layers around every route, in their one right order.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use ipnet::IpNet;
use url::Url;

use super::limits::Limits;
use super::metrics::{self, Metrics};
use super::{browser, chunked, client_address, fallback, meter, request_id, timeout};
use crate::clock::Clock;
use crate::config::Config;

/// What the layers need.
#[derive(Clone, Debug)]
pub struct Layers {
    limits: Arc<Limits>,
    clock: Clock,
    metrics: Arc<Metrics>,
    trusted_proxies: Arc<[IpNet]>,
    cors_origins: Vec<Url>,
    is_https: bool,
    max_body: usize,
    request_timeout: Duration,
}

impl Layers {
    /// The layers as the settings want them.
    #[must_use]
    pub fn new(config: &Config, limits: Arc<Limits>, clock: Clock, metrics: Arc<Metrics>) -> Self {
        Self {
            limits,
            clock,
            metrics,
            trusted_proxies: config.trusted_proxies.as_slice().into(),
            cors_origins: config.cors_origins.clone(),
            is_https: config.public_url.scheme() == "https",
            max_body: config.limits.max_body,
            request_timeout: config.limits.request_timeout,
        }
    }

    /// The whole service: `timed` routes have to finish within the request timeout, `waiting` ones (long polls, sockets, uploads,
    /// downloads) do not.
    pub fn around(self, timed: Router, waiting: Router) -> Router {
        let timed = timed.layer(from_fn_with_state(self.request_timeout, timeout::limit));
        let routes = timed
            .merge(waiting)
            .fallback(fallback::no_such_path)
            .method_not_allowed_fallback(fallback::no_such_method)
            .layer(DefaultBodyLimit::max(self.max_body))
            .layer(from_fn_with_state(
                (self.limits, self.clock),
                meter::headers,
            ))
            .layer(from_fn_with_state(
                self.trusted_proxies,
                client_address::find,
            ))
            .layer(from_fn(fallback::catch_panic));
        // Without origins there is no CORS, and OPTIONS is a method like any other.
        let routes = if self.cors_origins.is_empty() {
            routes
        } else {
            routes.layer(browser::cors(&self.cors_origins))
        };
        routes
            .layer(from_fn_with_state(self.is_https, browser::security_headers))
            .layer(from_fn_with_state(self.metrics, metrics::count))
            .layer(from_fn(request_id::attach))
            .layer(from_fn(chunked::end_connection))
    }
}
