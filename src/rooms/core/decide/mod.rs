//! What a person asks for, and what becomes of it: event drafts, or a refusal.
//!
//! `decide` is pure. Its checks stand in the order of the client specification's section 1 (membership, room type,
//! power, target, ownership, state, capacity), so that the first to fail answers.

mod create;
mod incognito;
mod lifecycle;
mod logs;
mod membership;
mod messages;
mod refusal;
mod settings;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

pub use create::{CreateRoom, alias_slug, create};
pub use incognito::{SCOPE as INCOGNITO, after_the_end, ends};
pub use logs::Restart;
pub use refusal::Refusal;

use super::content::{Action, MemberChange, Membership, OriginKey, SettingsChange};
use super::history::Member;
use super::levels::LevelKey;
use super::view::{RoomView, Taking};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::{Fqid, ServerName};
use crate::workspaces::WorkspaceId;

/// How long an invitation can be accepted, in ms: 14 days.
pub const INVITATION_MS: i64 = 14 * 24 * 3600 * 1000;

/// What a person asks of a room. `None` for a person means that no such participant is known.
#[derive(Clone, Debug)]
pub enum Command {
    /// Ask somebody in.
    Invite {
        /// Whom.
        target: Option<Invitee>,
        /// Why.
        reason: Option<String>,
    },
    /// Ask a DM's other person, who is of another server and has never come in, once more.
    InviteToDm {
        /// Whom.
        target: Invitee,
    },
    /// Archive a DM beside which the two have another one: the host's own doing.
    SetAside,
    /// Begin the own server's log of the room anew: what its host is asked.
    AskRestart(Restart),
    /// Let a server begin its log of the room anew: the host's own doing.
    Admit {
        /// Whose log.
        origin: ServerName,
        /// What was asked.
        restart: Restart,
        /// The signed request.
        document: Value,
    },
    /// Take an invitation back.
    WithdrawInvitation {
        /// Whose.
        target: Option<Fqid>,
    },
    /// End the actor's invitation, which has run out: the host's own doing.
    EndInvitation,
    /// Come in.
    Join(Joining),
    /// Come in on an invitation, and only on one.
    Accept(Joining),
    /// Ask to be let in.
    Knock {
        /// Who asks.
        knocking: Joining,
        /// Why.
        reason: Option<String>,
    },
    /// Go, or decline an invitation.
    Leave {
        /// Why.
        reason: Option<String>,
    },
    /// Decline an invitation, and only that.
    Decline,
    /// Put somebody out.
    Kick {
        /// Whom.
        target: Option<Fqid>,
        /// Why.
        reason: Option<String>,
    },
    /// Put somebody out for good.
    Ban {
        /// Whom.
        target: Option<Fqid>,
        /// Why.
        reason: Option<String>,
    },
    /// Lift a ban.
    Unban {
        /// Whose.
        target: Option<Fqid>,
    },
    /// Give a member another level.
    SetLevel {
        /// Whom.
        target: Option<Fqid>,
        /// The level, 0 to 100.
        level: u8,
    },
    /// Change thresholds.
    SetLevels(BTreeMap<LevelKey, u8>),
    /// Rename.
    SetName(String),
    /// Change or take away the topic.
    SetTopic(Option<String>),
    /// Change settings.
    ChangeSettings(SettingsChange),
    /// Move to a workspace; `None`: none that the actor may put rooms into.
    Move(Option<WorkspaceId>),
    /// Keep a message at hand, or no longer.
    Pin {
        /// The message.
        target: EventId,
        /// Which of the two.
        action: Action,
    },
    /// Stop writing for now.
    Archive,
    /// End the room.
    Close,
    /// Come back, and reopen what was archived.
    Rejoin(Joining),
    /// Say something.
    Send {
        /// The client's object.
        content: Value,
    },
    /// Change what oneself said.
    Edit {
        /// The message.
        target: EventId,
        /// Its content from now on.
        content: Value,
    },
    /// Take back what was said.
    Redact {
        /// The message.
        target: EventId,
        /// Why.
        reason: Option<String>,
    },
    /// Show other servers how one looks from now on.
    ShowProfile {
        /// The signed profile.
        profile: Value,
    },
    /// Put or take away a reaction.
    React {
        /// The message.
        target: EventId,
        /// With what.
        emoji: String,
        /// Which of the two.
        action: Action,
    },
}

impl Command {
    /// The event that the command is about, which has to be looked up before deciding.
    pub fn target(&self) -> Option<EventId> {
        match self {
            Command::Edit { target, .. }
            | Command::Redact { target, .. }
            | Command::React { target, .. }
            | Command::Pin { target, .. } => Some(*target),
            _ => None,
        }
    }

    /// Whether it lets somebody in who is not there yet.
    pub fn lets_in(&self) -> bool {
        matches!(
            self,
            Command::Invite { .. }
                | Command::InviteToDm { .. }
                | Command::Join(_)
                | Command::Accept(_)
                | Command::Rejoin(_)
        )
    }

