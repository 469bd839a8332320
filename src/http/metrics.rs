//! What this process counts, as typed families, and `GET /metrics`.
//!
//! A domain gets [`Metrics`] as a parameter and counts in its own family; names and labels are those of the operations
//! specification, section 10. Labels have few values: routes are templates, and peers beyond the first 200 are `other`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, header};
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::catalogue::Code;
use crate::error::Error;

/// Peers that have a label of their own.
const MOST_PEERS: usize = 200;

/// Upper bounds of the buckets of all durations, in seconds: from a cached answer to a long poll.
const SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0, 60.0,
];

/// A family of histograms of durations.
type Durations<Labels> = Family<Labels, Histogram, fn() -> Histogram>;

/// Labels of `scaiwave_http_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RequestLabels {
    /// The route's template, or `unmatched`.
    pub route: String,
    /// The method, or `OTHER`.
    pub method: String,
    /// The status.
    pub status: u16,
}

/// Labels of `scaiwave_http_request_duration_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RouteLabels {
    /// The route's template, or `unmatched`.
    pub route: String,
    /// The method, or `OTHER`.
    pub method: String,
}

/// Labels of what belongs to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct TenantLabels {
    /// The tenant's slug.
    pub tenant: String,
}

/// Labels of `scaiwave_events_appended_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct AppendLabels {
    /// The tenant's slug.
    pub tenant: String,
    /// `local`, `federated` or `bridge`.
    pub source: &'static str,
}

/// Labels of `scaiwave_db_connections`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PoolLabels {
    /// `read` or `write`.
    pub pool: &'static str,
    /// `idle` or `used`.
    pub state: &'static str,
}

/// Labels of `scaiwave_federation_requests_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FederationRequestLabels {
    /// `in` or `out`.
    pub direction: &'static str,
    /// The endpoint's name.
    pub endpoint: &'static str,
    /// The status, or 0 if there was no answer.
    pub status: u16,
}

/// Labels of `scaiwave_federation_events_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct FederationEventLabels {
    /// `in` or `out`.
    pub direction: &'static str,
    /// What became of the event.
    pub result: &'static str,
}

/// Labels of `scaiwave_federation_rejected_total`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct RejectionLabels {
    /// The check that failed.
    pub check: &'static str,
    /// The code of the answer.
    pub code: &'static str,
}

/// Labels of what belongs to a peer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct PeerLabels {
    /// What [`Metrics::peer`] makes of the server name.
    pub peer: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct VersionLabels {
    version: &'static str,
}

/// All families.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// HTTP requests by route, method and status.
    pub http_requests: Family<RequestLabels, Counter>,
    /// Time until the head of the response.
    pub http_duration: Durations<RouteLabels>,
    /// Open sockets.
    pub ws_connections: Family<TenantLabels, Gauge>,
    /// Events appended to the store.
    pub events_appended: Family<AppendLabels, Counter>,
    /// Time of one commit of the event store.
    pub store_commit: Histogram,
    /// Commands in the latest commit of the event store.
    pub store_batch_size: Gauge,
    /// Bytes of the database.
    pub store_size: Gauge,
    /// Connections to the database.
    pub db_connections: Family<PoolLabels, Gauge>,
    /// Requests from and to peers.
    pub federation_requests: Family<FederationRequestLabels, Counter>,
    /// Events from and to peers.
    pub federation_events: Family<FederationEventLabels, Counter>,
    /// Events and requests of peers that a check refused.
    pub federation_rejected: Family<RejectionLabels, Counter>,
    /// Events that wait to be sent to a peer.
    pub federation_outbox: Family<PeerLabels, Gauge>,
    /// Time from an event's commit until the peer has it.
    pub federation_lag: Histogram,
    /// Time to verify one event of a peer.
    pub federation_verify: Histogram,
    own_label: Mutex<BTreeSet<String>>,
}

