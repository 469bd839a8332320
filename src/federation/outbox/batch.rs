//! Events that go to a destination in one request.

use serde_json::Value;

use crate::federation::core::delivery::{MAX_BATCH_BYTES, Sent};

/// What one batch holds.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) sent: Vec<Sent>,
    pub(super) events: Vec<Value>,
    bytes: usize,
    /// When its last event was written, in ms.
    pub(super) last_ts: Option<i64>,
}

impl Batch {
    /// Adds an event unless the batch is full. A single event always fits.
    pub(super) fn add(&mut self, sent: Sent, event: Value, most: usize) -> bool {
        let bytes = event.to_string().len() + 1;
        let is_full = self.events.len() >= most || self.bytes + bytes > MAX_BATCH_BYTES - 64;
        if is_full && !self.events.is_empty() {
            return false;
        }
        self.last_ts = event.get("ts").and_then(Value::as_i64);
        self.sent.push(sent);
        self.events.push(event);
        self.bytes += bytes;
        true
    }
}
