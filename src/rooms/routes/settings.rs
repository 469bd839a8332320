//! Names, topics, settings and thresholds.

use std::collections::BTreeMap;

use axum::extract::State;

use super::room::changed;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::RoomId;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::rooms::core::content::SettingsChange;
use crate::rooms::core::decide::Command;
use crate::rooms::core::levels::LevelKey;
use crate::rooms::model::{NewSettings, NewTopic, Rename, Room};
use crate::rooms::new_levels::NewLevels;
use crate::rooms::{access, perform};

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
    };
    changed(&app, &caller, room_id, Command::ChangeSettings(change)).await
}
