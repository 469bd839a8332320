//! Rooms as clients send and see them (client specification, sections 5 and 6).

use garde::Validate;
use serde::{Deserialize, Serialize};

use super::core::content::{HistoryVisibility, Lifecycle, Membership, RoomType};
use crate::error::Reason;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::http::fields::refuse;
use crate::http::json::nullable;
use crate::participants::Participant;
use crate::workspaces::WorkspaceId;

/// The longest reason, in characters.
pub(crate) const MAX_REASON: usize = 500;
/// The longest topic, in characters.
const MAX_TOPIC: usize = 2000;
/// The longest room name, in characters.
const MAX_NAME: usize = 200;
/// The longest edit window, in seconds: 30 days.
const MAX_EDIT_WINDOW: u64 = 2_592_000;

/// `POST /v1/rooms`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewRoom {
    #[serde(default)]
    pub room_type: Option<RoomType>,
    #[garde(inner(custom(good_name)))]
    pub name: Option<String>,
    #[garde(inner(length(chars, max = MAX_TOPIC)))]
    pub topic: Option<String>,
    pub is_public: Option<bool>,
    pub workspace_id: Option<WorkspaceId>,
    pub scope_kind: Option<ScopeKind>,
    pub visibility: Option<Visibility>,
    #[serde(default)]
    #[garde(length(max = 50), inner(length(bytes, min = 1, max = 64)))]
    pub read_role_slugs: Vec<String>,
    pub auto_close: Option<bool>,
    #[serde(default)]
    #[garde(length(max = 100))]
    pub invite: Vec<ParticipantId>,
}

/// The scopes that a client can ask for.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeKind {
    /// Stays on its server and out of every index.
    Incognito,
}

/// Who sees a room.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Holders of a role only.
    Restricted,
}

impl Visibility {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Visibility::Restricted => "restricted",
        }
    }
}

/// A body that names a participant.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct OfParticipant {
    pub participant_id: ParticipantId,
    #[garde(inner(length(chars, max = MAX_REASON)))]
    pub reason: Option<String>,
}

/// `POST /v1/me/federated-dms`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NamedPerson {
    pub fqid: Fqid,
}

/// `POST {r}/invite`: one of the two names.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Invite {
    pub participant_id: Option<ParticipantId>,
    pub fqid: Option<Fqid>,
    #[garde(inner(length(chars, max = MAX_REASON)))]
    pub reason: Option<String>,
}

/// `POST {r}/leave`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct LeaveRoom {
    #[garde(inner(length(chars, max = MAX_REASON)))]
    pub reason: Option<String>,
}

/// `PUT {r}/name`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Rename {
    #[garde(custom(good_name))]
    pub name: String,
}

/// `PUT {r}/topic`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewTopic {
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(good_topic))]
    pub topic: Option<Option<String>>,
}

/// `PUT {r}/members/{participant_id}/power-level`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewLevel {
    #[garde(range(min = 0, max = 100))]
    pub power_level: i64,
}

/// `PUT {r}/settings`: any subset.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewSettings {
    #[serde(default, deserialize_with = "nullable")]
    pub visibility: Option<Option<Visibility>>,
    #[garde(inner(length(max = 50), inner(length(bytes, min = 1, max = 64))))]
    pub read_role_slugs: Option<Vec<String>>,
    pub history_visibility: Option<HistoryVisibility>,
    #[garde(inner(range(max = MAX_EDIT_WINDOW)))]
    pub edit_window_seconds: Option<u64>,
    pub auto_close: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    #[garde(custom(good_avatar))]
    pub avatar_url: Option<Option<String>>,
}

/// `PUT {r}/workspace`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewWorkspace {
    pub workspace_id: WorkspaceId,
}

/// `PUT {r}/notification-mode`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct NewMode {
    pub mode: Mode,
}

/// When a room notifies.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 11 of the client specification"
)]
pub enum Mode {
    All,
    Mentions,
    None,
    Inherit,
}

impl Mode {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Mode::All => "all",
            Mode::Mentions => "mentions",
            Mode::None => "none",
            Mode::Inherit => "inherit",
        }
    }
}

/// `PUT {r}/mute`: a time, `forever`, or null.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct Mute {
    #[serde(default, deserialize_with = "nullable")]
    pub until: Option<Option<String>>,
}

