//! The suite's only door to the wall clock, which signatures and event times need.

use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch.
pub fn now_ms() -> i64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the suite stands outside the server and needs the real time"
    )]
    let now = SystemTime::now();
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A time in milliseconds since the Unix epoch as the server writes it, such as `2026-01-31T10:00:00.000Z`.
pub fn iso(ms: i64) -> String {
    text(ms).replace("+00:00", "Z")
}

/// A time in milliseconds since the Unix epoch as text, in UTC, such as `2026-01-31T10:00:00.000+00:00`.
pub fn text(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00").to_string()
}
