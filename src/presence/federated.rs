//! What this server tells others about its people, live, and what others tell about theirs.
//!
//! A server is told of people who share a room with people of it: when they change, when it comes into a room, and
//! again every minute, so that it may forget who was not named for a while. Somebody who appears offline is told of as
//! offline, but to a server of somebody with a recent message in a DM with the person: that one shows it to nobody else.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::model::State;
use super::people::Change;
use super::sight::has_recent_message;
use super::typing::TYPING_MS;
use super::watch;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::federation::core::ephemeral::{Notices, TypingNotice};
use crate::participants::{self, Participant};
use crate::rooms;
use crate::rooms::store::members;
use crate::tenants::Tenant;

/// How long somebody of another server is shown as typing after the last word: as long as at home, and two seconds more
/// for the way.
const REMOTE_TYPING_MS: i64 = TYPING_MS + 2_000;

/// Tells other servers that one of our people has changed.
pub(super) async fn changed(app: &App, change: &Change) -> Result<(), DbError> {
    let Change {
        tenant,
        participant,
        before,
        after,
        ..
    } = change;
    let servers = servers_with(app, tenant, *participant).await?;
    if servers.is_empty() {
        return Ok(());
    }
    let found = participants::store::get(tenant, app.db().reader(), *participant).await?;
    let Some(person) = found else {
        return Ok(());
    };
    let is_hidden_change = before.to_public() == after.to_public();
    tell(app, tenant, &person, *after, servers, !is_hidden_change).await
}

/// Tells all servers again who is there.
pub(super) async fn repeat(app: &App) -> Result<(), DbError> {
    for tenant in app.tenants().all() {
        let present = app.presence().present(&tenant);
        if present.is_empty() || !members::has_remote(&tenant, app.db()).await? {
            continue;
        }
        tell_of(app, &tenant, present, None).await?;
    }
    Ok(())
}

/// Tells the servers of a room, whose members have changed, who of our people in it is there.
pub(super) async fn members_changed(
    app: &App,
    tenant: &Tenant,
    room: RoomId,
) -> Result<(), DbError> {
    let servers = app.federation().other_servers(tenant, room).await?;
    if servers.is_empty() {
        return Ok(());
    }
    let joined = members::local_joined(tenant, app.db(), room).await?;
    let joined: HashSet<ParticipantId> = joined.into_iter().collect();
    let mut present = app.presence().present(tenant);
    present.retain(|(id, _)| joined.contains(id));
    let servers = servers.iter().cloned().collect();
    tell_of(app, tenant, present, Some(servers)).await
}

/// Tells of these people the given servers, or all that share a room with each.
async fn tell_of(
    app: &App,
    tenant: &Tenant,
    present: Vec<(ParticipantId, State)>,
    to: Option<BTreeSet<ServerName>>,
) -> Result<(), DbError> {
    let ids: Vec<ParticipantId> = present.iter().map(|(id, _)| *id).collect();
    let people = participants::store::get_many(tenant, app.db(), &ids).await?;
    for (id, state) in present {
        let servers = match &to {
            Some(servers) => servers.clone(),
            None => servers_with(app, tenant, id).await?,
        };
        if let Some(person) = people.get(&id) {
            tell(app, tenant, person, state, servers, false).await?;
        }
    }
    Ok(())
}

/// The other servers that share a room with somebody.
async fn servers_with(
    app: &App,
    tenant: &Tenant,
    participant: ParticipantId,
) -> Result<BTreeSet<ServerName>, DbError> {
    let mut servers = BTreeSet::new();
    for room in members::joined_rooms(tenant, app.db(), participant).await? {
        let others = app.federation().other_servers(tenant, room).await?;
        servers.extend(others.iter().cloned());
    }
    Ok(servers)
}

/// Tells servers how present somebody is. That nobody is there goes without saying, unless it is news.
async fn tell(
    app: &App,
    tenant: &Tenant,
    person: &Participant,
    state: State,
    servers: BTreeSet<ServerName>,
    is_news: bool,
) -> Result<(), DbError> {
    let trusted = match state {
        State::AppearOffline => confidants(app, tenant, person.id).await?,
        State::Offline | State::Idle | State::Online | State::Busy => BTreeSet::new(),
    };
    for server in servers {
        let shown = match trusted.contains(&server) {
            true => state,
            false => state.to_public(),
        };
        if shown != State::Offline || is_news {
            let ephemeral = app.federation().ephemeral();
            ephemeral.tell_presence(tenant, &server, &person.fqid, shown, app.now());
        }
    }
    Ok(())
}

/// The servers of those who wrote in a DM with somebody lately, or were written to.
async fn confidants(
    app: &App,
    tenant: &Tenant,
    participant: ParticipantId,
) -> Result<BTreeSet<ServerName>, DbError> {
    let dms: HashMap<ParticipantId, RoomId> =
        rooms::store::dms::of_person(tenant, app.db(), participant)
            .await?
            .into_iter()
            .collect();
    let partners: Vec<ParticipantId> = dms.keys().copied().collect();
    let partners = participants::store::get_many(tenant, app.db(), &partners).await?;
    let mut servers = BTreeSet::new();
    for partner in partners.values().filter(|partner| !partner.is_local) {
        if let Some(room) = dms.get(&partner.id)
            && has_recent_message(app.db(), tenant, *room, app.now()).await?
        {
            servers.insert(partner.fqid.server_name().clone());
        }
    }
    Ok(servers)
}

/// Tells the other servers of a room that one of our people types, or types no more.
pub(super) async fn typing(
    app: &App,
    tenant: &Tenant,
    (room, person): (RoomId, &Fqid),
    typing: bool,
) -> Result<(), DbError> {
    for server in app.federation().other_servers(tenant, room).await?.iter() {
        app.federation()
            .ephemeral()
            .tell_typing(tenant, server, (room, person), typing, app.now());
    }
    Ok(())
}

/// Takes what a server tells of its own people. What concerns nobody in a room here is passed over: it may have been true
/// a moment ago.
pub async fn heard(
    app: &App,
    tenant: &Tenant,
    server: &ServerName,
    notices: &Notices,
) -> Result<(), DbError> {
    let id = |person: &Fqid| ParticipantId::derive(person);
    let named: Vec<ParticipantId> = notices
        .presence
        .iter()
        .map(|notice| id(&notice.participant))
        .collect();
    let joined = members::joined_anywhere(tenant, app.db(), server, &named).await?;
    for notice in &notices.presence {
        let person = id(&notice.participant);
        if joined.contains(&person) {
            app.presence().reported(tenant, person, notice.status);
        }
    }
    heard_typing(app, tenant, server, &notices.typing).await
}

async fn heard_typing(
    app: &App,
    tenant: &Tenant,
    server: &ServerName,
    notices: &[TypingNotice],
) -> Result<(), DbError> {
    let rooms: BTreeSet<RoomId> = notices.iter().map(|notice| notice.room_id).collect();
    let rooms: Vec<RoomId> = rooms.into_iter().collect();
    let typists = members::joined_in_open(tenant, app.db(), server, &rooms).await?;
    for notice in notices {
        let (room, person) = (notice.room_id, ParticipantId::derive(&notice.participant));
        if !typists.contains(&(room, person)) {
            continue;
        }
        if notice.typing {
            app.presence()
                .begin_typing(tenant, room, person, REMOTE_TYPING_MS);
            watch::tell_typing(app, tenant, room, person, true);
        } else if app.presence().end_typing(tenant, room, person) {
            watch::tell_typing(app, tenant, room, person, false);
        }
    }
    Ok(())
}