impl Metrics {
    /// Registers every family.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("scaiwave");
        let r = &mut registry;
        let build = Family::<VersionLabels, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&VersionLabels { version }).set(1);
        register(r, "build_info", "The running version", build);
        Self {
            http_requests: register(r, "http_requests", "HTTP requests", Family::default()),
            http_duration: register(
                r,
                "http_request_duration_seconds",
                "Time until the head of the response",
                Family::new_with_constructor(durations as fn() -> Histogram),
            ),
            ws_connections: register(r, "ws_connections", "Open WebSockets", Family::default()),
            events_appended: register(r, "events_appended", "Events appended", Family::default()),
            store_commit: register(r, "store_commit_seconds", "Time of one commit", durations()),
            store_batch_size: register(
                r,
                "store_commit_batch_size",
                "Commands in the latest commit",
                Gauge::default(),
            ),
            store_size: register(
                r,
                "store_size_bytes",
                "Size of the database",
                Gauge::default(),
            ),
            db_connections: register(
                r,
                "db_connections",
                "Database connections",
                Family::default(),
            ),
            federation_requests: register(
                r,
                "federation_requests",
                "Requests from and to peers",
                Family::default(),
            ),
            federation_events: register(
                r,
                "federation_events",
                "Events from and to peers",
                Family::default(),
            ),
            federation_rejected: register(
                r,
                "federation_rejected",
                "What checks of the federation refused",
                Family::default(),
            ),
            federation_outbox: register(
                r,
                "federation_outbox_depth",
                "Events that wait for a peer",
                Family::default(),
            ),
            federation_lag: register(
                r,
                "federation_delivery_lag_seconds",
                "Time from commit to a peer's acceptance",
                durations(),
            ),
            federation_verify: register(
                r,
                "federation_verify_seconds",
                "Time to verify a peer's event",
                durations(),
            ),
            own_label: Mutex::default(),
            registry,
        }
    }

    /// The label of a peer: its name, or `other` once 200 have one.
    #[must_use]
    pub fn peer(&self, server_name: &str) -> PeerLabels {
        let mut own = self
            .own_label
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !own.contains(server_name) {
            if own.len() >= MOST_PEERS {
                return PeerLabels {
                    peer: "other".to_owned(),
                };
            }
            own.insert(server_name.to_owned());
        }
        PeerLabels {
            peer: server_name.to_owned(),
        }
    }

    /// All families as text.
    ///
    /// # Errors
    /// 500 if a value cannot be written.
    pub fn text(&self) -> Result<String, Error> {
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => Ok(text),
            Err(error) => Err(Error::new(Code::InternalError).source(error)),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

fn durations() -> Histogram {
    Histogram::new(SECONDS)
}

fn register<M>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M
where
    M: prometheus_client::registry::Metric + Clone,
{
    registry.register(name, help, metric.clone());
    metric
}

/// `GET /metrics`: in the OpenMetrics form where the client asks for it.
pub(super) fn show(metrics: &Metrics, headers: &HeaderMap) -> Result<Response, Error> {
    const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let content_type = match accepted {
        Some(accept) if accept.contains("application/openmetrics-text") => OPEN_METRICS,
        _ => PROMETHEUS,
    };
    let text = metrics.text()?;
    let content_type = HeaderValue::from_static(content_type);
    Ok(([(header::CONTENT_TYPE, content_type)], text).into_response())
}

/// The layer that counts requests.
pub async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let method = known(request.method()).to_owned();
    let response = next.run(request).await;
    let labels = RouteLabels { route, method };
    metrics
        .http_duration
        .get_or_create(&labels)
        .observe(seconds(started.elapsed()));
    let RouteLabels { route, method } = labels;
    let status = response.status().as_u16();
    metrics
        .http_requests
        .get_or_create(&RequestLabels {
            route,
            method,
            status,
        })
        .inc();
    response
}

/// A client may send any word as the method; each would be a time series of its own.
fn known(method: &Method) -> &str {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::PATCH
        | Method::DELETE
        | Method::OPTIONS => method.as_str(),
        _ => "OTHER",
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_families_have_the_specified_names() {
        let metrics = Metrics::new();
        let route = "/v1/sync".to_owned();
        let method = "GET".to_owned();
        let labels = RequestLabels {
            route,
            method,
            status: 200,
        };
        metrics.http_requests.get_or_create(&labels).inc();
        metrics
            .federation_outbox
            .get_or_create(&metrics.peer("b.example"))
            .set(3);
        let text = metrics.text().unwrap();
        for line in [
            concat!(
                "scaiwave_build_info{version=\"",
                env!("CARGO_PKG_VERSION"),
                "\"} 1"
            ),
            "scaiwave_http_requests_total{route=\"/v1/sync\",method=\"GET\",status=\"200\"} 1",
            "scaiwave_federation_outbox_depth{peer=\"b.example\"} 3",
            "# TYPE scaiwave_store_commit_seconds histogram",
            "# TYPE scaiwave_store_commit_batch_size gauge",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn peers_beyond_two_hundred_are_other() {
        let metrics = Metrics::new();
        for n in 0..200 {
            let name = format!("peer{n}.example");
            assert_eq!(metrics.peer(&name).peer, name);
        }
        assert_eq!(metrics.peer("late.example").peer, "other");
        assert_eq!(metrics.peer("peer7.example").peer, "peer7.example");
    }

    #[test]
    fn invented_methods_share_a_label() {
        assert_eq!(known(&Method::from_bytes(b"BREW").unwrap()), "OTHER");
        assert_eq!(known(&Method::PATCH), "PATCH");
    }
}
