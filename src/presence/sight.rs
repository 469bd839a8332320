//! What others may see of a person's presence.

use std::collections::HashMap;

use super::model::State;
use crate::app::App;
use crate::db::{Db, DbError};
use crate::events;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::participants::{self, Kind, Participant};
use crate::rooms;
use crate::tenants::Tenant;

/// Who exchanged a message within this time in a DM sees `appear_offline` as it is.
const CONFIDANT_MS: i64 = 24 * 60 * 60 * 1000;

/// How present `participant` is, as `viewer` sees it (client specification, section 4). AIs are always there; sidekicks
/// and shadows of people outside read `offline`; other servers' people and AIs are as their home server says.
pub async fn state_of(
    app: &App,
    tenant: &Tenant,
    viewer: ParticipantId,
    participant: &Participant,
) -> Result<State, DbError> {
    match participant.kind {
        Kind::Model | Kind::Helper if participant.is_local => Ok(State::Online),
        Kind::Agent | Kind::Bridge if participant.is_local => Ok(State::Offline),
        Kind::Human | Kind::Model | Kind::Helper | Kind::Agent | Kind::Bridge => {
            let state = app.presence().state(tenant, participant.id);
            let hides = state == State::AppearOffline && viewer != participant.id;
            if hides && !is_confidant(app, tenant, viewer, participant.id).await? {
                return Ok(state.to_public());
            }
            Ok(state)
        }
    }
}

/// The same for several; who does not exist is `offline`.
pub(super) async fn states_of(
    app: &App,
    tenant: &Tenant,
    viewer: ParticipantId,
    ids: &[ParticipantId],
) -> Result<HashMap<ParticipantId, State>, DbError> {
    let found = participants::store::get_many(tenant, app.db(), ids).await?;
    let mut states = HashMap::with_capacity(ids.len());
    for id in ids {
        let state = match found.get(id) {
            Some(participant) => state_of(app, tenant, viewer, participant).await?,
            None => State::Offline,
        };
        states.insert(*id, state);
    }
    Ok(states)
}

/// Those of a person's DM partners who listen now and are confidants.
pub(super) async fn listening_confidants(
    app: &App,
    tenant: &Tenant,
    participant: ParticipantId,
) -> Result<Vec<ParticipantId>, DbError> {
    let dms: HashMap<ParticipantId, RoomId> =
        rooms::store::dms::of_person(tenant, app.db(), participant)
            .await?
            .into_iter()
            .collect();
    let partners = dms.keys().copied().collect();
    let mut confidants = Vec::new();
    for partner in app.presence().live().present(tenant, partners) {
        if let Some(room) = dms.get(&partner)
            && has_recent_message(app.db(), tenant, *room, app.now()).await?
        {
            confidants.push(partner);
        }
    }
    Ok(confidants)
}

async fn is_confidant(
    app: &App,
    tenant: &Tenant,
    one: ParticipantId,
    other: ParticipantId,
) -> Result<bool, DbError> {
    let pair = rooms::store::dms::pair(one, other);
    match rooms::store::dms::room_of(tenant, app.db().reader(), pair).await? {
        Some(room) => has_recent_message(app.db(), tenant, room, app.now()).await,
        None => Ok(false),
    }
}

/// Whether anybody wrote in a room lately.
pub(super) async fn has_recent_message(
    db: &Db,
    tenant: &Tenant,
    room: RoomId,
    now: i64,
) -> Result<bool, DbError> {
    let latest = events::store::positions::latest_message_ts(tenant, db, room).await?;
    Ok(latest.is_some_and(|ts| ts > now.saturating_sub(CONFIDANT_MS)))
}
