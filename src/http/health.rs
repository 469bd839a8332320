//! `GET /health` and `GET /health/live`: whether the parts of the server work. No sign-in, no envelope.
//!
//! Each part brings a [`Check`] of its own; this module only asks them, all at once and not for long.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use futures::future::{BoxFuture, join_all};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

/// How long a part may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a part is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Ok,
    /// It is not configured.
    Disabled,
    /// It works, but will soon need the operator: a key near its end.
    Expiring,
    /// It is not there, which only matters for what needs it.
    Missing,
    /// It does not work, and the server needs it.
    Failed,
}

impl Condition {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Disabled => "disabled",
            Self::Expiring => "expiring",
            Self::Missing => "missing",
            Self::Failed => "failed",
        }
    }
}

/// Asks one part how it is.
pub type Check = Arc<dyn Fn() -> BoxFuture<'static, Condition> + Send + Sync>;

/// The parts of the server.
#[derive(Clone, Default)]
pub struct Health {
    checks: Vec<(&'static str, Check)>,
}

impl Health {
    /// Adds a part under the name that it has in `checks`.
    #[must_use]
    pub fn with<F, A>(mut self, part: &'static str, check: F) -> Self
    where
        F: Fn() -> A + Send + Sync + 'static,
        A: Future<Output = Condition> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.checks.push((part, check));
        self
    }

    /// Asks all parts; one that does not answer in time has failed.
    async fn examine(&self, patience: Duration) -> BTreeMap<&'static str, Condition> {
        let asked = self.checks.iter().map(|(part, check)| async move {
            let answer = tokio::time::timeout(patience, check()).await;
            (*part, answer.unwrap_or(Condition::Failed))
        });
        let mut found = not_built_in();
        found.extend(join_all(asked).await);
        found
    }
}

/// Neighbouring services that the specification names and this version does not use.
fn not_built_in() -> BTreeMap<&'static str, Condition> {
    ["redis", "nats", "weaviate"]
        .map(|part| (part, Condition::Disabled))
        .into()
}

/// `GET /health`: 200 with `status: "ok"`, or 503 with `status: "degraded"` if a needed part fails.
pub async fn show(State(health): State<Health>) -> Response {
    answer(health.examine(PATIENCE).await)
}

fn answer(found: BTreeMap<&'static str, Condition>) -> Response {
    let has_failed = found
        .values()
        .any(|condition| *condition == Condition::Failed);
    let mut checks: BTreeMap<_, _> = found
        .into_iter()
        .map(|(part, condition)| (part, condition.as_str()))
        .collect();
    checks.insert("version", env!("CARGO_PKG_VERSION"));
    let (code, status) = if has_failed {
        (StatusCode::SERVICE_UNAVAILABLE, "degraded")
    } else {
        (StatusCode::OK, "ok")
    };
    (code, plain(&json!({ "status": status, "checks": checks }))).into_response()
}

/// `GET /health/live`: 200 while the process lives.
pub async fn live() -> Response {
    plain(&json!({ "status": "ok" })).into_response()
}

fn plain(body: &serde_json::Value) -> impl IntoResponse + use<> {
    let content_type = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, content_type)], body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(health: Health) -> (u16, serde_json::Value) {
        let response = answer(health.examine(Duration::from_millis(10)).await);
        let status = response.status().as_u16();
        let body = axum::body::to_bytes(response.into_body(), 10_000).await;
        (status, serde_json::from_slice(&body.unwrap()).unwrap())
    }

    #[tokio::test]
    async fn parts_that_work_or_are_not_needed_are_healthy() {
        let health = Health::default()
            .with("database", async || Condition::Ok)
            .with("federation_key", async || Condition::Expiring);
        let expected = json!({"status": "ok", "checks": {
            "database": "ok", "federation_key": "expiring", "nats": "disabled", "redis": "disabled",
            "version": env!("CARGO_PKG_VERSION"), "weaviate": "disabled",
        }});
        assert_eq!(asked(health).await, (200, expected));
    }

    #[tokio::test]
    async fn a_part_that_fails_or_hangs_degrades() {
        let failing = Health::default().with("database", async || Condition::Failed);
        let hanging = Health::default().with("database", std::future::pending);
        for health in [failing, hanging] {
            let (status, body) = asked(health).await;
            assert_eq!(status, 503);
            assert_eq!(body["status"], "degraded");
            assert_eq!(body["checks"]["database"], "failed");
        }
    }
}
