//! The next visible positions, from one look into the index per room.
//!
//! Each visible part of a room is asked for its first few positions, and only those parts are asked again whose next
//! ones may belong to the page. The work depends on the page and the number of rooms, never on the length of the stream.

use std::collections::BTreeSet;

use crate::events::store::positions::Window;

/// The fewest positions that a part is asked for.
const FEWEST: usize = 8;

/// The first `most` positions of all windows together, ascending. `ask` answers pairs of a window's index and one of
/// the window's first positions, at most as many per window as it is told.
pub(super) async fn first_positions<E, Answer>(
    mut windows: Vec<Window>,
    most: usize,
    ask: impl Fn(Vec<Window>, usize) -> Answer,
) -> Result<Vec<i64>, E>
where
    Answer: Future<Output = Result<Vec<(usize, i64)>, E>>,
{
    let mut found = BTreeSet::new();
    let mut share = share_of(most, windows.len());
    while !windows.is_empty() && most > 0 {
        let mut counts = vec![0; windows.len()];
        for (index, position) in ask(windows.clone(), share).await? {
            found.insert(position);
            if let (Some(window), Some(count)) = (windows.get_mut(index), counts.get_mut(index)) {
                window.after = window.after.max(position);
                *count += 1;
            }
        }
        let last = found.iter().nth(most - 1).copied().unwrap_or(i64::MAX);
        let mut counts = counts.into_iter();
        windows.retain(|window| {
            let was_cut_short = counts.next().is_some_and(|count| count >= share);
            was_cut_short && window.after < window.until && window.after < last
        });
        share = most.min(share * 4);
    }
    Ok(found.into_iter().take(most).collect())
}

/// A power of two, so that few distinct statements are prepared.
fn share_of(most: usize, windows: usize) -> usize {
    let even = most.checked_div(windows).unwrap_or(most);
    (2 * even).next_power_of_two().max(FEWEST).min(most)
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

    async fn merged(rooms: &[Vec<i64>], after: i64, until: i64, most: usize) -> Vec<i64> {
        let windows = (0..rooms.len())
            .map(|room| Window {
                room_id: RoomId(Uuid::from_u128(room as u128)),
                after,
                until,
            })
            .collect();
        let ask = async |windows: Vec<Window>, share: usize| {
            Ok::<_, std::convert::Infallible>(answer(rooms, &windows, share))
        };
        let Ok(found) = first_positions(windows, most, ask).await;
        found
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
            let found = futures::executor::block_on(merged(&rooms, after, until, most));
            prop_assert_eq!(found, expected);
        }
    }

    #[tokio::test]
    async fn a_busy_room_does_not_make_quiet_ones_be_asked_again() {
        let rooms = [(0..1000).collect::<Vec<i64>>(), vec![5]];
        let asked = std::cell::RefCell::new(Vec::new());
        let windows = vec![0_u128, 1].into_iter().map(|room| Window {
            room_id: RoomId(Uuid::from_u128(room)),
            after: -1,
            until: 1000,
        });
        let found = first_positions(windows.collect(), 100, async |windows, share| {
            asked.borrow_mut().push(windows.len());
            Ok::<_, std::convert::Infallible>(answer(&rooms, &windows, share))
        })
        .await;
        assert_eq!(found.unwrap(), (0..100).collect::<Vec<i64>>());
        assert_eq!(*asked.borrow(), [2]);
    }
}
