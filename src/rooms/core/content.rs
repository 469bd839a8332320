//! The contents of room events as they stand on the wire (federation specification, "Events").
//!
//! A state event's content is parsed once, into [`StateChange`]; what does not parse takes its place in the log and
//! has no effect. Unknown members of a content are kept and ignored, so that later versions can add some.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use super::epochs::LogChange;
use super::levels::{LevelKey, OWNER};
pub use super::logs::{LogPosition, OriginKey, Positions};
use crate::events::core::event::is_time;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::{Fqid, ServerName};
use crate::workspaces::WorkspaceId;

/// What kind of room it is; never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 6.3 of the client specification"
)]
pub enum RoomType {
    Group,
    Public,
    Incognito,
    Dm,
    Sidekick,
    Bridge,
}

impl RoomType {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            RoomType::Group => "group",
            RoomType::Public => "public",
            RoomType::Incognito => "incognito",
            RoomType::Dm => "dm",
            RoomType::Sidekick => "sidekick",
            RoomType::Bridge => "bridge",
        }
    }

    /// Whether people of other servers may take part in such a room (federation specification, "Who owns what").
    pub fn federates(self, scope_kind: Option<&str>) -> bool {
        let stays_here = matches!(self, RoomType::Incognito | RoomType::Sidekick);
        !stays_here && scope_kind.is_none()
    }

    /// Whether the kind of room says who is in it and what is set in it (client specification, section 6.3).
    pub const fn is_fixed(self) -> bool {
        matches!(self, RoomType::Dm | RoomType::Sidekick)
    }

    /// Whether nobody can be asked into such a room, nor it be archived: its kind is fixed, or it belongs to a note.
    pub fn is_bound(self, scope_kind: Option<&str>) -> bool {
        self.is_fixed() || scope_kind == Some("note")
    }
}

/// Whether a room can be written to; `Closed` is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 6.4 of the client specification"
)]
pub enum Lifecycle {
    Open,
    Archived,
    Closed,
}

impl Lifecycle {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Lifecycle::Open => "open",
            Lifecycle::Archived => "archived",
            Lifecycle::Closed => "closed",
        }
    }
}

/// A person's relation to a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 6.5 of the client specification"
)]
pub enum Membership {
    Join,
    Leave,
    Ban,
    Invite,
    Knock,
}

impl Membership {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Membership::Join => "join",
            Membership::Leave => "leave",
            Membership::Ban => "ban",
            Membership::Invite => "invite",
            Membership::Knock => "knock",
        }
    }
}

/// From when on members read: everything, or what came after their own join.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 6.1 of the client specification"
)]
pub enum HistoryVisibility {
    Shared,
    Joined,
}

impl HistoryVisibility {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            HistoryVisibility::Shared => "shared",
            HistoryVisibility::Joined => "joined",
        }
    }
}

/// `swp.room.create`: the host's first event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Create {
    /// Makes the room's id, with the host's name.
    pub nonce: String,
    /// The kind of room.
    pub room_type: RoomType,
    /// The name; null for DMs.
    pub name: Option<String>,
    /// The topic.
    pub topic: Option<String>,
    /// `incognito`, `note` or null.
    pub scope_kind: Option<String>,
    /// `restricted` or null.
    pub visibility: Option<String>,
    /// Roles that see a restricted room.
    #[serde(default)]
    pub read_role_slugs: Vec<String>,
    /// From when on members read.
    pub history_visibility: HistoryVisibility,
    /// For how long a message can be edited, in seconds; 0: not at all.
    pub edit_window_seconds: u64,
    /// Whether the room closes when its creator leaves.
    pub auto_close: bool,
    /// `#slug:server_name`, null for DMs.
    pub alias: Option<String>,
    /// All thresholds.
    pub power_levels: BTreeMap<LevelKey, u8>,
    /// The key of the host's log.
    pub key: OriginKey,
}

/// `swp.room.member`: somebody's relation to the room changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberChange {
    /// Who it is about.
    pub participant: Fqid,
    /// The relation from now on.
    pub membership: Membership,
    /// The level from now on, 0 to 100.
    pub power_level: u8,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With `join`: the head of the participant's origin's log when it asked to join. Own leaves up to here are past.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<LogPosition>,
    /// With the first `join` from an origin: the key of its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<OriginKey>,
    /// With `join` and `invite`: the profile, signed by the participant's server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Value>,
    /// With `invite`: until when it can be accepted, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// With `leave`: the participant's own leave event, which this records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_leave: Option<EventId>,
}

