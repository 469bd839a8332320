//! Names, topics, settings and thresholds.

use std::collections::BTreeMap;

use axum::extract::State;

use super::room::changed;
use super::viewer;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::RoomId;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::rooms::core::content::SettingsChange;
use crate::rooms::core::decide::{Command, Refusal};
use crate::rooms::core::levels::LevelKey;
use crate::rooms::error::RoomError;
use crate::rooms::model::{NewSettings, NewTopic, NewWorkspace, Rename, Room};
use crate::rooms::new_levels::NewLevels;
use crate::rooms::{access, perform, present};
use crate::workspaces;

pub(super) async fn levels(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
) -> Result<Data<BTreeMap<LevelKey, u8>>> {
    let row = access::joined_room(&app, &caller, room_id.or(Code::RoomNotFound)?).await?;
    Ok(Data(row.power_levels))
}

pub(super) async fn set_levels(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<NewLevels>,
) -> Result<Data<BTreeMap<LevelKey, u8>>> {
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    perform::perform(&app, &caller, &row, Command::SetLevels(new.0)).await?;
    let row = perform::find(&app, &caller.tenant, row.id).await?;
    Ok(Data(row.power_levels))
}

pub(super) async fn rename(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<Rename>,
) -> Result<Data<Room>> {
    changed(&app, &caller, room_id, Command::SetName(new.name)).await
}

pub(super) async fn set_topic(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<NewTopic>,
) -> Result<Data<Room>> {
    changed(
        &app,
        &caller,
        room_id,
        Command::SetTopic(new.topic.flatten()),
    )
    .await
}

pub(super) async fn change(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<NewSettings>,
) -> Result<Data<Room>> {
    let change = SettingsChange {
        visibility: new
            .visibility
            .map(|visibility| visibility.map(|visibility| visibility.as_str().to_owned())),
        read_role_slugs: new.read_role_slugs,
        history_visibility: new.history_visibility,
        edit_window_seconds: new.edit_window_seconds,
        auto_close: new.auto_close,
        avatar_url: new.avatar_url,
        allowed_servers: None,
        denied_servers: None,
        workspace_id: None,
    };
    changed(&app, &caller, room_id, Command::ChangeSettings(change)).await
}

/// A room that is hosted elsewhere is for each of its people in the own personal workspace, and stays there.
pub(super) async fn set_workspace(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(new): Body<NewWorkspace>,
) -> Result<Data<Room>> {
    let named = Some(new.workspace_id);
    let chosen = workspaces::choose(&caller.tenant, caller.participant_id, named);
    let row = perform::find(
        &app,
        &caller.tenant,
        room_id.clone().or(Code::RoomNotFound)?,
    )
    .await?;
    if row.host == *caller.tenant.server_name() {
        return changed(&app, &caller, room_id, Command::Move(chosen.ok())).await;
    }
    let row = access::joined_room(&app, &caller, row.id).await?;
    if row.room_type.is_bound(row.scope_kind.as_deref()) {
        let stays = Refusal::Type("this kind of room stays where it is");
        return Err(RoomError::from(stays).into());
    }
    chosen?;
    Ok(Data(present::room(viewer(&app, &caller), row).await?))
}
