//! Thresholds: which level an action needs in a room (client specification, section 7).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::content::RoomType;

/// The highest level, the owner's.
pub const OWNER: u8 = 100;
/// The level of a moderator.
pub const MODERATOR: u8 = 50;

/// An action whose threshold a room can change. Serialised as in `PUT /v1/rooms/{id}/power-levels`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "each names its action, as in the specification's table"
)]
pub enum LevelKey {
    Archive,
    ArtifactsWrite,
    Ban,
    CallEnd,
    CallRecord,
    CallStart,
    /// The level that joining gives.
    Default,
    Invite,
    Kick,
    Name,
    Pin,
    Power,
    React,
    Redact,
    Send,
    Settings,
    Topic,
    Upload,
    Workspace,
}

impl LevelKey {
    /// Every key.
    pub const ALL: [LevelKey; 19] = [
        LevelKey::Archive,
        LevelKey::ArtifactsWrite,
        LevelKey::Ban,
        LevelKey::CallEnd,
        LevelKey::CallRecord,
        LevelKey::CallStart,
        LevelKey::Default,
        LevelKey::Invite,
        LevelKey::Kick,
        LevelKey::Name,
        LevelKey::Pin,
        LevelKey::Power,
        LevelKey::React,
        LevelKey::Redact,
        LevelKey::Send,
        LevelKey::Settings,
        LevelKey::Topic,
        LevelKey::Upload,
        LevelKey::Workspace,
    ];

    fn initial(self, room_type: RoomType, restricted: bool) -> u8 {
        match self {
            LevelKey::Send | LevelKey::React if room_type == RoomType::Sidekick => OWNER,
            LevelKey::Send
            | LevelKey::React
            | LevelKey::Upload
            | LevelKey::CallStart
            | LevelKey::Default => 0,
            LevelKey::Invite if restricted => MODERATOR,
            LevelKey::Invite => 0,
            LevelKey::Pin | LevelKey::Topic if room_type == RoomType::Public => MODERATOR,
            LevelKey::Pin | LevelKey::Topic => 0,
            LevelKey::ArtifactsWrite => 10,
            LevelKey::Redact
            | LevelKey::Kick
            | LevelKey::Ban
            | LevelKey::CallEnd
            | LevelKey::CallRecord
            | LevelKey::Name
            | LevelKey::Archive => MODERATOR,
            LevelKey::Settings | LevelKey::Power | LevelKey::Workspace => OWNER,
        }
    }
}

/// A room's thresholds; every key has a value from 0 to 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Levels(BTreeMap<LevelKey, u8>);

impl Levels {
    /// What a new room starts with.
    pub fn initial(room_type: RoomType, restricted: bool) -> Levels {
        Levels(
            LevelKey::ALL
                .into_iter()
                .map(|key| (key, key.initial(room_type, restricted)))
                .collect(),
        )
    }

    /// The threshold of `key`.
    pub fn get(&self, key: LevelKey) -> u8 {
        self.0.get(&key).copied().unwrap_or(OWNER)
    }

    /// These thresholds with `changes` put over them.
    pub fn with(&self, changes: &BTreeMap<LevelKey, u8>) -> Levels {
        let mut levels = self.clone();
        levels
            .0
            .extend(changes.iter().map(|(key, level)| (*key, *level)));
        levels
    }

    /// Whether any threshold of `self` is higher than in `before`: a right that somebody may have lost.
    pub fn raises(&self, before: &Levels) -> bool {
        LevelKey::ALL
            .iter()
            .any(|key| self.get(*key) > before.get(*key))
    }

    /// All keys with their values.
    pub fn to_map(&self) -> &BTreeMap<LevelKey, u8> {
        &self.0
    }
}
