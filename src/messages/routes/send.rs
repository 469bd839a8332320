//! Saying something.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::shown;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::messages::checks;
use crate::messages::error::MessageError;
use crate::messages::present::{self, ClientEvent};
use crate::participants::{self, Kind};
use crate::presence;
use crate::rooms::core::content::Membership;
use crate::rooms::core::levels::OWNER;
use crate::rooms::store::members;
use crate::rooms::timeline::Sending;
use crate::rooms::{access, perform};

/// `POST {r}/send`.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(super) struct Send {
    content: Value,
    event_uuid: Option<Uuid>,
    as_participant_id: Option<ParticipantId>,
}

pub(super) async fn send(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(body): Body<Send>,
) -> Result<Data<ClientEvent>> {
    checks::content(&body.content, app.config().limits.max_content)?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    if names_media(&body.content) {
        access::joined_room(&app, &caller, room_id).await?;
        return Err(MessageError::NoSuchMedia.into());
    }
    let (sender, sent_by) = match body.as_participant_id {
        None => (caller.fqid.clone(), None),
        Some(id) if id == caller.participant_id => (caller.fqid.clone(), None),
        Some(id) => (
            stand_in(&app, &caller, room_id, id).await?,
            Some(caller.fqid.clone()),
        ),
    };
    let sending = Sending {
        event_uuid: body.event_uuid,
        sent_by: sent_by.clone(),
    };
    let act = perform::send(&caller, room_id, sender, body.content, sending);
    let outcome = app.timeline().act(act).await?.into_inner();
    if let Some(first) = outcome.repeat_of {
        return shown(&app, &caller, first).await;
    }
    presence::watch::sent(&app, &caller.tenant, room_id, caller.participant_id);
    let message = outcome.events.last().ok_or(MessageError::NoSuchEvent)?;
    let mut event = present::fresh(&caller.tenant, message);
    event.event_uuid = body.event_uuid.map(|uuid| uuid.to_string());
    event.sent_by = sent_by.as_ref().map(ParticipantId::derive);
    Ok(Data(event))
}

/// Whether the content names a file: none is stored here yet, so that none can be readable.
fn names_media(content: &Value) -> bool {
    ["media_id", "thumbnail_id"]
        .iter()
        .any(|key| content.get(key).is_some_and(|id| !id.is_null()))
}

/// The AI or bridged person that an owner sends as.
async fn stand_in(app: &App, caller: &Caller, room_id: RoomId, id: ParticipantId) -> Result<Fqid> {
    perform::find(app, &caller.tenant, room_id).await?;
    let member = |id| members::get(&caller.tenant, app.db().reader(), room_id, id);
    let joined = |member: &members::MemberRow| member.membership == Membership::Join;
    let own = member(caller.participant_id).await?.filter(joined);
    if own.ok_or(MessageError::NotMember)?.power_level < OWNER {
        return Err(MessageError::Forbidden("only owners send as somebody else").into());
    }
    let target = member(id)
        .await?
        .filter(joined)
        .ok_or(MessageError::NoSuchSender)?;
    let person = participants::store::get(&caller.tenant, app.db().reader(), id)
        .await?
        .ok_or(MessageError::NoSuchSender)?;
    if person.kind == Kind::Human || !person.is_local {
        return Err(MessageError::Forbidden("nobody sends as a person").into());
    }
    Ok(target.fqid)
}
