//! The state of a room at once (client specification, section 4).

use super::model::Snapshot;
use super::present::{self, Viewer};
use super::store::members;
use super::store::rooms::RoomRow;
use crate::clock::iso;
use crate::db::DbError;
use crate::messages::store::pins;
use crate::messages::visibility;
use crate::notifications::store::snoozes;
use crate::{events, messages};

/// Pinned messages in a snapshot: a room has no more.
const MOST_PINS: i64 = 100;
/// Members in a snapshot, at most.
const MOST_MEMBERS: i64 = 500;

/// The room as the viewer sees it now. The position is read first, so that a sync from it misses nothing.
pub async fn of(viewer: Viewer<'_>, row: RoomRow) -> Result<Snapshot, DbError> {
    let stream_position = events::store::position(viewer.tenant, viewer.db).await?;
    let (rows, total) = members::list(
        viewer.tenant,
        viewer.db,
        row.id,
        ("join", None),
        MOST_MEMBERS,
        0,
    )
    .await?;
    let members = present::members(viewer, &row, rows).await?;
    let unread = messages::unread(viewer.tenant, viewer.db, viewer.id, row.id).await?;
    let (tenant, db) = (viewer.tenant, viewer.db);
    let readable = visibility::of(tenant, db.reader(), row.id, viewer.id).await?;
    let pinned = match readable {
        Some(readable) => pins::page(tenant, db, row.id, readable, None, MOST_PINS).await?,
        None => Vec::new(),
    };
    let own = present::own_settings(viewer, &row).await?;
    let snoozed = snoozes::in_room(tenant, db, viewer.id, row.id).await?;
    Ok(Snapshot {
        room: present::room(viewer, row).await?,
        members,
        members_truncated: total > MOST_MEMBERS,
        engagement: Vec::new(),
        plan: None,
        active_sidekicks: Vec::new(),
        active_call: None,
        unread_count: unread.unread_count,
        mention_count: unread.mention_count,
        last_read_event_id: unread.last_read_event_id,
        muted_until: own.muted_until.map(iso),
        snoozed_event_ids: snoozed,
        pinned_event_ids: pinned
            .iter()
            .map(|(message, _)| message.event.event_id)
            .collect(),
        stream_position,
    })
}