/// `GET /v1/directory/rooms`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct DirectoryQuery {
    #[garde(inner(length(chars, max = 200)))]
    pub q: Option<String>,
    pub room_type: Option<RoomType>,
    pub membership: Option<Membership>,
    pub workspace_id: Option<WorkspaceId>,
    pub state: Option<Lifecycle>,
}

/// `GET {r}/members`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
#[expect(missing_docs, reason = "named as in the specification")]
pub struct MembersQuery {
    pub membership: Option<MembershipFilter>,
}

/// Which members a list shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[expect(
    missing_docs,
    reason = "named as in section 6.5 of the client specification"
)]
pub enum MembershipFilter {
    All,
    Join,
    Leave,
    Ban,
    Invite,
    Knock,
}

/// A room as one person sees it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct Room {
    pub id: RoomId,
    pub room_alias: Option<String>,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub room_type: RoomType,
    pub state: Lifecycle,
    pub scope_kind: Option<String>,
    pub visibility: Option<String>,
    pub read_role_slugs: Vec<String>,
    pub is_public: bool,
    pub workspace_id: WorkspaceId,
    pub creator_id: ParticipantId,
    pub created_at: String,
    pub member_count: usize,
    pub display_name: String,
    pub avatar_url: Option<String>,
    pub server_name: ServerName,
    pub federated: bool,
    pub history_visibility: HistoryVisibility,
    pub edit_window_seconds: u64,
    pub auto_close: bool,
    pub last_event_at: Option<String>,
    pub membership: Option<Membership>,
    pub power_level: Option<u8>,
    pub notification_mode: Option<String>,
    pub muted_until: Option<String>,
    pub unread_count: i64,
    pub mention_count: i64,
}

/// Somebody's relation to a room.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct Member {
    pub participant_id: ParticipantId,
    pub membership: Membership,
    pub power_level: u8,
    pub joined_at: Option<String>,
    pub notification_mode: Option<String>,
    pub muted_until: Option<String>,
    pub response_mode: Option<String>,
    pub participant: Participant,
}

/// An open invitation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct Invitation {
    pub room_id: RoomId,
    pub room: InvitedRoom,
    pub participant_id: ParticipantId,
    pub invited_by: Option<Participant>,
    pub reason: Option<String>,
    pub created_at: String,
    pub expires_at: Option<String>,
}

/// As much of a room as an invitation shows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct InvitedRoom {
    pub id: RoomId,
    pub display_name: String,
    pub room_type: RoomType,
    pub member_count: usize,
}

/// The state of a room at once (section 4), with what later parts of the product add still empty.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 4 of the client specification"
)]
pub struct Snapshot {
    pub room: Room,
    pub members: Vec<Member>,
    pub members_truncated: bool,
    #[schema(value_type = Vec<Object>)]
    pub engagement: Vec<()>,
    #[schema(value_type = Option<Object>)]
    pub plan: Option<()>,
    #[schema(value_type = Vec<Object>)]
    pub active_sidekicks: Vec<()>,
    #[schema(value_type = Option<Object>)]
    pub active_call: Option<()>,
    pub unread_count: i64,
    pub mention_count: i64,
    pub last_read_event_id: Option<EventId>,
    pub muted_until: Option<String>,
    pub snoozed_event_ids: Vec<EventId>,
    pub pinned_event_ids: Vec<EventId>,
    pub stream_position: i64,
}

fn good_name(name: &str, (): &()) -> garde::Result {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME {
        return Err(refuse(Reason::Length, "must have 1 to 200 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(refuse(Reason::Format, "must not hold control characters"));
    }
    Ok(())
}

fn good_topic(topic: &Option<Option<String>>, (): &()) -> garde::Result {
    match topic {
        None => Err(refuse(Reason::Missing, "is required")),
        Some(Some(topic)) if topic.chars().count() > MAX_TOPIC => {
            Err(refuse(Reason::Length, "must have at most 2000 characters"))
        }
        _ => Ok(()),
    }
}

fn good_avatar(avatar: &Option<Option<String>>, (): &()) -> garde::Result {
    match avatar {
        Some(Some(url)) if crate::participants::profile::check_avatar(url).is_err() => Err(refuse(
            Reason::Format,
            "must be an https address or the path of a media download",
        )),
        _ => Ok(()),
    }
}
