//! Changing and taking back what was said.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;

use super::send::attach_media;
use super::{shown, viewer};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::{EventId, RoomId};
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::messages::checks;
use crate::messages::error::MessageError;
use crate::messages::present::ClientEvent;
use crate::rooms::core::decide::Command;
use crate::rooms::{access, perform};

/// `POST {e}/edit`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct Edit {
    #[schema(value_type = Object)]
    content: Value,
}

/// `POST {e}/redact`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct Redact {
    #[garde(inner(length(chars, max = 500)))]
    reason: Option<String>,
}

pub(super) async fn edit(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    Body(mut body): Body<Edit>,
) -> Result<Committed<Data<ClientEvent>>> {
    checks::content(&body.content, app.config().limits.max_content)?;
    let (room_id, target) = ids(&app, &caller, room_id, event_id).await?;
    attach_media(&app, &caller, room_id, &mut body.content).await?;
    let command = Command::Edit {
        target,
        content: body.content,
    };
    change(&app, &caller, room_id, target, command).await
}

pub(super) async fn redact(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    Body(body): Body<Redact>,
) -> Result<Committed<Data<ClientEvent>>> {
    let (room_id, target) = ids(&app, &caller, room_id, event_id).await?;
    let command = Command::Redact {
        target,
        reason: body.reason,
    };
    change(&app, &caller, room_id, target, command).await
}

async fn change(
    app: &App,
    caller: &Caller,
    room_id: RoomId,
    target: EventId,
    command: Command,
) -> Result<Committed<Data<ClientEvent>>> {
    let act = perform::act(app, caller, room_id, command).await?;
    let committed = app.timeline().act(act).await?;
    let viewer = viewer(app, caller, room_id).await?;
    let event = shown(&viewer, target).await?;
    Ok(committed.map(|_| Data(event)))
}

/// The two ids of the path. A malformed event id answers like a missing event, to a member.
pub(super) async fn ids(
    app: &App,
    caller: &Caller,
    room_id: PathId<RoomId>,
    event_id: PathId<EventId>,
) -> Result<(RoomId, EventId)> {
    let room_id = room_id.or(Code::RoomNotFound)?;
    match event_id.get() {
        Some(event_id) => Ok((room_id, event_id)),
        None => {
            access::joined_room(app, caller, room_id).await?;
            Err(MessageError::NoSuchEvent.into())
        }
    }
}
