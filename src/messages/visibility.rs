//! Which part of a room's history a participant may read.

use crate::db::{DbError, Executor};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::model::{Placed, Shown, Standing};
use crate::rooms::core::content::{HistoryVisibility, Membership};
use crate::rooms::store::spans::{self, Stay};
use crate::tenants::Tenant;

/// The positions of a room's history that a participant may read: `after < p`, and `p <= until` for who has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readable {
    /// What lies up to here is hidden.
    pub after: i64,
    /// What lies beyond is hidden; `None`: the participant is in the room.
    pub until: Option<i64>,
}

impl Readable {
    /// Members read everything, or where the room says so what came after their own join; who has left reads up to the
    /// leave. Nobody else reads anything.
    fn of(stay: &Stay) -> Option<Readable> {
        let shared = stay.history_visibility == HistoryVisibility::Shared;
        match (stay.membership, stay.last) {
            (Membership::Join, None) => shared.then_some(Readable {
                after: 0,
                until: None,
            }),
            (Membership::Join, Some((after, _))) => Some(Readable {
                after: if shared { 0 } else { after },
                until: None,
            }),
            (Membership::Leave, Some((after, Some(until)))) => Some(Readable {
                after: if shared { 0 } else { after },
                until: Some(until),
            }),
            _ => None,
        }
    }

    /// Whether the participant is in the room.
    pub fn is_joined(&self) -> bool {
        self.until.is_none()
    }

    /// Whether the participant may see an event at this position.
    pub fn covers(&self, position: i64) -> bool {
        position > self.after && self.until.is_none_or(|until| position <= until)
    }

    /// Whether the event is part of the history that the participant sees.
    pub fn shows(&self, placed: &Placed) -> bool {
        placed.standing == Standing::Valid
            && placed.shown == Shown::History
            && self.covers(placed.position)
    }
}

/// What `participant` may read in `room`; `None`: nothing.
pub async fn of<'e>(
    tenant: &Tenant,
    on: impl Executor<'e>,
    room: RoomId,
    participant: ParticipantId,
) -> Result<Option<Readable>, DbError> {
    let stay = spans::stay(tenant, on, participant, room).await?;
    Ok(stay.as_ref().and_then(Readable::of))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stay(
        membership: Membership,
        history_visibility: HistoryVisibility,
        last: Option<(i64, Option<i64>)>,
    ) -> Option<Readable> {
        Readable::of(&Stay {
            membership,
            history_visibility,
            last,
        })
    }

    #[test]
    fn members_read_everything_or_what_came_after_their_join() {
        let shared = stay(Membership::Join, HistoryVisibility::Shared, Some((9, None))).unwrap();
        assert!(shared.covers(1) && shared.covers(10));
        let joined = stay(Membership::Join, HistoryVisibility::Joined, Some((9, None))).unwrap();
        assert!(!joined.covers(9) && joined.covers(10));
    }

    #[test]
    fn who_has_left_reads_up_to_the_leave() {
        let left = stay(
            Membership::Leave,
            HistoryVisibility::Shared,
            Some((9, Some(20))),
        )
        .unwrap();
        assert!(left.covers(1) && left.covers(20) && !left.covers(21));
        assert!(!left.is_joined());
    }

    #[test]
    fn nobody_else_reads_anything() {
        let shared = HistoryVisibility::Shared;
        assert_eq!(stay(Membership::Ban, shared, None), None);
        assert_eq!(stay(Membership::Invite, shared, None), None);
        // Declined an invitation: was never in the room.
        assert_eq!(stay(Membership::Leave, shared, None), None);
        // Was in the room before and is invited again.
        assert_eq!(stay(Membership::Invite, shared, Some((9, Some(20)))), None);
    }
}