    /// Whether every server decides this for its own people, or only the room's host.
    pub fn is_for_host(&self) -> bool {
        !matches!(
            self,
            Command::Send { .. }
                | Command::Edit { .. }
                | Command::Redact { .. }
                | Command::React { .. }
                | Command::ShowProfile { .. }
        )
    }
}

/// Somebody who is invited.
#[derive(Clone, Debug)]
pub struct Invitee {
    /// Who.
    pub person: Fqid,
    /// The profile, signed by the person's server, where it is known.
    pub profile: Option<Value>,
    /// Whether the person may be in a restricted room.
    pub holds_role: bool,
}

/// Somebody who comes in.
#[derive(Clone, Debug)]
pub struct Joining {
    /// The profile, signed by the person's server.
    pub profile: Option<Value>,
    /// The key of the person's server's log.
    pub key: Option<OriginKey>,
    /// The head of that log when the join was asked for; for the host's own people there is none.
    pub after: Option<super::content::LogPosition>,
    /// Whether the person may be in a restricted room.
    pub holds_role: bool,
}

/// What is known of the event that a command is about.
#[derive(Clone, Debug)]
pub struct TargetFacts {
    /// Who sent it.
    pub sender: Option<Fqid>,
    /// Its type.
    pub event_type: EventType,
    /// Its time, in ms.
    pub ts: i64,
    /// Whether the actor is shown it.
    pub visible: bool,
    /// Whether it was redacted.
    pub redacted: bool,
    /// Different emoji on it.
    pub emoji_kinds: usize,
    /// Whether the command's emoji is already on it, by anyone.
    pub has_emoji: bool,
    /// Whether the actor put the command's emoji on it.
    pub has_own_emoji: bool,
    /// With a pin: messages that are pinned in the room.
    pub pins: usize,
    /// With a pin: whether this one is.
    pub is_pinned: bool,
}

/// What deciding needs beside the room.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The time, in ms.
    pub now: i64,
    /// The time that the next event of this server will have, in ms: never before its last one's.
    pub writes_at: i64,
    /// Places in a room of this tenant, if limited.
    pub max_participants: Option<usize>,
    /// Places for people of other servers.
    pub max_foreign: usize,
    /// Whether more people of other servers may come in.
    pub federates: bool,
    /// Whether the host has just started and must not append state yet.
    pub state_waits: bool,
    /// The event that the command is about, if it exists in this room.
    pub target: Option<&'a TargetFacts>,
}

/// An event to be chained, signed and appended.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// Its type.
    pub event_type: EventType,
    /// Who sends it; `None`: the host itself.
    pub sender: Option<Fqid>,
    /// Its content, an object.
    pub content: Value,
}

/// Decides `command` of `actor`. An empty list: it is so already.
pub fn decide(
    view: &RoomView,
    actor: &Fqid,
    command: &Command,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let mut intents = decide_plainly(view, actor, command, context)?;
    if incognito::is_incognito(view) {
        incognito::mark(&mut intents);
    }
    Ok(intents)
}

fn decide_plainly(
    view: &RoomView,
    actor: &Fqid,
    command: &Command,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    match command {
        Command::Invite { target, reason } => {
            membership::invite(view, actor, target.as_ref(), reason.as_deref(), context)
        }
        Command::InviteToDm { target } => membership::invite_to_dm(view, actor, target, context),
        Command::SetAside => lifecycle::set_aside(view, actor),
        Command::AskRestart(restart) => logs::ask_restart(view, actor, restart),
        Command::Admit {
            origin,
            restart,
            document,
        } => logs::admit(view, origin, restart, document),
        Command::WithdrawInvitation { target } => {
            membership::withdraw(view, actor, target.as_ref(), context)
        }
        Command::EndInvitation => Ok(membership::end_invitation(view, actor, context)),
        Command::Join(joining) => membership::join(view, actor, joining, context),
        Command::Accept(joining) => membership::accept(view, actor, joining, context),
        Command::Knock { knocking, reason } => {
            membership::knock(view, actor, knocking, reason.as_deref())
        }
        Command::Leave { reason } => membership::leave(view, actor, reason.as_deref()),
        Command::Decline => membership::decline(view, actor, context),
        Command::Kick { target, reason } => membership::remove(
            view,
            actor,
            target.as_ref(),
            reason.as_deref(),
            Membership::Leave,
        ),
        Command::Ban { target, reason } => membership::remove(
            view,
            actor,
            target.as_ref(),
            reason.as_deref(),
            Membership::Ban,
        ),
        Command::Unban { target } => membership::unban(view, actor, target.as_ref()),
        Command::SetLevel { target, level } => {
            settings::set_level(view, actor, target.as_ref(), *level)
        }
        Command::SetLevels(changes) => settings::set_levels(view, actor, changes),
        Command::SetName(name) => settings::set_name(view, actor, name),
        Command::SetTopic(topic) => settings::set_topic(view, actor, topic.as_deref()),
        Command::ChangeSettings(change) => settings::change(view, actor, change),
        Command::Move(to) => settings::set_workspace(view, actor, *to),
        Command::Pin { target, action } => messages::pin(view, actor, *target, *action, context),
        Command::Archive => lifecycle::archive(view, actor),
        Command::Close => lifecycle::close(view, actor),
        Command::Rejoin(joining) => lifecycle::rejoin(view, actor, joining, context),
        Command::Send { content } => messages::send(view, actor, content, context),
        Command::Edit { target, content } => messages::edit(view, actor, *target, content, context),
        Command::Redact { target, reason } => {
            messages::redact(view, actor, *target, reason.as_deref(), context)
        }
        Command::ShowProfile { profile } => messages::show_profile(view, actor, profile),
        Command::React {
            target,
            emoji,
            action,
        } => messages::react(view, actor, *target, emoji, *action, context),
    }
}

