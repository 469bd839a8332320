//! Waiting: always for a condition, never for a time.

use std::time::{Duration, Instant};

const BETWEEN_TRIES: Duration = Duration::from_millis(20);

/// Polls `condition` until it holds; fails with `what` when `deadline` has passed.
pub(crate) async fn eventually(what: &str, deadline: Duration, condition: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !condition().await {
        assert!(
            began.elapsed() < deadline,
            "not within {deadline:?}: {what}"
        );
        tokio::time::sleep(BETWEEN_TRIES).await;
    }
}