impl MemberChange {
    /// Whether the participant is an AI, by the profile that is with it. `None`: there is none.
    pub fn is_of_ai(&self) -> Option<bool> {
        let kind = self.profile.as_ref()?.get("participant_type")?.as_str()?;
        Some(matches!(kind, "model" | "agent" | "helper"))
    }
}

/// `swp.room.settings`: only what changed is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "named as in PUT /v1/rooms/{id}/settings")]
pub struct SettingsChange {
    #[serde(default, with = "present", skip_serializing_if = "Option::is_none")]
    pub visibility: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_role_slugs: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_visibility: Option<HistoryVisibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit_window_seconds: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_close: Option<bool>,
    #[serde(default, with = "present", skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<Option<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_servers: Option<Vec<ServerName>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_servers: Option<Vec<ServerName>>,
    #[serde(
        default,
        deserialize_with = "if_known",
        skip_serializing_if = "Option::is_none"
    )]
    pub workspace_id: Option<WorkspaceId>,
}

/// What is of no use here is as if it were absent: other servers take the event all the same.
fn if_known<'de, D: Deserializer<'de>>(value: D) -> Result<Option<WorkspaceId>, D::Error> {
    Ok(WorkspaceId::deserialize(Value::deserialize(value)?).ok())
}

/// Tells an absent member from one that is null.
mod present {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer, T: Serialize>(
        value: &Option<Option<T>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        value
            .as_ref()
            .and_then(Option::as_ref)
            .serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
        deserializer: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::<T>::deserialize(deserializer).map(Some)
    }
}

/// What a state event changes, by its type.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "one for each state event type")]
pub enum Change {
    Create(Box<Create>),
    Member(Box<MemberChange>),
    Name(String),
    Topic(Option<String>),
    Lifecycle(Lifecycle),
    Settings(Box<SettingsChange>),
    PowerLevels(BTreeMap<LevelKey, u8>),
    Pin {
        event_id: EventId,
        add: bool,
    },
    Seen,
    /// An epoch of a log is admitted.
    Log(Box<LogChange>),
    /// A state event type of a later version: part of the chain, without effect here.
    Unknown,
}

/// A state event's content: the change, and how far the host had seen the other logs.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    /// What changes.
    pub change: Change,
    /// The last event of each origin that still counts, where a right is taken away.
    pub cutoff: Positions,
    /// The last event of each origin that the host held.
    pub seen: Positions,
}

#[derive(Deserialize)]
struct Marks {
    #[serde(default)]
    cutoff: Positions,
    #[serde(default)]
    seen: Positions,
}

impl StateChange {
    /// Reads a state event's content; an error says what is wrong with it.
    pub fn parse(
        event_type: &EventType,
        content: &Value,
    ) -> Result<StateChange, serde_json::Error> {
        #[derive(Deserialize)]
        struct Name {
            name: String,
        }
        #[derive(Deserialize)]
        struct Topic {
            topic: Option<String>,
        }
        #[derive(Deserialize)]
        struct State {
            state: Lifecycle,
        }
        #[derive(Deserialize)]
        struct PowerLevels {
            power_levels: BTreeMap<LevelKey, u8>,
        }
        #[derive(Deserialize)]
        struct Pin {
            event_id: EventId,
            action: Action,
        }
        let marks = Marks::deserialize(content)?;
        let in_range = |level: &u8| match *level <= OWNER {
            true => Ok(()),
            false => Err(serde_json::Error::custom("a level is from 0 to 100")),
        };
        let change = match event_type {
            of if *of == EventType::ROOM_CREATE => {
                let create = Create::deserialize(content)?;
                create.power_levels.values().try_for_each(in_range)?;
                Change::Create(Box::new(create))
            }
            of if *of == EventType::ROOM_MEMBER => {
                let change = MemberChange::deserialize(content)?;
                in_range(&change.power_level)?;
                if change.expires_at.is_some_and(|at| !is_time(at)) {
                    return Err(serde_json::Error::custom("`expires_at` is no time"));
                }
                Change::Member(Box::new(change))
            }
            of if *of == EventType::ROOM_NAME => Change::Name(Name::deserialize(content)?.name),
            of if *of == EventType::ROOM_TOPIC => Change::Topic(Topic::deserialize(content)?.topic),
            of if *of == EventType::ROOM_STATE => {
                Change::Lifecycle(State::deserialize(content)?.state)
            }
            of if *of == EventType::ROOM_SETTINGS => {
                Change::Settings(Box::new(SettingsChange::deserialize(content)?))
            }
            of if *of == EventType::ROOM_POWER_LEVELS => {
                let levels = PowerLevels::deserialize(content)?.power_levels;
                levels.values().try_for_each(in_range)?;
                Change::PowerLevels(levels)
            }
            of if *of == EventType::ROOM_PIN => {
                let Pin { event_id, action } = Pin::deserialize(content)?;
                Change::Pin {
                    event_id,
                    add: action == Action::Add,
                }
            }
            of if *of == EventType::ROOM_SEEN => Change::Seen,
            of if *of == EventType::ROOM_LOG => {
                Change::Log(Box::new(LogChange::read(content, &marks.cutoff)?))
            }
            _ => Change::Unknown,
        };
        Ok(StateChange {
            change,
            cutoff: marks.cutoff,
            seen: marks.seen,
        })
    }
}