/// What the host writes when it sees that `person` left by itself: its record, and what follows.
pub fn recorded_leave(view: &RoomView, person: &Fqid, leave: &Event) -> Vec<Intent> {
    membership::recorded_leave(view, person, leave)
}

/// What the host writes before, or because of, a message in a DM whose other person has gone.
pub fn brought_back(view: &RoomView, sender: &Fqid) -> Option<Intent> {
    messages::brought_back(view, sender)
}

/// What the host writes to tell how far it has seen the other logs.
pub fn seen(view: &RoomView) -> Intent {
    state_event(
        view,
        EventType::ROOM_SEEN,
        None,
        Map::new(),
        Taking::Nothing,
    )
}

/// The actor's entry, if it is in the room.
fn require_joined<'a>(view: &'a RoomView, actor: &Fqid) -> Result<&'a Member, Refusal> {
    view.joined(actor).ok_or(Refusal::NotMember)
}

/// Refuses what rooms do not know whose kind is fixed, or that belong to a note.
fn refuse_bound(view: &RoomView, why: &'static str) -> Result<(), Refusal> {
    let profile = view.history.profile();
    match profile.room_type.is_bound(profile.scope_kind.as_deref()) {
        true => Err(Refusal::Type(why)),
        false => Ok(()),
    }
}

fn require_level(view: &RoomView, member: &Member, key: LevelKey) -> Result<(), Refusal> {
    let needed = view.history.level(key);
    if member.power_level < needed {
        return Err(Refusal::LevelTooLow { key, needed });
    }
    Ok(())
}

/// The room's own lists: what people of a server outside of them say counts nowhere, so it is not taken from them.
fn require_server(view: &RoomView, person: &Fqid) -> Result<(), Refusal> {
    if view.history.server_lists().allow(person.server_name()) {
        Ok(())
    } else {
        Err(Refusal::Forbidden(
            "the room does not let this server take part",
        ))
    }
}

fn require_open(view: &RoomView) -> Result<(), Refusal> {
    if view.is_open() {
        Ok(())
    } else {
        Err(Refusal::Frozen)
    }
}

/// A state event with the marks that belong to it. Built from a serialisable content; a content that is no object
/// cannot come out of these types, and would be refused at signing.
fn state_event(
    view: &RoomView,
    event_type: EventType,
    sender: Option<&Fqid>,
    content: impl Serialize,
    taking: Taking<'_>,
) -> Intent {
    let (cutoff, seen) = view.marks(taking);
    let mut content = match serde_json::to_value(content) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    };
    if !cutoff.is_empty() {
        content.insert("cutoff".to_owned(), serde_json::json!(cutoff));
    }
    content.insert("seen".to_owned(), serde_json::json!(seen));
    Intent {
        event_type,
        sender: sender.cloned(),
        content: Value::Object(content),
    }
}

/// A membership change, with the cut-off of the person's log where it takes something away.
fn member_event(view: &RoomView, sender: Option<&Fqid>, change: &MemberChange) -> Intent {
    let takes = view
        .history
        .member(&change.participant)
        .is_some_and(|before| {
            before.membership == Membership::Join
                && (change.membership != Membership::Join
                    || change.power_level < before.power_level)
        });
    let taking = if takes {
        Taking::From(&change.participant)
    } else {
        Taking::Nothing
    };
    state_event(view, EventType::ROOM_MEMBER, sender, change, taking)
}

/// A membership change that only names who, what and at which level.
fn plain_change(participant: &Fqid, membership: Membership, power_level: u8) -> MemberChange {
    MemberChange {
        participant: participant.clone(),
        membership,
        power_level,
        reason: None,
        after: None,
        key: None,
        profile: None,
        expires_at: None,
        recorded_leave: None,
    }
}
