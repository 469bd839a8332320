//! The HTTP side of presence and typing.

use std::collections::HashMap;

use axum::extract::State as Shared;
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::error::PresenceError;
use super::model::{Beat, Choice, State};
use super::typing::TYPING_MS;
use super::{federated, sight, store, watch};
use crate::app::App;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::http::api::{Routes, get, post, put};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, Done, ok};
use crate::http::json::Body;
use crate::http::query::Query;
use crate::rooms::core::content::{Lifecycle, Membership};
use crate::rooms::store::{members, rooms};

/// The most ids in one question.
const MOST_IDS: usize = 200;

/// The routes of this domain.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/presence", get(presence))
        .route("/v1/me/presence", put(choose))
        .route("/v1/me/presence/heartbeat", post(heartbeat))
        .route("/v1/typing", put(typing))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct Asked {
    ids: String,
}

/// A text that is no id names nobody, and nobody is `offline`.
async fn presence(
    Shared(app): Shared<App>,
    caller: Caller,
    Query(Asked { ids }): Query<Asked>,
) -> Result<Data<HashMap<String, State>>> {
    let asked: Vec<&str> = ids.split(',').filter(|id| !id.is_empty()).collect();
    if asked.len() > MOST_IDS {
        let message = "must hold at most 200 ids";
        return Err(Error::validation("query.ids", Reason::Length, message));
    }
    let known: Vec<ParticipantId> = asked.iter().filter_map(|id| id.parse().ok()).collect();
    let states = sight::states_of(&app, &caller.tenant, caller.participant_id, &known).await?;
    let answer = asked.into_iter().map(|id| {
        let known: Option<ParticipantId> = id.parse().ok();
        let state = known.and_then(|known| states.get(&known).copied());
        (id.to_owned(), state.unwrap_or(State::Offline))
    });
    Ok(Data(answer.collect()))
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Own {
    presence: State,
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct ChooseRequest {
    status: String,
}

async fn choose(
    Shared(app): Shared<App>,
    caller: Caller,
    Body(request): Body<ChooseRequest>,
) -> Result<Committed<Data<Own>>> {
    let choice: Choice = request.status.parse().map_err(|_| {
        let message = "must be online, idle, busy, appear_offline or auto";
        Error::validation("body.status", Reason::Enum, message)
    })?;
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let mut tx = app.db().begin().await?;
    store::set_choice(tenant, &mut tx, id, choice).await?;
    let committed = tx.commit(()).await?;
    let presence = app
        .presence()
        .choose(tenant, id, caller.session_id, choice)
        .await?;
    Ok(committed.map(|()| Data(Own { presence })))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct HeartbeatRequest {
    #[serde(default)]
    status: Beat,
}

async fn heartbeat(
    Shared(app): Shared<App>,
    caller: Caller,
    Body(HeartbeatRequest { status }): Body<HeartbeatRequest>,
) -> Result<Data<Own>> {
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let presence = app
        .presence()
        .beat(tenant, id, caller.session_id, status)
        .await?;
    Ok(Data(Own { presence }))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct TypingRequest {
    room_id: RoomId,
    typing: bool,
}

async fn typing(
    Shared(app): Shared<App>,
    caller: Caller,
    Body(TypingRequest { room_id, typing }): Body<TypingRequest>,
) -> Result<Data<Done>> {
    may_type(&app, &caller, room_id).await?;
    let (tenant, id) = (&caller.tenant, caller.participant_id);
    let is_news = match typing {
        true => {
            app.presence().begin_typing(tenant, room_id, id, TYPING_MS);
            true
        }
        false => app.presence().end_typing(tenant, room_id, id),
    };
    if is_news {
        watch::tell_typing(&app, tenant, room_id, id, typing);
        federated::typing(&app, tenant, (room_id, &caller.fqid), typing).await?;
    }
    Ok(ok())
}

async fn may_type(app: &App, caller: &Caller, room_id: RoomId) -> Result<(), PresenceError> {
    let (tenant, db) = (&caller.tenant, app.db());
    let room = rooms::get(tenant, db.reader(), room_id)
        .await?
        .ok_or(PresenceError::NoSuchRoom)?;
    let member = members::get(tenant, db.reader(), room_id, caller.participant_id).await?;
    if member.is_none_or(|member| member.membership != Membership::Join) {
        return Err(PresenceError::NotMember);
    }
    match room.state {
        Lifecycle::Open => Ok(()),
        Lifecycle::Archived | Lifecycle::Closed => Err(PresenceError::Frozen),
    }
}
