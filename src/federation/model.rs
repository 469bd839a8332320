//! What is known about other servers, and what was refused from them.

use serde::Serialize;

use super::core::descriptor::{BaseUrl, Pinned};
use crate::catalogue::Code;
use crate::events::core::event::Event;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;

/// Another server, as a tenant knows it. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Its name.
    pub server_name: ServerName,
    /// The keys believed since first contact; none before it.
    pub pinned: Option<Pinned>,
    /// Where its descriptor says that it lives, if not at its name.
    pub base_url: Option<BaseUrl>,
    /// Until when its last descriptor may be relied upon; 0 for none.
    pub descriptor_until: i64,
    /// Descriptor fetches that failed in a row.
    pub fetch_failures: u32,
    /// When the next one may be tried.
    pub next_fetch_at: i64,
    /// Whether an admin stopped sending to it.
    pub paused: bool,
    /// Deliveries that failed in a row.
    pub send_failures: u32,
    /// The first of them.
    pub failing_since: Option<i64>,
    /// When the next one may be tried.
    pub next_send_at: i64,
    /// Its last valid request.
    pub last_seen_at: Option<i64>,
    /// The last delivery that it took.
    pub last_sent_at: Option<i64>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When that was.
    pub last_error_at: Option<i64>,
    /// Its clock minus ours when it was last seen.
    pub skew_ms: Option<i64>,
    /// When it was first heard of.
    pub created_at: i64,
}

impl Peer {
    /// A server that nothing is known of yet.
    #[must_use]
    pub fn unknown(server_name: ServerName, now_ms: i64) -> Self {
        Self {
            server_name,
            pinned: None,
            base_url: None,
            descriptor_until: 0,
            fetch_failures: 0,
            next_fetch_at: 0,
            paused: false,
            send_failures: 0,
            failing_since: None,
            next_send_at: 0,
            last_seen_at: None,
            last_sent_at: None,
            last_error: None,
            last_error_at: None,
            skew_ms: None,
            created_at: now_ms,
        }
    }
}

/// One of the federation specification's checks of what another server sends, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "u8")]
#[expect(missing_docs, reason = "named and numbered as in the table of checks")]
pub enum Check {
    Shape = 1,
    Version = 2,
    TenantPolicy = 3,
    PeerPolicy = 4,
    Signature = 5,
    Room = 6,
    Envelope = 7,
    Content = 8,
}

impl Check {
    /// The check's number as a label.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Check::Shape => "1",
            Check::Version => "2",
            Check::TenantPolicy => "3",
            Check::PeerPolicy => "4",
            Check::Signature => "5",
            Check::Room => "6",
            Check::Envelope => "7",
            Check::Content => "8",
        }
    }
}

impl From<Check> for u8 {
    fn from(check: Check) -> Self {
        check as Self
    }
}

/// Something that was refused, for the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// Who delivered it.
    pub peer: ServerName,
    /// Which check it failed.
    pub check: Check,
    /// With which code.
    pub code: Code,
    /// Why, for people.
    pub message: String,
    /// The event concerned, as far as it could be read.
    pub event: RejectedEvent,
}

impl RejectedEvent {
    /// An event that could be read.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        Self {
            room_id: Some(event.room_id),
            event_id: Some(event.event_id),
            origin: Some(event.origin.clone()),
            epoch: Some(event.epoch),
            seq: Some(event.seq),
        }
    }
}

/// What could be read of a refused event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RejectedEvent {
    /// The room that it names.
    pub room_id: Option<RoomId>,
    /// Its id.
    pub event_id: Option<EventId>,
    /// Whose log it claims a place in.
    pub origin: Option<ServerName>,
    /// The epoch of that place.
    pub epoch: Option<i64>,
    /// The number of that place.
    pub seq: Option<i64>,
}
