//! Making, showing, archiving, closing and reopening rooms.

use axum::extract::State;

use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::RoomId;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::idempotency::IdempotencyKey;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::rooms::core::decide::Command;
use crate::rooms::model::{NamedPerson, NewRoom, OfParticipant, Room, Snapshot};
use crate::rooms::{access, direct, making, perform, present, snapshot};

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    IdempotencyKey(key): IdempotencyKey,
    Body(new): Body<NewRoom>,
) -> Result<Data<Room>> {
    let made = making::room(&app, &caller, new, key.as_deref())
        .await?
        .into_inner();
    shown(&app, &caller, made.room_id).await
}

pub(super) async fn create_dm(
    State(app): State<App>,
    caller: Caller,
    Body(with): Body<OfParticipant>,
) -> Result<Data<Room>> {
    let made = direct::with_known(&app, &caller, with.participant_id)
        .await?
        .into_inner();
    shown(&app, &caller, made.room_id).await
}

pub(super) async fn create_federated_dm(
    State(app): State<App>,
    caller: Caller,
    Body(with): Body<NamedPerson>,
) -> Result<Data<Room>> {
    let made = direct::with_named(&app, &caller, &with.fqid)
        .await?
        .into_inner();
    shown(&app, &caller, made.room_id).await
}

pub(super) async fn show(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    let row = access::visible_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    Ok(Data(present::room(viewer(&app, &caller), row).await?))
}

pub(super) async fn snapshot(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Snapshot>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    Ok(Data(snapshot::of(viewer(&app, &caller), row).await?))
}

pub(super) async fn archive(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    changed(&app, &caller, room_id, Command::Archive).await
}

pub(super) async fn close(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    changed(&app, &caller, room_id, Command::Close).await
}

pub(super) async fn rejoin(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<Room>> {
    let row = perform::find(
        &app,
        &caller.tenant,
        room_id.clone().or(Code::RoomNotFound)?,
    )
    .await?;
    let joining = perform::joining(&app, &caller, &row).await?;
    changed(&app, &caller, room_id, Command::Rejoin(joining)).await
}

/// Carries a command out and shows the room as it is then.
pub(super) async fn changed(
    app: &App,
    caller: &Caller,
    room_id: PathId<RoomId>,
    command: Command,
) -> Result<Data<Room>> {
    let row = perform::find(app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    perform::perform(app, caller, &row, command).await?;
    shown(app, caller, row.id).await
}

async fn shown(app: &App, caller: &Caller, room_id: RoomId) -> Result<Data<Room>> {
    let row = perform::find(app, &caller.tenant, room_id).await?;
    Ok(Data(present::room(viewer(app, caller), row).await?))
}
