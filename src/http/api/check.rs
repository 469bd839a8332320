//! Answers held against the description, in debug builds: one whose status the description lacks becomes a 500 that says
//! so in the log, so that every test that meets it fails.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode};

use super::Documented;
use crate::catalogue::Code;
use crate::error::Error;

/// The statuses that each method of each path has.
type Known = HashMap<(Method, String), BTreeSet<StatusCode>>;

/// A router that gives no other answers than the description has.
pub(super) fn held<S: Clone + Send + Sync + 'static>(
    router: Router<S>,
    documented: &[Documented],
) -> Router<S> {
    let mut known = Known::new();
    for route in documented {
        for (method, described) in &route.methods {
            let statuses = described.statuses(method);
            known.insert((method.clone(), route.path.to_owned()), statuses);
        }
    }
    router.route_layer(from_fn_with_state(Arc::new(known), hold))
}

async fn hold(
    State(known): State<Arc<Known>>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let place = (request.method().clone(), path.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status();
    match known.get(&place) {
        Some(statuses) if !statuses.contains(&status) => {
            let (method, path) = place;
            Error::new(Code::InternalError)
                .source(format!(
                    "{method} {path} answered {status}, which its description lacks: see src/http/api/describe.rs"
                ))
                .into_response()
        }
        _ => response,
    }
}
