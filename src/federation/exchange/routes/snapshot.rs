//! What the request `state` answers from the events that decide about a room (federation specification, "Requests").

use std::collections::{BTreeMap, HashMap};

use crate::events::core::event_type::EventType;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::model::{Placed, Standing};
use crate::rooms::core::content::{Change, LogPosition, Membership, StateChange};

/// The host's state events, and the keys of its log, after a place of it, in its order.
pub(super) fn of_host<'p>(
    deciding: &'p [Placed],
    host: &ServerName,
    after_seq: i64,
) -> Vec<&'p Placed> {
    let mut found: Vec<&Placed> = deciding
        .iter()
        .filter(|placed| {
            let event = &placed.event;
            let belongs = event.event_type.is_state() || event.event_type == EventType::LOG_KEY;
            belongs && event.origin == *host && event.seq > after_seq
        })
        .collect();
    found.sort_by_key(|placed| (placed.event.epoch, placed.event.seq));
    found
}

/// Where people who are joined by the host's word have left by themselves.
pub(super) fn unrecorded_leaves(
    deciding: &[Placed],
    host: &ServerName,
) -> BTreeMap<Fqid, LogPosition> {
    let mut joined: HashMap<Fqid, (i64, i64)> = HashMap::new();
    for placed in of_host(deciding, host, 0) {
        let event = &placed.event;
        let content = event.content.as_ref();
        let change =
            content.and_then(|content| StateChange::parse(&event.event_type, content).ok());
        let Some(Change::Member(member)) = change.map(|state| state.change) else {
            continue;
        };
        if member.membership != Membership::Join {
            joined.remove(&member.participant);
        } else if let Some(after) = &member.after {
            joined.insert(member.participant, after.order());
        } else {
            joined.entry(member.participant).or_insert((1, 0));
        }
    }
    let mut leaves = BTreeMap::new();
    for placed in deciding {
        let event = &placed.event;
        let place = (event.epoch, event.seq);
        let is_leave =
            event.event_type == EventType::ROOM_LEAVE && placed.standing == Standing::Valid;
        let Some(person) = event.sender.as_ref().filter(|_| is_leave) else {
            continue;
        };
        if joined.get(person).is_some_and(|after| *after < place) {
            let at = LogPosition {
                epoch: event.epoch,
                seq: event.seq,
                hash: Some(placed.hash),
            };
            leaves.insert(person.clone(), at);
        }
    }
    leaves
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::events::core::testing;
    use crate::events::model::{Kind, Shown};

    const BOB: &str = "@bob:b.example";

    fn placed(sender: &str, seq: i64, event_type: EventType, content: Value) -> Placed {
        let verified = testing::draft(content).sign(&testing::key()).unwrap();
        let hash = verified.hash();
        let mut event = verified.into_inner();
        let sender: Fqid = sender.parse().unwrap();
        event.origin = sender.server_name().clone();
        event.sender = Some(sender);
        (event.seq, event.event_type) = (seq, event_type);
        Placed {
            position: seq,
            event: Arc::new(event),
            hash,
            standing: Standing::Valid,
            shown: Shown::Never,
            kind: Kind::State,
            target: None,
        }
    }

    /// The host's word that bob is in the room, from behind this place of his server's log on.
    fn join(seq: i64, after: i64) -> Placed {
        let hash = (after > 0).then(|| format!("sha256:{}", "ab".repeat(32)));
        let content = json!({
            "participant": BOB, "membership": "join", "power_level": 0, "seen": {},
            "after": {"epoch": 1, "seq": after, "hash": hash},
        });
        placed("@alice:a.example", seq, EventType::ROOM_MEMBER, content)
    }

    fn leave(seq: i64) -> Placed {
        placed(BOB, seq, EventType::ROOM_LEAVE, json!({}))
    }

    fn named(deciding: &[Placed]) -> Vec<(String, i64)> {
        let host = "a.example".parse().unwrap();
        let leaves = unrecorded_leaves(deciding, &host).into_iter();
        leaves
            .map(|(person, at)| (person.to_string(), at.seq))
            .collect()
    }

    #[test]
    fn a_leave_that_the_host_has_not_recorded_is_named_and_an_earlier_one_is_not() {
        assert_eq!(named(&[join(2, 0), leave(5)]), [(BOB.to_owned(), 5)]);
        assert_eq!(named(&[join(2, 0), leave(5), join(3, 5)]), []);
        let gone = json!({"participant": BOB, "membership": "leave", "power_level": 0, "seen": {}});
        let gone = placed("@alice:a.example", 3, EventType::ROOM_MEMBER, gone);
        assert_eq!(named(&[join(2, 0), gone, leave(5)]), []);
    }

    #[test]
    fn a_leave_that_does_not_count_is_none() {
        let mut forged = leave(5);
        forged.standing = Standing::Void;
        assert_eq!(named(&[join(2, 0), forged]), []);
    }
}
