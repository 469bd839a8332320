//! The next visible positions, from one look into the index per room.
//!
//! Each visible part of a room is asked for its first few positions, and only those parts are asked again whose next
//! ones may belong to the page. The work depends on the page and the number of rooms, never on the length of the stream.

use std::collections::BTreeSet;

use crate::events::store::positions::Window;

/// The fewest positions that a part is asked for.
const FEWEST: usize = 8;

/// Finds the first positions of several windows together. Asks and is answered; whoever asks the store stands outside.
#[derive(Debug)]
pub struct Merge {
    /// The parts of which more may be needed, each after what was found in it.
    windows: Vec<Window>,
    most: usize,
    share: usize,
    found: BTreeSet<i64>,
}

impl Merge {
    /// Looks for the first `most` positions.
    pub fn new(windows: Vec<Window>, most: usize) -> Merge {
        let even = most.checked_div(windows.len()).unwrap_or(most);
        Merge {
            share: (2 * even).max(FEWEST).min(most),
            windows,
            most,
            found: BTreeSet::new(),
        }
    }

    /// Which windows to ask for their first positions, and for how many of them at most; `None`: all is known.
    pub fn question(&self) -> Option<(&[Window], usize)> {
        let is_open = !self.windows.is_empty() && self.most > 0;
        is_open.then_some((&self.windows, self.share))
    }

    /// Takes the answer: pairs of a window's index and one of its first positions.
    pub fn answer(&mut self, positions: &[(usize, i64)]) {
        let mut counts = vec![0; self.windows.len()];
        for (index, position) in positions {
            self.found.insert(*position);
            if let (Some(window), Some(count)) =
                (self.windows.get_mut(*index), counts.get_mut(*index))
            {
                window.after = window.after.max(*position);
                *count += 1;
            }
        }
        let last = self.found.iter().nth(self.most.saturating_sub(1)).copied();
        let last = last.unwrap_or(i64::MAX);
        let mut counts = counts.into_iter();
        let share = self.share;
        self.windows.retain(|window| {
            let was_cut_short = counts.next().is_some_and(|count| count >= share);
            was_cut_short && window.after < window.until && window.after < last
        });
        self.share = self.most.min(share * 4);
    }

    /// What was found, ascending.
    pub fn finish(self) -> Vec<i64> {
        self.found.into_iter().take(self.most).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::events::core::ids::RoomId;

    fn answer(rooms: &[Vec<i64>], windows: &[Window], share: usize) -> Vec<(usize, i64)> {
        let mut found = Vec::new();
        for (index, window) in windows.iter().enumerate() {
            let room = &rooms[usize::try_from(window.room_id.0.as_u128()).unwrap()];
            let inside = room
                .iter()
                .filter(|at| **at > window.after && **at <= window.until);
            found.extend(inside.take(share).map(|at| (index, *at)));
        }
        found
    }

    /// The page, and how many windows were asked each time.
    fn merged(rooms: &[Vec<i64>], after: i64, until: i64, most: usize) -> (Vec<i64>, Vec<usize>) {
        let windows = (0..rooms.len()).map(|room| Window {
            room_id: RoomId(Uuid::from_u128(room as u128)),
            after,
            until,
        });
        let mut merge = Merge::new(windows.collect(), most);
        let mut asked = Vec::new();
        while let Some((windows, share)) = merge.question() {
            asked.push(windows.len());
            let found = answer(rooms, windows, share);
            merge.answer(&found);
        }
        (merge.finish(), asked)
    }

    proptest! {
        #[test]
        fn the_page_is_the_beginning_of_everything_visible(
            owners in prop::collection::vec(0_usize..6, 0..300),
            after in 0_i64..300, until in 0_i64..300, most in 0_usize..40,
        ) {
            let mut rooms = vec![Vec::new(); 5];
            for (position, owner) in owners.iter().enumerate() {
                if let Some(room) = rooms.get_mut(*owner) {
                    room.push(position as i64);
                }
            }
            let mut expected: Vec<i64> = rooms.concat();
            expected.sort_unstable();
            expected.retain(|at| *at > after && *at <= until);
            expected.truncate(most);
            prop_assert_eq!(merged(&rooms, after, until, most).0, expected);
        }
    }

    #[test]
    fn a_busy_room_does_not_make_quiet_ones_be_asked_again() {
        let rooms = [(0..1000).collect::<Vec<i64>>(), vec![5]];
        let (found, asked) = merged(&rooms, -1, 1000, 100);
        assert_eq!(found, (0..100).collect::<Vec<i64>>());
        assert_eq!(asked, [2]);
    }
}