/// Whether something is put there or taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 10 of the client specification"
)]
pub enum Action {
    Add,
    Remove,
}

/// `swp.room.message.edit`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edit {
    /// The message.
    pub event_id: EventId,
    /// Its content from now on.
    pub content: Value,
}

/// `swp.room.redaction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// The message.
    pub event_id: EventId,
    /// Why, in words.
    #[serde(default)]
    pub reason: Option<String>,
}

/// `swp.room.reaction`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reaction {
    /// The message.
    pub event_id: EventId,
    /// 1 to 64 bytes without control characters.
    pub emoji: String,
    /// Put or taken away.
    pub action: Action,
}

/// `swp.room.leave`: a home server's own record that one of its people left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leave {
    /// Why, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The longest emoji of a reaction, in bytes.
pub const MAX_EMOJI: usize = 64;

/// Whether `emoji` can stand in a reaction.
pub fn is_emoji(emoji: &str) -> bool {
    (1..=MAX_EMOJI).contains(&emoji.len()) && !emoji.chars().any(char::is_control)
}

/// Which event an edit, redaction or reaction is about; `None` for other types. An error: the content is malformed.
pub fn target(
    event_type: &EventType,
    content: &Value,
) -> Result<Option<EventId>, serde_json::Error> {
    Ok(match event_type {
        of if *of == EventType::ROOM_MESSAGE_EDIT => {
            let edit = Edit::deserialize(content)?;
            if !edit.content.is_object() {
                return Err(serde_json::Error::custom("`content` is not an object"));
            }
            Some(edit.event_id)
        }
        of if *of == EventType::ROOM_REDACTION => Some(Redaction::deserialize(content)?.event_id),
        of if *of == EventType::ROOM_REACTION => {
            let reaction = Reaction::deserialize(content)?;
            if !is_emoji(&reaction.emoji) {
                return Err(serde_json::Error::custom(
                    "`emoji` is not 1 to 64 bytes without control characters",
                ));
            }
            Some(reaction.event_id)
        }
        of if *of == EventType::ROOM_PROFILE => {
            if !content.get("profile").is_some_and(Value::is_object) {
                return Err(serde_json::Error::custom("`profile` is not an object"));
            }
            None
        }
        _ => None,
    })
}

/// Whether a reaction's content takes the reaction away: that needs no level, like taking back what one said.
pub fn takes_reaction_back(content: &Value) -> bool {
    Reaction::deserialize(content).is_ok_and(|reaction| reaction.action == Action::Remove)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_incognito_or_belongs_to_a_note_or_task_stays_on_its_server() {
        for room_type in [
            RoomType::Group,
            RoomType::Public,
            RoomType::Dm,
            RoomType::Bridge,
        ] {
            assert!(room_type.federates(None));
            assert!(!room_type.federates(Some("incognito")));
            assert!(!room_type.federates(Some("note")));
        }
        assert!(!RoomType::Incognito.federates(None));
        assert!(!RoomType::Sidekick.federates(None));
    }
}
