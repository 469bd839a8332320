//! Who may look at a room.

use super::core::content::{Membership, RoomType};
use super::core::decide::Refusal;
use super::error::RoomError;
use super::perform;
use super::store::members;
use super::store::rooms::RoomRow;
use crate::app::App;
use crate::events::core::ids::RoomId;
use crate::http::caller::Caller;

/// The room, for somebody who is in it.
pub async fn joined_room(
    app: &App,
    caller: &Caller,
    room_id: RoomId,
) -> Result<RoomRow, RoomError> {
    let row = perform::find(app, &caller.tenant, room_id).await?;
    match membership(app, caller, room_id).await? {
        Some(Membership::Join) => Ok(row),
        _ => Err(Refusal::NotMember.into()),
    }
}

/// The room, for somebody who is or was in it, is invited, or sees it in the directory.
pub async fn visible_room(
    app: &App,
    caller: &Caller,
    room_id: RoomId,
) -> Result<RoomRow, RoomError> {
    let row = perform::find(app, &caller.tenant, room_id).await?;
    let is_open_to_all = row.room_type == RoomType::Public;
    let holds_role = row.visibility.is_some() && caller.roles.any_of(&row.read_role_slugs);
    match membership(app, caller, room_id).await? {
        Some(Membership::Join | Membership::Leave | Membership::Invite) => Ok(row),
        Some(Membership::Ban) => Err(Refusal::NotMember.into()),
        Some(Membership::Knock) | None if is_open_to_all || holds_role => Ok(row),
        Some(Membership::Knock) | None => Err(Refusal::NotMember.into()),
    }
}

/// The caller's relation to a room.
pub async fn membership(
    app: &App,
    caller: &Caller,
    room_id: RoomId,
) -> Result<Option<Membership>, RoomError> {
    let found = members::get(
        &caller.tenant,
        app.db().reader(),
        room_id,
        caller.participant_id,
    )
    .await?;
    Ok(found.map(|member| member.membership))
}
