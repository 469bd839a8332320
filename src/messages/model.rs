//! What is known of a message beside its event.

use serde_json::Value;

use crate::events::core::ids::ParticipantId;

/// What edits and redactions made of a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The edit that counts; none on a redacted message.
    pub edit: Option<Edited>,
    /// The redaction, the first one in the common order.
    pub redaction: Option<Redacted>,
}

/// The edit that counts: the latest in the common order.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// The content from then on.
    pub content: Value,
    /// When, in ms.
    pub at: i64,
    /// Its place in the common order.
    pub order: String,
}

/// A redaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// When, in ms.
    pub at: i64,
    /// By whom.
    pub by: ParticipantId,
    /// Why.
    pub reason: Option<String>,
    /// Its place in the common order.
    pub order: String,
}

/// One person's emoji on a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji.
    pub emoji: String,
    /// Whose.
    pub participant_id: ParticipantId,
    /// When it was put there or taken away, in ms.
    pub at: i64,
    /// The place of that event in the common order.
    pub order: String,
    /// Whether it is there.
    pub active: bool,
}
