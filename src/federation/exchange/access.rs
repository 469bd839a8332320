//! What a peer may know of a room.

use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::http::path::PathId;
use crate::rooms::store::members;
use crate::tenants::Tenant;

/// The room, for a server whose people are in it. To every other server it is missing.
pub(super) async fn shared_room(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: PathId<RoomId>,
) -> Result<RoomId> {
    let room_id = room_id.or(Code::RoomNotFound)?;
    let joined = members::servers(tenant, app.db(), room_id).await?;
    if joined.contains(peer) {
        Ok(room_id)
    } else {
        Err(Error::new(Code::RoomNotFound))
    }
}

/// Whether people of a server are or were in a room: what they said while they were may still arrive.
pub(super) async fn ever_shared(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<bool> {
    Ok(members::ever_joined(tenant, app.db(), room_id, peer).await?)
}
