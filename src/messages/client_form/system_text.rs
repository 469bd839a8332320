//! What an event says of a room, as an English sentence.

use crate::events::core::names::{Fqid, ServerName};
use crate::rooms::core::content::{Change, Lifecycle, MemberChange, Membership};

/// The sentence for a state change; `None`: it has none. Without a sender it happened by itself.
pub(super) fn of(change: &Change, sender: Option<&Fqid>, home: &ServerName) -> Option<String> {
    let by = |active: String, passive: String| match sender {
        Some(sender) => format!("{} {active}", name(sender, home)),
        None => format!("The room {passive}"),
    };
    Some(match change {
        Change::Member(change) => membership(change, sender, home),
        Change::Name(new) => by(format!("named the room {new}"), format!("was named {new}")),
        Change::Topic(Some(topic)) => by(
            format!("set the topic to {topic}"),
            format!("has a new topic: {topic}"),
        ),
        Change::Topic(None) => by(
            "removed the topic".to_owned(),
            "has no topic any more".to_owned(),
        ),
        Change::Lifecycle(state) => {
            let verb = match state {
                Lifecycle::Open => "reopened",
                Lifecycle::Archived => "archived",
                Lifecycle::Closed => "closed",
            };
            by(format!("{verb} the room"), format!("was {verb}"))
        }
        Change::Create(_)
        | Change::Settings(_)
        | Change::PowerLevels(_)
        | Change::Pin { .. }
        | Change::Seen
        | Change::Log(_)
        | Change::Unknown => return None,
    })
}

/// The sentence for a leave that the person's own server recorded.
pub(super) fn left(sender: Option<&Fqid>, home: &ServerName) -> String {
    sender.map_or_else(
        || "Somebody left".to_owned(),
        |sender| format!("{} left", name(sender, home)),
    )
}

/// A join brings a profile along or happens by itself; one without changes the level of somebody who is there already.
fn membership(change: &MemberChange, sender: Option<&Fqid>, home: &ServerName) -> String {
    let who = name(&change.participant, home);
    let by = sender.map(|sender| name(sender, home));
    let is_new = change.profile.is_some() || change.after.is_some() || sender.is_none();
    let by_self = sender == Some(&change.participant);
    match (change.membership, by) {
        (Membership::Join, _) if is_new => format!("{who} joined"),
        (Membership::Join, Some(by)) if !by_self => {
            format!("{by} set the level of {who} to {}", change.power_level)
        }
        (Membership::Join, _) => format!("{who} has level {} now", change.power_level),
        (Membership::Leave, _) if by_self => format!("{who} left"),
        (Membership::Leave, Some(by)) => format!("{by} removed {who}"),
        (Membership::Leave, None) => format!("{who} is no longer here"),
        (Membership::Ban, Some(by)) => format!("{by} banned {who}"),
        (Membership::Ban, None) => format!("{who} was banned"),
        (Membership::Invite, Some(by)) => format!("{by} invited {who}"),
        (Membership::Invite, None) => format!("{who} was invited"),
        (Membership::Knock, _) => format!("{who} asks to join"),
    }
}

/// Local people by their short name, others in full.
fn name(person: &Fqid, home: &ServerName) -> String {
    if person.server_name() == home {
        format!("@{}", person.local_id())
    } else {
        person.to_string()
    }
}
