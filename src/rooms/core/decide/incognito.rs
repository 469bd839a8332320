//! Incognito rooms: what marks their events, and when one of them ends for good (client specification, section 6.2).

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Command, Intent, Refusal};
use crate::events::core::event_type::EventType;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{MemberChange, Membership};
use crate::rooms::core::view::RoomView;

/// The scope of an incognito room, whatever its type.
pub const SCOPE: &str = "incognito";

/// Whether the room is an incognito one.
pub(super) fn is_incognito(view: &RoomView) -> bool {
    view.history.profile().scope_kind.as_deref() == Some(SCOPE)
}

/// Marks events of an incognito room as not to be indexed, whatever a client said of its content.
pub(super) fn mark(intents: &mut [Intent]) {
    for intent in intents {
        set_mark(&mut intent.content);
        if intent.event_type == EventType::ROOM_MESSAGE_EDIT
            && let Some(content) = intent.content.get_mut("content")
        {
            set_mark(content);
        }
    }
}

fn set_mark(content: &mut Value) {
    if let Value::Object(members) = content {
        members.insert("do_not_index".to_owned(), json!(true));
    }
}

/// Whether what was decided ends the room for good: its creator goes, by whosever doing, from an incognito room that closes
/// with its creator.
pub fn ends(view: &RoomView, intents: &[Intent]) -> bool {
    let profile = view.history.profile();
    let closes_with_creator = profile.auto_close && is_incognito(view);
    closes_with_creator
        && view.joined(&profile.creator).is_some()
        && intents
            .iter()
            .any(|intent| takes_out(intent, &profile.creator))
}

fn takes_out(intent: &Intent, person: &Fqid) -> bool {
    let is_membership = intent.event_type == EventType::ROOM_MEMBER;
    is_membership
        && MemberChange::deserialize(&intent.content).is_ok_and(|change| {
            change.participant == *person && change.membership != Membership::Join
        })
}

/// What a command comes to in a room that has ended for good; `membership`: what is left of the actor's relation to it.
pub fn after_the_end(command: &Command, membership: Option<Membership>) -> Result<(), Refusal> {
    match command {
        Command::Accept(_) | Command::Decline => Err(Refusal::NotFound(
            "there is no open invitation to this room",
        )),
        Command::Join(_) | Command::Knock { .. } => Err(Refusal::Frozen),
        Command::Rejoin(_) if membership.is_some() => Err(Refusal::Frozen),
        Command::Leave { .. } if membership.is_some() => Ok(()),
        _ => Err(Refusal::NotMember),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::core::hash::Hash;
    use crate::events::core::sign::KeyPair;
    use crate::rooms::core::content::{Change, Create, OriginKey, StateChange};
    use crate::rooms::core::decide::{Context, decide};
    use crate::rooms::core::history::{History, StateEntry};
    use crate::rooms::core::test_rooms;

    fn person(name: &str) -> Fqid {
        format!("@{name}:h.example").parse().unwrap()
    }

    fn member(name: &str, membership: Membership, power_level: u8) -> Change {
        Change::Member(Box::new(MemberChange {
            power_level,
            ..super::super::plain_change(&person(name), membership, 0)
        }))
    }

    /// A room of alice's with bob in it.
    fn room(scope_kind: Option<&str>, auto_close: bool) -> RoomView {
        let key = KeyPair::from_seed(&[1; 32]);
        let create = Create {
            scope_kind: scope_kind.map(str::to_owned),
            auto_close,
            ..test_rooms::group("nonce", 60, OriginKey::of(key.public_key()))
        };
        let host = "h.example".parse().unwrap();
        let first = Hash::of(b"1");
        let mut history = History::begin(host, &create, person("alice"), 1, 1, first);
        let changes = [
            member("alice", Membership::Join, 100),
            member("bob", Membership::Join, 50),
        ];
        for (seq, change) in (2..).zip(changes) {
            let change = StateChange {
                change,
                cutoff: Default::default(),
                seen: Default::default(),
            };
            history.push(&StateEntry {
                seq,
                hash: Hash::of(&seq.to_be_bytes()),
                sender: None,
                ts: seq,
                change: Some(&change),
            });
        }
        RoomView {
            history,
            logs: Default::default(),
        }
    }

    fn asks(view: &RoomView, actor: &str, command: &Command) -> Result<Vec<Intent>, Refusal> {
        let context = Context {
            now: 10,
            writes_at: 10,
            max_participants: None,
            max_foreign: 10,
            federates: true,
            state_waits: false,
            target: None,
        };
        decide(view, &person(actor), command, &context)
    }

    const LEAVE: Command = Command::Leave { reason: None };

    #[test]
    fn every_event_of_an_incognito_room_says_that_it_is_not_to_be_indexed() {
        let says = Command::Send {
            content: json!({"body": "hi", "do_not_index": false}),
        };
        let renames = Command::SetName("New".to_owned());
        for command in [&says, &renames, &LEAVE] {
            for intent in asks(&room(Some(SCOPE), false), "alice", command).unwrap() {
                assert_eq!(intent.content["do_not_index"], true, "{intent:?}");
            }
            for intent in asks(&room(None, false), "alice", command).unwrap() {
                assert_ne!(intent.content["do_not_index"], true, "{intent:?}");
            }
        }
    }

    #[test]
    fn what_an_edit_makes_of_a_message_is_not_to_be_indexed_either() {
        let mut edit = [Intent {
            event_type: EventType::ROOM_MESSAGE_EDIT,
            sender: None,
            content: json!({"event_id": "x", "content": {"body": "new"}}),
        }];
        mark(&mut edit);
        let [edit] = edit;
        assert_eq!(edit.content["content"]["do_not_index"], true);
    }

    #[test]
    fn the_room_ends_when_its_creator_leaves_and_with_nobody_else() {
        let ends_with = |view: &RoomView, actor: &str| {
            let intents = asks(view, actor, &LEAVE).unwrap();
            ends(view, &intents)
        };
        let closing = room(Some(SCOPE), true);
        assert!(ends_with(&closing, "alice"));
        assert!(!ends_with(&closing, "bob"));
        assert!(!ends_with(&room(Some(SCOPE), false), "alice"));
        assert!(!ends_with(&room(None, true), "alice"));
    }

    #[test]
    fn only_incognito_rooms_close_with_their_creator() {
        let change = |auto_close| {
            Command::ChangeSettings(crate::rooms::core::content::SettingsChange {
                auto_close: Some(auto_close),
                ..Default::default()
            })
        };
        let refused = asks(&room(None, false), "alice", &change(true));
        assert!(matches!(refused, Err(Refusal::Type(_))), "{refused:?}");
        assert!(asks(&room(None, false), "alice", &change(false)).is_ok());
        assert!(asks(&room(Some(SCOPE), false), "alice", &change(true)).is_ok());
        let refused = asks(&room(Some(SCOPE), false), "bob", &change(true));
        assert!(matches!(refused, Err(Refusal::LevelTooLow { .. })));
    }

    #[test]
    fn a_room_that_has_ended_answers_as_a_closed_one_that_was_left() {
        let left = Some(Membership::Leave);
        assert_eq!(after_the_end(&LEAVE, left), Ok(()));
        assert_eq!(after_the_end(&LEAVE, None), Err(Refusal::NotMember));
        let says = Command::Send { content: json!({}) };
        assert_eq!(after_the_end(&says, left), Err(Refusal::NotMember));
        let archive = Command::Archive;
        assert_eq!(after_the_end(&archive, left), Err(Refusal::NotMember));
    }
}
