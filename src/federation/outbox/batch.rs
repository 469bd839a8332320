//! Events that go to a destination in one request.

use crate::events::core::event::Event;
use crate::federation::core::delivery::{LogPlace, MAX_BATCH_BYTES, Sent};

/// What one batch holds.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) sent: Vec<Sent>,
    /// The events as text.
    pub(super) events: Vec<String>,
    bytes: usize,
    /// When its last event was written, in ms.
    pub(super) last_ts: Option<i64>,
}

impl Batch {
    /// Adds an event, or its envelope alone, unless the batch is full. A single event always fits.
    pub(super) fn add(&mut self, event: &Event, is_bare: bool, most: usize) -> bool {
        let text = match is_bare {
            true => event.without_content().to_text(),
            false => event.to_text(),
        };
        let bytes = text.len() + 1;
        let is_full = self.events.len() >= most || self.bytes + bytes > MAX_BATCH_BYTES - 64;
        if is_full && !self.events.is_empty() {
            return false;
        }
        self.last_ts = Some(event.ts);
        self.sent.push(Sent {
            room_id: event.room_id,
            place: place(event),
            event_id: event.event_id,
        });
        self.events.push(text);
        self.bytes += bytes;
        true
    }
}

/// Where an event stands in its log.
pub(super) fn place(event: &Event) -> LogPlace {
    LogPlace {
        epoch: event.epoch,
        seq: event.seq,
    }
}
