//! Rooms, members and invitations as one person sees them.

use std::collections::HashMap;

use super::core::content::{Membership, RoomType};
use super::error::RoomError;
use super::model::{Invitation, InvitedRoom, Member, Room};
use super::store::erased::NOBODY;
use super::store::members::{self, MemberRow};
use super::store::rooms::RoomRow;
use super::store::settings::{self, OwnSettings};
use super::store::unfederated;
use crate::clock::iso;
use crate::db::{Db, DbError};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::participants::{self, Participant};
use crate::tenants::Tenant;
use crate::{events, messages, workspaces};

/// Who looks, and at which database.
#[derive(Clone, Copy)]
pub struct Viewer<'a> {
    /// The tenant.
    pub tenant: &'a Tenant,
    /// The database.
    pub db: &'a Db,
    /// The person.
    pub id: ParticipantId,
}

/// A room in full.
pub async fn room(viewer: Viewer<'_>, row: RoomRow) -> Result<Room, DbError> {
    let Viewer { tenant, db, id } = viewer;
    let member = members::get(tenant, db.reader(), row.id, id).await?;
    let is_member = member
        .as_ref()
        .is_some_and(|member| member.membership == Membership::Join);
    let (unread, mentions) = if is_member {
        let unread = messages::unread(tenant, db, id, row.id).await?;
        (unread.unread_count, unread.mention_count)
    } else {
        (0, 0)
    };
    let own = own_settings(viewer, &row).await?;
    let last_event_at = events::store::last_shown_at(tenant, db, row.id).await?;
    let display_name = display_name(viewer, &row).await?;
    let is_own_host = row.host == *tenant.server_name();
    let federated = row.federated && !(is_own_host && has_left_federation(viewer, &row).await?);
    let workspace_of = match row.creator_id {
        creator if is_own_host && creator != NOBODY => creator,
        _ => id,
    };
    Ok(Room {
        id: row.id,
        room_alias: row.alias,
        name: row.name,
        topic: row.topic,
        room_type: row.room_type,
        state: row.state,
        scope_kind: row.scope_kind,
        visibility: row.visibility,
        read_role_slugs: row.read_role_slugs,
        is_public: row.room_type == RoomType::Public,
        workspace_id: row
            .workspace_id
            .unwrap_or_else(|| workspaces::personal_id(tenant, workspace_of)),
        creator_id: row.creator_id,
        created_at: iso(row.created_at),
        member_count: row.member_count,
        display_name,
        avatar_url: row.avatar_url,
        server_name: row.host,
        federated,
        history_visibility: row.history_visibility,
        edit_window_seconds: row.edit_window_seconds,
        auto_close: row.auto_close,
        last_event_at: last_event_at.map(iso),
        membership: member.as_ref().map(|member| member.membership),
        power_level: member.as_ref().map(|member| member.power_level),
        notification_mode: is_member.then_some(own.notification_mode),
        muted_until: own.muted_until.map(iso),
        unread_count: unread,
        mention_count: mentions,
    })
}

/// Whether the room was taken out of the federation, and the last person of another server has gone.
async fn has_left_federation(viewer: Viewer<'_>, row: &RoomRow) -> Result<bool, DbError> {
    let Viewer { tenant, db, .. } = viewer;
    if !unfederated::contains(tenant, db.reader(), row.id).await? {
        return Ok(false);
    }
    let servers = members::servers(tenant, db, row.id).await?;
    Ok(servers.iter().all(|server| server == tenant.server_name()))
}

/// The name to show: a DM has the other's, and an incognito room need not have one.
pub async fn display_name(viewer: Viewer<'_>, row: &RoomRow) -> Result<String, DbError> {
    if let Some(name) = &row.name {
        return Ok(name.clone());
    }
    if row.room_type == RoomType::Incognito {
        return Ok("Incognito room".to_owned());
    }
    let other = members::other_in_dm(viewer.tenant, viewer.db, row.id, viewer.id).await?;
    let other = match other {
        Some(id) => participants::store::get(viewer.tenant, viewer.db.reader(), id).await?,
        None => None,
    };
    Ok(other.map_or_else(|| "Room".to_owned(), |other| other.display_name))
}

/// The viewer's settings for a room, or what a room starts with.
pub async fn own_settings(viewer: Viewer<'_>, row: &RoomRow) -> Result<OwnSettings, DbError> {
    let stored = settings::get(viewer.tenant, viewer.db, viewer.id, row.id).await?;
    Ok(stored.unwrap_or_else(|| {
        let mode = if row.room_type == RoomType::Dm {
            "all"
        } else {
            "mentions"
        };
        OwnSettings {
            notification_mode: mode.to_owned(),
            muted_until: None,
        }
    }))
}

/// Members, each with the participant; settings only in the viewer's own row.
pub async fn members(
    viewer: Viewer<'_>,
    row: &RoomRow,
    rows: Vec<MemberRow>,
) -> Result<Vec<Member>, DbError> {
    let own = own_settings(viewer, row).await?;
    let people = people(viewer, rows.iter().map(MemberRow::participant_id)).await?;
    let present = |member: MemberRow| {
        let id = member.participant_id();
        let participant = people.get(&id)?.clone();
        let is_own = id == viewer.id;
        Some(Member {
            participant_id: id,
            membership: member.membership,
            power_level: member.power_level,
            joined_at: member.joined_at.map(iso),
            notification_mode: is_own.then(|| own.notification_mode.clone()),
            muted_until: own.muted_until.filter(|_| is_own).map(iso),
            response_mode: None,
            participant,
        })
    };
    Ok(rows.into_iter().filter_map(present).collect())
}

/// One member of a room.
pub async fn member(
    viewer: Viewer<'_>,
    row: &RoomRow,
    id: ParticipantId,
) -> Result<Option<Member>, RoomError> {
    let found = members::get(viewer.tenant, viewer.db.reader(), row.id, id).await?;
    let rows = found.into_iter().collect();
    Ok(members(viewer, row, rows).await?.pop())
}

/// Open invitations.
pub async fn invitations(
    viewer: Viewer<'_>,
    rows: Vec<(RoomId, MemberRow)>,
) -> Result<Vec<Invitation>, DbError> {
    let people = people(
        viewer,
        rows.iter().filter_map(|(_, member)| member.invited_by),
    )
    .await?;
    let mut invitations = Vec::with_capacity(rows.len());
    for (room_id, member) in rows {
        let found = super::store::rooms::get(viewer.tenant, viewer.db.reader(), room_id).await?;
        let Some(row) = found else { continue };
        invitations.push(Invitation {
            room_id,
            room: InvitedRoom {
                id: room_id,
                display_name: display_name(viewer, &row).await?,
                room_type: row.room_type,
                member_count: row.member_count,
            },
            participant_id: member.participant_id(),
            invited_by: member.invited_by.and_then(|id| people.get(&id).cloned()),
            reason: member.reason,
            created_at: iso(member.changed_at),
            expires_at: member.expires_at.map(iso),
        });
    }
    Ok(invitations)
}

async fn people(
    viewer: Viewer<'_>,
    ids: impl Iterator<Item = ParticipantId>,
) -> Result<HashMap<ParticipantId, Participant>, DbError> {
    let ids: Vec<_> = ids.collect();
    participants::store::get_many(viewer.tenant, viewer.db, &ids).await
}
