//! Saying something.

use axum::extract::State;
use garde::Validate;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::{shown, viewer};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::json::Body;
use crate::http::path::{Path, PathId};
use crate::media;
use crate::messages::checks;
use crate::messages::error::MessageError;
use crate::messages::present::{self, ClientEvent};
use crate::participants::{self, Kind};
use crate::presence;
use crate::rooms::access;
use crate::rooms::core::content::Membership;
use crate::rooms::core::levels::{LevelKey, OWNER};
use crate::rooms::perform;
use crate::rooms::store::members;
use crate::rooms::timeline::Sending;

/// `POST {r}/send`.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct Send {
    #[schema(value_type = Object)]
    content: Value,
    event_uuid: Option<Uuid>,
    as_participant_id: Option<ParticipantId>,
}

pub(super) async fn send(
    State(app): State<App>,
    caller: Caller,
    Path(room_id): Path<PathId<RoomId>>,
    Body(mut body): Body<Send>,
) -> Result<Committed<Data<ClientEvent>>> {
    checks::content(&body.content, app.config().limits.max_content)?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    let (sender, sent_by) = match body.as_participant_id {
        None => (caller.fqid.clone(), None),
        Some(id) if id == caller.participant_id => (caller.fqid.clone(), None),
        Some(id) => (
            stand_in(&app, &caller, room_id, id).await?,
            Some(caller.fqid.clone()),
        ),
    };
    attach_media(&app, &caller, room_id, &mut body.content).await?;
    let sender_id = ParticipantId::derive(&sender);
    let sending = Sending {
        event_uuid: body.event_uuid,
        sent_by: sent_by.clone(),
    };
    let act = perform::send(&caller, room_id, sender, body.content, sending);
    let committed = app.timeline().act(act).await?;
    let outcome = committed.get();
    if let Some(first) = outcome.repeat_of {
        let event = shown(&viewer(&app, &caller, room_id).await?, first).await?;
        return Ok(committed.map(|_| Data(event)));
    }
    presence::watch::sent(&app, &caller.tenant, room_id, caller.participant_id);
    let message = outcome.events.last().ok_or(MessageError::NoSuchEvent)?;
    let event = ClientEvent {
        event_uuid: body.event_uuid.map(|uuid| uuid.to_string()),
        sent_by: sent_by.as_ref().map(ParticipantId::derive),
        ..present::fresh(&caller.tenant, message, sender_id)
    };
    Ok(committed.map(|_| Data(event)))
}

/// Media that a content names must be readable by its sender; what is known of it becomes part of the content. Who may not
/// send at all hears that first.
pub(super) async fn attach_media(
    app: &App,
    caller: &Caller,
    room_id: RoomId,
    content: &mut Value,
) -> Result<()> {
    media::description::clear(content);
    if !checks::names_media(content) {
        return Ok(());
    }
    let row = access::joined_room(app, caller, room_id).await?;
    let db = app.db().reader();
    let own = members::get(&caller.tenant, db, room_id, caller.participant_id).await?;
    let level = own.map_or(0, |own| own.power_level);
    let needed = row.power_levels.get(&LevelKey::Send).copied().unwrap_or(0);
    if level < needed {
        return Ok(());
    }
    Ok(media::attach::to_content(app, caller, content).await?)
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
