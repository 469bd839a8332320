//! What people ask of a room, and what becomes of it.

/// A person's place in the test's list of people.
pub(super) type Who = usize;
/// A message's place in the room's list of messages.
pub(super) type Said = usize;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Join,
    Leave,
    Rejoin,
    Archive,
    Close,
    Invite(Who),
    Withdraw(Who),
    Kick(Who),
    Ban(Who),
    Unban(Who),
    Level(Who, u8),
    Threshold(&'static str, u8),
    Rename(String),
    Topic(Option<String>),
    Send(String),
    Edit(Said, String),
    Redact(Said),
    React(Said, &'static str),
    Unreact(Said, &'static str),
    Pin(Said),
    Unpin(Said),
}

/// What becomes of it: an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Member {
        who: Who,
        to: &'static str,
        level: u8,
        /// Who did it; who it is about, where it happened by itself.
        by: Who,
    },
    State(&'static str),
    Threshold(&'static str, u8),
    Name(String),
    Topic(Option<String>),
    Message(Who, String),
    Edit(Said, String),
    Redaction(Said),
    Reaction(Said, &'static str, Who),
    NoReaction(Said, &'static str, Who),
    Pin(Said),
    NoPin(Said),
}
