//! The type of an event: which rule judges it and which limits its content has.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::text::text_form;

/// What every type begins with.
const PREFIX: &str = "swp.";
/// Longest type in bytes.
const MAX_LEN: usize = 64;

/// The type of an event: 1 to 64 of `a-z0-9._`, beginning with `swp.`. Unknown ones are stored and passed on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventType(Cow<'static, str>);

/// The text is no event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an event type")]
pub struct EventTypeError;

impl EventType {
    /// A room begins; its host's first event.
    pub const ROOM_CREATE: Self = Self::known("swp.room.create");
    /// A message.
    pub const ROOM_MESSAGE: Self = Self::known("swp.room.message");
    /// A new content for a message.
    pub const ROOM_MESSAGE_EDIT: Self = Self::known("swp.room.message.edit");
    /// A message or reaction is taken back.
    pub const ROOM_REDACTION: Self = Self::known("swp.room.redaction");
    /// An emoji on a message.
    pub const ROOM_REACTION: Self = Self::known("swp.room.reaction");
    /// Somebody joins, is invited, kicked, banned, or has left: the host's word.
    pub const ROOM_MEMBER: Self = Self::known("swp.room.member");
    /// A participant leaves: their home server's word.
    pub const ROOM_LEAVE: Self = Self::known("swp.room.leave");
    /// How a participant looks from now on: their home server's word.
    pub const ROOM_PROFILE: Self = Self::known("swp.room.profile");
    /// The room's name.
    pub const ROOM_NAME: Self = Self::known("swp.room.name");
    /// The room's topic.
    pub const ROOM_TOPIC: Self = Self::known("swp.room.topic");
    /// The room is open, archived or closed.
    pub const ROOM_STATE: Self = Self::known("swp.room.state");
    /// The room's settings.
    pub const ROOM_SETTINGS: Self = Self::known("swp.room.settings");
    /// Who may do what.
    pub const ROOM_POWER_LEVELS: Self = Self::known("swp.room.power_levels");
    /// A message is pinned or no longer so.
    pub const ROOM_PIN: Self = Self::known("swp.room.pin");
    /// How far the host has seen every log.
    pub const ROOM_SEEN: Self = Self::known("swp.room.seen");
    /// The host admits a new epoch of a log.
    pub const ROOM_LOG: Self = Self::known("swp.room.log");
    /// A log goes over to a new key.
    pub const LOG_KEY: Self = Self::known("swp.log.key");
    /// A log begins anew, in its next epoch.
    pub const LOG_RESTART: Self = Self::known("swp.log.restart");

    const STATE: [Self; 10] = [
        Self::ROOM_CREATE,
        Self::ROOM_MEMBER,
        Self::ROOM_NAME,
        Self::ROOM_TOPIC,
        Self::ROOM_STATE,
        Self::ROOM_SETTINGS,
        Self::ROOM_POWER_LEVELS,
        Self::ROOM_PIN,
        Self::ROOM_SEEN,
        Self::ROOM_LOG,
    ];

    /// A type that stands in the source, for constants of the domains that own it.
    ///
    /// # Panics
    /// If the text is no event type: at compile time, when it makes a constant.
    pub const fn known(text: &'static str) -> Self {
        assert!(is_event_type(text.as_bytes()), "not an event type");
        Self(Cow::Borrowed(text))
    }

    /// Whether only the room's host may write such an event, as part of the room's state.
    pub fn is_state(&self) -> bool {
        Self::STATE.contains(self)
    }

    /// Whether such an event is about its log alone: which key it goes by, and what its epoch stands by.
    pub fn is_of_log(&self) -> bool {
        [Self::LOG_KEY, Self::LOG_RESTART].contains(self)
    }

    /// The type as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_event_type(text: &[u8]) -> bool {
    if text.len() > MAX_LEN {
        return false;
    }
    let mut rest = text;
    let mut prefix = PREFIX.as_bytes();
    while let ([first, after @ ..], [expected, others @ ..]) = (rest, prefix) {
        if *first != *expected {
            return false;
        }
        (rest, prefix) = (after, others);
    }
    if !prefix.is_empty() || rest.is_empty() {
        return false;
    }
    while let [first, after @ ..] = rest {
        if !matches!(first, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_') {
            return false;
        }
        rest = after;
    }
    true
}

impl FromStr for EventType {
    type Err = EventTypeError;

    fn from_str(text: &str) -> Result<Self, EventTypeError> {
        if !is_event_type(text.as_bytes()) {
            return Err(EventTypeError);
        }
        Ok(Self(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

text_form!(EventType);
