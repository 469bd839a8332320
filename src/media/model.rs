//! What is known of a file.

use serde::Serialize;

use crate::clock::iso;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, MediaId, ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};

/// What is known of a file, wherever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its id.
    pub media_id: MediaId,
    /// Who uploaded it.
    pub uploader: Fqid,
    /// The hash of its bytes.
    pub sha256: Hash,
    /// How many bytes.
    pub size: i64,
    /// Its type.
    pub mime_type: String,
    /// Its name.
    pub filename: String,
    /// When it was uploaded, or named by a message of another server, in ms.
    pub created_at: i64,
}

/// A file that this server keeps for its own people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// What is known of it.
    pub facts: Facts,
    /// Whether all of the tenant may read it.
    pub tenant_scope: bool,
}

/// A message that names a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The message.
    pub event_id: EventId,
    /// Its room.
    pub room_id: RoomId,
    /// Position of the event that brought the content which names the file.
    pub since: i64,
    /// Whose message it is: that server has the bytes.
    pub origin: ServerName,
    /// What the origin says of the file.
    pub facts: Facts,
}

/// A copy of another server's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// How many bytes.
    pub size: i64,
    /// The type that was found out from them.
    pub mime_type: String,
}

/// A file as clients are shown it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the content specification"
)]
pub struct Media {
    pub media_id: MediaId,
    pub sha256: String,
    pub mime_type: String,
    pub size: i64,
    pub thumbnail_id: Option<MediaId>,
    pub width: Option<i64>,
    pub height: Option<i64>,
    pub scan_status: ScanStatus,
    pub filename: String,
    pub duration: Option<f64>,
    pub uploader_id: ParticipantId,
    pub created_at: String,
}

/// What is known of a file's harmlessness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScanStatus {
    /// Nothing was found; without a scanner that holds of every file at once.
    Clean,
}

impl From<&Facts> for Media {
    fn from(facts: &Facts) -> Self {
        Self {
            media_id: facts.media_id,
            sha256: facts.sha256.hex(),
            mime_type: facts.mime_type.clone(),
            size: facts.size,
            thumbnail_id: None,
            width: None,
            height: None,
            scan_status: ScanStatus::Clean,
            filename: facts.filename.clone(),
            duration: None,
            uploader_id: ParticipantId::derive(&facts.uploader),
            created_at: iso(facts.created_at),
        }
    }
}
