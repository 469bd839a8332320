//! Who types where. Pure: time comes in as a number.

use std::collections::HashMap;

use crate::events::core::ids::{ParticipantId, RoomId};

/// Typing ends this long after the last time that the client said so.
pub const TYPING_MS: i64 = 4_000;

/// Somebody in a room of a tenant (its key).
pub type Typist = (i64, RoomId, ParticipantId);

/// Everybody who types, with the moment at which it ends by itself.
#[derive(Debug, Default)]
pub struct Typing(HashMap<Typist, i64>);

impl Typing {
    /// Somebody types, until `until` unless it is said again.
    pub fn begin(&mut self, typist: Typist, until: i64) {
        self.0.insert(typist, until);
    }

    /// Somebody types no more, or has sent. False: did not type anyway.
    pub fn end(&mut self, typist: &Typist) -> bool {
        self.0.remove(typist).is_some()
    }

    /// Takes out everybody whose time is over.
    pub fn over(&mut self, now: i64) -> Vec<Typist> {
        let over: Vec<Typist> = self
            .0
            .iter()
            .filter(|(_, ends)| **ends <= now)
            .map(|(typist, _)| *typist)
            .collect();
        for typist in &over {
            self.0.remove(typist);
        }
        over
    }

    /// When the next one ends by itself.
    pub fn next_end(&self) -> Option<i64> {
        self.0.values().copied().min()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn typist(number: u128) -> Typist {
        let (room, person) = (Uuid::from_u128(7), Uuid::from_u128(number));
        (1, RoomId(room), ParticipantId(person))
    }

    #[test]
    fn typing_ends_four_seconds_after_the_last_publish() {
        let mut typing = Typing::default();
        typing.begin(typist(1), TYPING_MS);
        typing.begin(typist(2), 1_000 + TYPING_MS);
        typing.begin(typist(1), 3_000 + TYPING_MS);
        assert_eq!(typing.next_end(), Some(5_000));
        assert_eq!(typing.over(4_999), []);
        assert_eq!(typing.over(5_000), [typist(2)]);
        assert_eq!(typing.over(7_000), [typist(1)]);
        assert_eq!(typing.next_end(), None);
    }

    #[test]
    fn a_send_ends_it_once() {
        let mut typing = Typing::default();
        typing.begin(typist(1), TYPING_MS);
        assert!(typing.end(&typist(1)));
        assert!(!typing.end(&typist(1)));
    }
}
