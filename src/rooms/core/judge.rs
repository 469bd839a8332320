//! The judgement rule (federation specification, "Judgement"): does an event count?
//!
//! Pure and total: the same inputs give the same verdict on every server, at every time. A verdict only ever moves
//! from waiting to valid to void, or from waiting to void, because the state history only grows and a cut never falls.

use super::content::Membership;
use super::history::{History, StateSeq};
use super::levels::LevelKey;
use crate::catalogue::Code;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::names::{Fqid, ServerName};
#[cfg(test)]
use crate::simulation::faults::{Fault, is_put_in};

/// What the rule needs to know of the event under judgement.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The server whose log it stands in.
    pub origin: &'a ServerName,
    /// Its epoch.
    pub epoch: i64,
    /// Its number.
    pub seq: i64,
    /// Who sent it.
    pub sender: &'a Fqid,
    /// Its type.
    pub event_type: &'a EventType,
    /// Its time, in ms.
    pub ts: i64,
    /// The state event that it names as the last one known to its origin.
    pub state_seq: StateSeq,
    /// That event's hash.
    pub state_hash: Option<Hash>,
    /// The highest `state_seq` of it and its predecessors in the log.
    pub highest_state_seq: StateSeq,
    /// The sender's own leaves in the same log: their `(epoch, seq)`.
    pub leaves: &'a [(i64, i64)],
    /// Whether its content is not here.
    pub content_missing: bool,
    /// Whether its content cannot be that of its type.
    pub malformed: bool,
    /// Whether it takes an own reaction away.
    pub takes_back: bool,
    /// The event that an edit, redaction or reaction is about, where it is known.
    pub target: Option<Target<'a>>,
}

/// What the rule needs to know of an edit's, redaction's or reaction's target.
#[derive(Clone, Debug)]
pub struct Target<'a> {
    /// Who sent it; only somebody of the server in whose log it stands.
    pub sender: Option<&'a Fqid>,
    /// Its type.
    pub event_type: &'a EventType,
    /// Its time, in ms.
    pub ts: i64,
}

/// Why an event does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// It names a sender of another server: a server speaks for its own people.
    #[error("the sender belongs to another server")]
    ForeignSender,
    /// It claims a state before the one that admitted its epoch.
    #[error("the event rests on a state before its epoch was admitted")]
    BeforeItsEpoch,
    /// A state event in the log of another server than the host.
    #[error("only the room's host changes its state")]
    NotTheHost,
    /// The sender had not joined, or was removed.
    #[error("the sender is not a member")]
    NotMember,
    /// The sender's level is below the threshold.
    #[error("the sender's level is too low")]
    LevelTooLow,
    /// The room's lists keep the sender's server out.
    #[error("the room does not let this server in")]
    ServerNotAllowed,
    /// The room is archived or closed.
    #[error("the room is archived or closed")]
    Frozen,
    /// An edit of somebody else's message.
    #[error("only the sender can edit a message")]
    NotTheSender,
    /// An edit after the room's window.
    #[error("the edit window has passed")]
    TooOldToEdit,
    /// The target is not a message.
    #[error("the target is not a message")]
    NotAMessage,
    /// A redaction of another's message without the level, or in a dm.
    #[error("the sender may not redact this message")]
    RedactForbidden,
    /// The content is malformed for its type, or can never be hashed.
    #[error("the content is malformed")]
    Malformed,
    /// The content has more bytes than its type allows.
    #[error("the content is too large")]
    TooLarge,
}

impl Reason {
    /// The catalogue's code of the refusal, at check 8.
    pub fn code(self) -> Code {
        match self {
            Reason::NotMember => Code::NotMember,
            Reason::ForeignSender
            | Reason::BeforeItsEpoch
            | Reason::NotTheHost
            | Reason::LevelTooLow
            | Reason::ServerNotAllowed
            | Reason::NotTheSender => Code::RoomForbidden,
            Reason::Frozen => Code::RoomFrozen,
            Reason::TooOldToEdit => Code::EventTooOldToEdit,
            Reason::RedactForbidden => Code::RedactForbidden,
            Reason::NotAMessage | Reason::Malformed => Code::ValidationError,
            Reason::TooLarge => Code::ContentTooLarge,
        }
    }
}

/// What an event waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Waiting {
    /// The host state that it claims is not here yet.
    #[error("the host state that it claims is not here yet")]
    State,
    /// The hash that it claims is not that of the host's state event: evidence of a fork.
    #[error("the host state that it claims has another hash")]
    StateHash,
}

/// The outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Valid,
    /// It takes its place in the log and counts for nothing.
    Void(Reason),
    /// It cannot be judged yet.
    Wait(Waiting),
}

/// Types that have a rule. Of another one nobody can say what it takes to send it, so it never loses its content.
const JUDGED: [EventType; 5] = [
    EventType::ROOM_MESSAGE,
    EventType::ROOM_MESSAGE_EDIT,
    EventType::ROOM_REDACTION,
    EventType::ROOM_REACTION,
    EventType::ROOM_PROFILE,
];

