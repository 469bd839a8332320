//! Which positions of the stream somebody is shown. Pure.
//!
//! A room may be visible in several parts: from a join to the leave, again from the next join on, and single events such
//! as an invitation in between.

use std::collections::HashSet;

use crate::events::core::ids::RoomId;
use crate::events::store::positions::Window;
use crate::rooms::store::spans::Span;

/// The visible parts of all rooms of a person, in the order of the rooms' ids: every open socket holds one, so that a part
/// takes no more than it has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visible(Box<[(RoomId, Part)]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part {
    after: i64,
    /// `None`: for as long as the person stays.
    until: Option<i64>,
}

impl Part {
    fn holds(&self, position: i64) -> bool {
        position > self.after && self.until.is_none_or(|until| position <= until)
    }
}

impl Visible {
    /// From the stored spans.
    pub fn of(spans: Vec<Span>) -> Visible {
        let part = |span: Span| {
            let part = Part {
                after: span.after,
                until: span.until,
            };
            (span.room_id, part)
        };
        let mut parts: Vec<(RoomId, Part)> = spans.into_iter().map(part).collect();
        parts.sort_unstable_by_key(|(room, _)| *room);
        Visible(parts.into_boxed_slice())
    }

    /// Whether the event at a position of a room is shown.
    pub fn shows(&self, room: RoomId, position: i64) -> bool {
        let first = self.0.partition_point(|(of, _)| *of < room);
        let parts = self.0.iter().skip(first);
        parts
            .take_while(|(of, _)| *of == room)
            .any(|(_, part)| part.holds(position))
    }

    /// The rooms that are visible until further notice: those the person is in.
    pub fn open_rooms(&self) -> HashSet<RoomId> {
        let open = self.0.iter().filter(|(_, part)| part.until.is_none());
        open.map(|(room, _)| *room).collect()
    }

    /// The visible parts of the stretch after one position and up to another.
    pub fn windows(&self, after: i64, until: i64) -> Vec<Window> {
        let windows = self.0.iter().map(|(room_id, part)| Window {
            room_id: *room_id,
            after: part.after.max(after),
            until: part.until.unwrap_or(until).min(until),
        });
        windows
            .filter(|window| window.after < window.until)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const ROOM: RoomId = RoomId(Uuid::from_u128(1));
    const OTHER: RoomId = RoomId(Uuid::from_u128(2));

    fn span(room_id: RoomId, after: i64, until: Option<i64>) -> Span {
        Span {
            room_id,
            after,
            until,
        }
    }

    /// Invited at 3, joined at 5, left at 8, back since 12.
    fn someone() -> Visible {
        Visible::of(vec![
            span(ROOM, 2, Some(3)),
            span(ROOM, 4, Some(8)),
            span(ROOM, 11, None),
            span(OTHER, 6, Some(7)),
        ])
    }

    #[test]
    fn a_room_is_seen_from_each_join_to_the_leave_and_so_is_the_invitation() {
        let seen: Vec<i64> = (0..15)
            .filter(|position| someone().shows(ROOM, *position))
            .collect();
        assert_eq!(seen, [3, 5, 6, 7, 8, 12, 13, 14]);
        assert!(!someone().shows(RoomId(Uuid::from_u128(9)), 5));
    }

    #[test]
    fn only_rooms_that_the_person_is_in_are_open() {
        assert_eq!(someone().open_rooms(), HashSet::from([ROOM]));
    }

    #[test]
    fn windows_are_cut_to_the_stretch() {
        let mut windows = someone().windows(5, 13);
        windows.sort_by_key(|window| window.after);
        let window = |room_id, after, until| Window {
            room_id,
            after,
            until,
        };
        let expected = [
            window(ROOM, 5, 8),
            window(OTHER, 6, 7),
            window(ROOM, 11, 13),
        ];
        assert_eq!(windows, expected);
        assert_eq!(someone().windows(8, 11), []);
    }
}
