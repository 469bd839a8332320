//! The latest events of a tenant, ready to be sent. Pure.
//!
//! Whoever keeps up is served from here; whoever falls behind what is kept reads from the store. What is no longer as it
//! was written (edited, redacted, void) is forgotten with everything before it, so that nobody is shown it from here.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;

/// Events that are kept, at most.
const MOST_ITEMS: usize = 4096;
/// Bytes that they take, at most.
const MOST_BYTES: usize = 16 << 20;

/// The latest events.
#[derive(Debug)]
pub struct Ring {
    items: VecDeque<Arc<Item>>,
    bytes: usize,
    /// Everything shown after this position, up to `end`, is here.
    complete_after: i64,
    end: i64,
}

impl Ring {
    /// Nothing yet; what follows comes after `position`.
    pub fn new(position: i64) -> Ring {
        Ring {
            items: VecDeque::new(),
            bytes: 0,
            complete_after: position,
            end: position,
        }
    }

    /// Up to which position of the stream it reaches.
    pub fn end(&self) -> i64 {
        self.end
    }

    /// Appends the events up to the position `end`.
    pub fn extend(&mut self, items: Vec<Arc<Item>>, end: i64) {
        self.bytes += items.iter().map(|item| item.size()).sum::<usize>();
        self.items.extend(items);
        self.end = self.end.max(end);
        while self.items.len() > MOST_ITEMS || self.bytes > MOST_BYTES {
            self.drop_first();
        }
    }

    /// Forgets the events for which `is_outdated` says so, and all before them.
    pub fn forget(&mut self, is_outdated: impl Fn(&Item) -> bool) {
        if let Some(last) = self.items.iter().rposition(|item| is_outdated(item)) {
            for _ in 0..=last {
                self.drop_first();
            }
        }
    }

    fn drop_first(&mut self) {
        if let Some(item) = self.items.pop_front() {
            self.bytes -= item.size();
            self.complete_after = item.position;
        }
    }

    /// The events after a position; `None`: only the store has all of them.
    pub fn after(&self, position: i64) -> Option<impl Iterator<Item = &Arc<Item>>> {
        if position < self.complete_after {
            return None;
        }
        let first = self.items.partition_point(|item| item.position <= position);
        Some(self.items.range(first..))
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::value::RawValue;
    use uuid::Uuid;

    use super::*;
    use crate::events::core::ids::{EventId, ParticipantId, RoomId};

    fn item(position: i64, bytes: usize) -> Arc<Item> {
        let id = Uuid::from_u128(position.cast_unsigned().into());
        Arc::new(Item {
            position,
            event_id: EventId(id),
            room_id: RoomId(Uuid::nil()),
            target: None,
            about: None,
            sender_id: ParticipantId(Uuid::nil()),
            is_message: true,
            frame: Bytes::from(vec![b' '; bytes]),
            entry: RawValue::NULL.to_owned(),
        })
    }

    fn after(ring: &Ring, position: i64) -> Option<Vec<i64>> {
        let items = ring.after(position)?;
        Some(items.map(|item| item.position).collect())
    }

    #[test]
    fn who_keeps_up_is_served_and_who_comes_from_before_is_not() {
        let mut ring = Ring::new(10);
        ring.extend(vec![item(12, 1), item(15, 1)], 17);
        assert_eq!(after(&ring, 10), Some(vec![12, 15]));
        assert_eq!(after(&ring, 12), Some(vec![15]));
        assert_eq!(after(&ring, 17), Some(vec![]));
        assert_eq!(after(&ring, 9), None);
        assert_eq!(ring.end(), 17);
    }

    #[test]
    fn number_and_size_are_bounded() {
        let mut ring = Ring::new(0);
        let many = i64::try_from(MOST_ITEMS).unwrap() + 10;
        ring.extend((1..=many).map(|at| item(at, 1)).collect(), many);
        assert_eq!(after(&ring, 9), None);
        assert_eq!(after(&ring, 10).unwrap().len(), MOST_ITEMS);
        ring.extend(vec![item(many + 1, MOST_BYTES - 100)], many + 1);
        assert!(after(&ring, 10).is_none());
        assert!(after(&ring, many).is_some());
    }

    #[test]
    fn what_is_outdated_goes_with_all_before_it() {
        let mut ring = Ring::new(0);
        ring.extend((1..=5).map(|at| item(at, 1)).collect(), 5);
        ring.forget(|item| item.position == 3);
        assert_eq!(after(&ring, 2), None);
        assert_eq!(after(&ring, 3), Some(vec![4, 5]));
        ring.forget(|item| item.position == 99);
        assert_eq!(after(&ring, 3), Some(vec![4, 5]));
    }
}
