//! What a peer may read of a room (federation specification, "Who may read a room").

use serde_json::Value;

use super::stay;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::{Kind, Placed};
use crate::events::store::{self, Within};
use crate::http::path::PathId;
use crate::rooms::core::content::HistoryVisibility;
use crate::rooms::store::{members, rooms};
use crate::tenants::Tenant;

/// Before the first position of a stream.
const BEFORE_ALL: i64 = -1;

/// A room as far as one peer may read it.
pub(super) struct Sight {
    /// The room.
    pub(super) room_id: RoomId,
    /// Who hosts it.
    pub(super) host: ServerName,
    peer: ServerName,
    /// What was said up to this position of our stream it is not told.
    told_after: i64,
    reach: Reach,
}

/// How far a peer may read.
enum Reach {
    /// It has people in the room, or hosts it.
    Everything,
    /// It had: up to the last one's leave or removal, the host's event about that, and what of its own log that lets count.
    Until {
        position: i64,
        removal: Option<EventId>,
        own: Option<(i64, i64)>,
    },
    /// Its last person was banned: the host's event that says so.
    Only(EventId),
}

impl Sight {
    /// Whether the peer may have the event at all.
    pub(super) fn reaches(&self, placed: &Placed) -> bool {
        match self.reach {
            Reach::Everything => true,
            Reach::Until {
                position,
                removal,
                own,
            } => {
                let event = &placed.event;
                let is_within = event.origin == self.peer && Some((event.epoch, event.seq)) <= own;
                placed.position <= position || removal == Some(event.event_id) || is_within
            }
            Reach::Only(removal) => removal == placed.event.event_id,
        }
    }

    /// Whether it has people in the room, or hosts it.
    pub(super) fn is_member(&self) -> bool {
        matches!(self.reach, Reach::Everything)
    }

    /// The one event that it may have, if that is all.
    pub(super) fn only(&self) -> Option<EventId> {
        match self.reach {
            Reach::Only(removal) => Some(removal),
            Reach::Everything | Reach::Until { .. } => None,
        }
    }

    /// If it may not read an origin's log to the end: what of it.
    pub(super) fn bounds(&self, origin: &ServerName) -> Option<Within> {
        match self.reach {
            Reach::Everything => None,
            Reach::Until {
                position,
                removal,
                own,
            } => Some(Within {
                position,
                also: removal,
                until: own.filter(|_| *origin == self.peer),
            }),
            Reach::Only(removal) => Some(Within {
                position: BEFORE_ALL,
                also: Some(removal),
                until: None,
            }),
        }
    }

    /// The event as the peer gets it. One that it is not told stands there without its content, so that its chain holds.
    pub(super) fn show(&self, placed: &Placed) -> Value {
        if !self.withholds(placed) {
            return placed.event.to_value();
        }
        placed.event.without_content().to_value()
    }

    /// Whether the peer is not told what the event says.
    pub(super) fn withholds(&self, placed: &Placed) -> bool {
        let is_own = placed.event.origin == self.peer;
        let is_told = placed.kind != Kind::Timeline || placed.position > self.told_after;
        let is_shown = is_own || (self.reaches(placed) && is_told);
        !is_shown
    }

    /// The part of a log's page that the peer may have: up to the last event within its reach.
    pub(super) fn page<'p>(&self, page: &'p [Placed]) -> &'p [Placed] {
        let end = page.iter().rposition(|placed| self.reaches(placed));
        let end = end.map_or(0, |last| last + 1);
        page.get(..end).unwrap_or_default()
    }
}

/// The room, for its host and for a server whose people are or were in it. To every other server it is missing.
pub(super) async fn sight(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: PathId<RoomId>,
) -> Result<Sight> {
    let room_id = room_id.or(Code::RoomNotFound)?;
    let missing = || Error::new(Code::RoomNotFound);
    let row = rooms::get(tenant, app.db().reader(), room_id)
        .await?
        .ok_or_else(missing)?;
    let sight = |told_after, reach| Sight {
        room_id,
        host: row.host.clone(),
        peer: peer.clone(),
        told_after,
        reach,
    };
    // The host reads everything, whoever is there: it judges.
    if row.host == *peer {
        return Ok(sight(0, Reach::Everything));
    }
    let is_member = members::servers(tenant, app.db(), room_id)
        .await?
        .contains(peer);
    if is_member && row.history_visibility == HistoryVisibility::Shared {
        return Ok(sight(0, Reach::Everything));
    }
    if !members::maybe_joined(tenant, app.db(), room_id, peer).await? {
        return Err(missing());
    }
    let deciding = store::deciding(tenant, app.db().reader(), room_id).await?;
    let stay = stay::latest(&row.host, peer, &deciding).ok_or_else(missing)?;
    let told_after = match row.history_visibility {
        HistoryVisibility::Shared => 0,
        HistoryVisibility::Joined => stay.from,
    };
    let reach = match stay.end {
        None => Reach::Everything,
        Some(end) => match end.removal.filter(|_| end.banned) {
            Some(ban) => Reach::Only(ban),
            None => Reach::Until {
                position: end.position,
                removal: end.removal,
                own: end.own,
            },
        },
    };
    Ok(sight(told_after, reach))
}

/// Whether people of a server are or were in a room: what they said while they were may still arrive.
pub(super) async fn ever_shared(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<bool> {
    if members::has_joined(tenant, app.db(), room_id, peer).await? {
        return Ok(true);
    }
    if !members::maybe_joined(tenant, app.db(), room_id, peer).await? {
        return Ok(false);
    }
    let Some(row) = rooms::get(tenant, app.db().reader(), room_id).await? else {
        return Ok(false);
    };
    let deciding = store::deciding(tenant, app.db().reader(), room_id).await?;
    Ok(stay::latest(&row.host, peer, &deciding).is_some())
}
