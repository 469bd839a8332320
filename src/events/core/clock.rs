//! A hybrid logical clock: wall-clock time that never goes back and does not fall behind what was seen elsewhere.
//!
//! Pure: the wall-clock time is a parameter. Milliseconds since the Unix epoch throughout.

/// How far ahead of the wall clock a foreign time may pull this one.
pub const MAX_FOLLOW_MS: i64 = 5_000;

/// The clock that gives events their time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hlc {
    last: i64,
}

impl Hlc {
    /// A clock that never gives a time before `last`, such as that of the last event written before a restart.
    pub fn starting_at(last: i64) -> Self {
        Self { last }
    }

    /// The time for an event written now: never before one that was given.
    pub fn tick(&mut self, now_ms: i64) -> i64 {
        self.last = self.last.max(now_ms);
        self.last
    }

    /// Takes notice of a foreign event's time, and follows it up to [`MAX_FOLLOW_MS`] ahead of the wall clock.
    pub fn observe(&mut self, foreign_ts: i64, now_ms: i64) {
        let followed = foreign_ts.min(now_ms.saturating_add(MAX_FOLLOW_MS));
        self.last = self.last.max(followed);
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;
