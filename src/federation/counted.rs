//! Requests from and to other servers, as `/metrics` shows them.

use super::core::descriptor::FEDERATION_PATH;
use crate::http::metrics::{FederationRequestLabels, Metrics};

/// The last parts of the protocol's paths; every path is one of few endpoints, whatever ids it names.
const ENDPOINTS: [&str; 10] = [
    "send",
    "invite",
    "heads",
    "backfill",
    "state",
    "members",
    "join",
    "request",
    "ephemeral",
    "directory",
];

/// The name of the endpoint that a path leads to.
pub(super) fn endpoint(path_and_query: &str) -> &'static str {
    let path = path_and_query.split('?').next().unwrap_or_default();
    let Some(path) = path.strip_prefix(FEDERATION_PATH) else {
        return "other";
    };
    if path.starts_with("/profile/") {
        return "profile";
    }
    if path.contains("/media/") {
        return "media";
    }
    let last = path.rsplit('/').next();
    ENDPOINTS
        .into_iter()
        .find(|endpoint| last == Some(endpoint))
        .unwrap_or("other")
}

/// Counts one request; status 0: there was no answer.
pub(super) fn request(
    metrics: &Metrics,
    direction: &'static str,
    endpoint: &'static str,
    status: u16,
) {
    let labels = FederationRequestLabels {
        direction,
        endpoint,
        status,
    };
    metrics.federation_requests.get_or_create(&labels).inc();
}

#[cfg(test)]
mod tests {
    use super::endpoint;

    #[test]
    fn every_path_is_one_of_few_endpoints() {
        for (path, name) in [
            ("/_scaiwave/federation/v1/send", "send"),
            (
                "/_scaiwave/federation/v1/rooms/r/backfill?limit=5",
                "backfill",
            ),
            ("/_scaiwave/federation/v1/profile/send", "profile"),
            ("/_scaiwave/federation/v1/rooms/r/anything", "other"),
            ("/elsewhere/send", "other"),
        ] {
            assert_eq!(endpoint(path), name, "{path}");
        }
    }
}