/// Judges an event of the timeline: everything but the host's state events and bookkeeping of the log.
pub fn judge(history: &History, claim: &Claim<'_>) -> Verdict {
    if history
        .epochs()
        .excludes(claim.origin, claim.epoch, claim.state_seq)
    {
        return Verdict::Void(Reason::BeforeItsEpoch);
    }
    if claim.sender.server_name() != claim.origin {
        return Verdict::Void(Reason::ForeignSender);
    }
    if claim.event_type.is_state() {
        return Verdict::Void(Reason::NotTheHost);
    }
    if !JUDGED.contains(claim.event_type) {
        return match claim.malformed {
            true => Verdict::Void(Reason::Malformed),
            false => Verdict::Valid,
        };
    }
    let stated = if claim.origin == history.host() {
        history.last_before(claim.seq)
    } else {
        claim.highest_state_seq
    };
    if let Some(waiting) = waits(history, stated, claim) {
        return Verdict::Wait(waiting);
    }
    if claim.malformed {
        return Verdict::Void(Reason::Malformed);
    }
    if is_own_redaction(claim) {
        return Verdict::Valid;
    }
    if let Err(reason) = right(history, stated, claim) {
        return Verdict::Void(reason);
    }
    for k in history.takings_after(stated, claim.sender) {
        let beyond = (claim.epoch, claim.seq) > history.cut(k, claim.origin);
        // Where the simulation puts faults in on purpose, to see that it finds them.
        #[cfg(test)]
        let beyond = match () {
            () if is_put_in(Fault::IgnoresTakings) => false,
            () if is_put_in(Fault::IgnoresCutoffs) => true,
            () => beyond,
        };
        if let Some(reason) = beyond.then(|| right(history, k, claim).err()).flatten() {
            return Verdict::Void(reason);
        }
    }
    Verdict::Valid
}

/// What the event waits for, if it does: the state that it rests on, or the one that it names.
fn waits(history: &History, stated: StateSeq, claim: &Claim<'_>) -> Option<Waiting> {
    #[cfg(test)]
    if is_put_in(Fault::JudgesByWhatIsHeld) {
        return None;
    }
    let (last, _) = history.last();
    if stated > last || claim.state_seq > last {
        return Some(Waiting::State);
    }
    let is_named =
        claim.state_hash.is_some() && history.hash_at(claim.state_seq) == claim.state_hash;
    (!is_named).then_some(Waiting::StateHash)
}

/// A person can always take back what it said, whatever became of its rights. As long as a redaction's content is missing
/// it may be such a one.
fn is_own_redaction(claim: &Claim<'_>) -> bool {
    let own = |target: &Target<'_>| {
        target.sender == Some(claim.sender) && *target.event_type == EventType::ROOM_MESSAGE
    };
    let may_be_own = claim.content_missing || claim.target.as_ref().is_some_and(own);
    *claim.event_type == EventType::ROOM_REDACTION && may_be_own
}

/// Whether the sender may do this in `S[k]`.
fn right(history: &History, k: StateSeq, claim: &Claim<'_>) -> Result<(), Reason> {
    if !history.open_at(k) {
        return Err(Reason::Frozen);
    }
    if !history.server_allowed_at(k, claim.origin) {
        return Err(Reason::ServerNotAllowed);
    }
    let member = history
        .member_at(k, claim.sender)
        .ok_or(Reason::NotMember)?;
    if member.membership != Membership::Join {
        return Err(Reason::NotMember);
    }
    let place = (claim.epoch, claim.seq);
    let joined = member.after.order();
    if claim
        .leaves
        .iter()
        .any(|leave| *leave > joined && *leave < place)
    {
        return Err(Reason::NotMember);
    }
    let level = |key| {
        if member.power_level >= history.level_at(k, key) {
            Ok(())
        } else {
            Err(Reason::LevelTooLow)
        }
    };
    match claim.event_type {
        of if *of == EventType::ROOM_REACTION => {
            if !claim.takes_back {
                level(LevelKey::React)?;
            }
            is_message(claim.target.as_ref())
        }
        // Being in the room is enough to show oneself.
        of if *of == EventType::ROOM_PROFILE => Ok(()),
        of if *of == EventType::ROOM_MESSAGE_EDIT => may_edit(history, k, claim),
        of if *of == EventType::ROOM_REDACTION => may_redact(history, k, claim, member.power_level),
        _ => level(LevelKey::Send),
    }
}

/// With the target unknown, only the effect waits: the event itself keeps its place and counts so far.
fn is_message(target: Option<&Target<'_>>) -> Result<(), Reason> {
    match target {
        Some(target) if *target.event_type != EventType::ROOM_MESSAGE => Err(Reason::NotAMessage),
        _ => Ok(()),
    }
}

fn may_edit(history: &History, k: StateSeq, claim: &Claim<'_>) -> Result<(), Reason> {
    let Some(target) = &claim.target else {
        return Ok(());
    };
    is_message(Some(target))?;
    if target.sender != Some(claim.sender) {
        return Err(Reason::NotTheSender);
    }
    let window_ms =
        i64::try_from(history.edit_window_at(k).saturating_mul(1000)).unwrap_or(i64::MAX);
    if window_ms == 0 || claim.ts.saturating_sub(target.ts) >= window_ms {
        return Err(Reason::TooOldToEdit);
    }
    Ok(())
}

fn may_redact(history: &History, k: StateSeq, claim: &Claim<'_>, level: u8) -> Result<(), Reason> {
    let Some(target) = &claim.target else {
        return Ok(());
    };
    is_message(Some(target))?;
    let is_dm = history.profile().room_type == super::content::RoomType::Dm;
    if is_dm || level < history.level_at(k, LevelKey::Redact) {
        return Err(Reason::RedactForbidden);
    }
    Ok(())
}
