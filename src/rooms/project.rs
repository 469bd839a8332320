//! The projection of a room: the rows that clients are shown, made from its view after state has changed.

mod people;

pub use people::{People, outlasts_state};

use super::core::content::{Change, Membership, OriginKey, RoomType, StateChange};
use super::core::levels::OWNER;
use super::core::view::RoomView;
use super::profiles;
use super::store::{dms, members, rooms, spans};
use serde::Deserialize;

use crate::db::{DbError, Tx};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::events::model::{Placed, Shown, Standing};
use crate::events::store;
use crate::events::store::logs::KeyPlace;
use crate::messages;
use crate::messages::store::pins;
#[cfg(test)]
use crate::simulation::faults::{Fault, is_put_in};
use crate::tenants::Tenant;

/// Writes what an event that took its place changes for clients, apart from the room's own row. `change` is what a state
/// event that counts holds. Replaying all events in the order of the stream gives the same rows.
pub async fn event(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    placed: &Placed,
    change: Option<&StateChange>,
    now: i64,
) -> Result<(), DbError> {
    if placed.standing != Standing::Valid {
        return Ok(());
    }
    let event = &placed.event;
    if let Some(NamedKey { origin, key, at }) = admitted_key(view, event, change) {
        store::logs::add_log_key(tenant, tx, event.room_id, &origin, &key, at).await?;
    }
    if let Some(Change::Pin { event_id, add }) = change.map(|state| &state.change) {
        let (room_id, position) = (event.room_id, placed.position);
        return match add {
            true => pins::add(tenant, tx, room_id, *event_id, position).await,
            false => pins::remove(tenant, tx, room_id, *event_id).await,
        };
    }
    if let Some(Change::Member(member)) = change.map(|state| &state.change) {
        profiles::remember(tenant, tx, event.room_id, member, now).await?;
    } else if event.event_type.is_of_log() {
        return Ok(());
    } else if event.event_type == EventType::ROOM_PROFILE {
        return profiles::shown(tenant, tx, event, now).await;
    } else if change.is_none() && event.event_type != EventType::ROOM_LEAVE {
        let is_settled = |event: &Event| is_settled(view, event);
        let room = messages::project::Room {
            is_dm: view.room_type() == RoomType::Dm,
            is_settled: &is_settled,
        };
        return messages::project::apply(tenant, tx, placed, &room).await;
    }
    membership(tenant, tx, view, placed, change).await
}

/// Whether the event can no longer be cut off.
pub fn is_settled(view: &RoomView, event: &Event) -> bool {
    // Where the simulation puts a fault in on purpose, to see that it finds it.
    #[cfg(test)]
    if is_put_in(Fault::ErasesAtOnce) {
        return true;
    }
    let place = (event.epoch, event.seq);
    place <= view.history.settled(&event.origin)
}

/// Erases what moderators redacted up to where a state event acknowledges their logs. What the state event itself cuts
/// off must be void by then.
pub async fn erase_settled(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    room_id: RoomId,
    state: &StateChange,
) -> Result<(), DbError> {
    for origin in state.seen.keys().chain(state.cutoff.keys()) {
        let place = view.history.settled(origin);
        messages::project::erase_settled(tenant, tx, room_id, origin, place).await?;
    }
    Ok(())
}

/// A key that an event names for a log.
pub struct NamedKey {
    /// Whose log.
    pub origin: ServerName,
    /// The key.
    pub key: PublicKey,
    /// From where on the log goes by it.
    pub at: KeyPlace,
}

/// The key that an event names, if it does: the next one of its own log, or, as a state event with this change, the first
/// one of the host's log, of another's, or of another's next epoch.
pub fn named_key(event: &Event, change: Option<&StateChange>) -> Option<NamedKey> {
    let (origin, key, (epoch, from_seq)) = match change.map(|state| &state.change) {
        Some(Change::Create(create)) => (&event.origin, create.key.clone(), (1, 1)),
        Some(Change::Log(change)) => (&change.origin, change.key.clone(), (change.epoch, 1)),
        Some(Change::Member(change)) => {
            let home = change.participant.server_name();
            (
                home,
                change.key.clone().filter(|_| *home != event.origin)?,
                (1, 1),
            )
        }
        None if event.event_type == EventType::LOG_KEY => {
            let key = OriginKey::deserialize(event.content.as_ref()?).ok()?;
            (&event.origin, key, (event.epoch, event.seq + 1))
        }
        _ => return None,
    };
    Some(NamedKey {
        origin: origin.clone(),
        key: key.public_key.parse().ok()?,
        at: KeyPlace {
            epoch,
            from_seq,
            // An admission stands for itself.
            state_seq: match event.event_type.is_state() {
                true => event.seq,
                false => event.state_seq,
            },
        },
    })
}

/// The key that an event names for a log, if it counts: of two admissions of an epoch the first one does, and none out of
/// turn.
fn admitted_key(view: &RoomView, event: &Event, change: Option<&StateChange>) -> Option<NamedKey> {
    named_key(event, change).filter(|NamedKey { origin, at, .. }| {
        let admission = view.history.epochs().of(origin, at.epoch);
        let is_admission = at.epoch > 1 && at.from_seq == 1;
        !is_admission || admission.is_some_and(|admission| admission.by == event.seq)
    })
}

/// Whose relation to the room an event is about, if it is about one.
pub fn person_of<'a>(placed: &'a Placed, change: Option<&'a StateChange>) -> Option<&'a Fqid> {
    match change.map(|state| &state.change) {
        Some(Change::Member(change)) => Some(&change.participant),
        None if placed.event.event_type == EventType::ROOM_LEAVE => placed.event.sender.as_ref(),
        Some(_) | None => None,
    }
}

/// Writes what an event of the log changed about people: membership rows and what they are shown.
async fn membership(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    placed: &Placed,
    change: Option<&StateChange>,
) -> Result<(), DbError> {
    let person = person_of(placed, change).filter(|_| placed.standing == Standing::Valid);
    let Some(person) = person else {
        return Ok(());
    };
    let room_id = placed.event.room_id;
    write_member(tenant, tx, view, room_id, person).await?;
    if person.server_name() == tenant.server_name() {
        show(tenant, tx, view, placed, person).await?;
    }
    Ok(())
}

/// Writes the row of somebody whom the state speaks of.
pub async fn write_member(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    room_id: RoomId,
    person: &Fqid,
) -> Result<(), DbError> {
    match member_row(view, person) {
        Some(row) => members::upsert(tenant, tx, room_id, &row).await,
        None => Ok(()),
    }
}

/// The row of somebody whom the state speaks of.
fn member_row(view: &RoomView, person: &Fqid) -> Option<members::MemberRow> {
    let (member, membership) = (view.history.member(person)?, view.membership(person)?);
    Some(members::MemberRow {
        fqid: person.clone(),
        membership,
        power_level: member.power_level,
        joined_at: member.joined_at.filter(|_| membership == Membership::Join),
        changed_at: member.changed_at,
        invited_by: member.changed_by.as_ref().map(ParticipantId::derive),
        reason: member.reason.clone(),
        expires_at: member.expires_at,
    })
}

/// A member sees the stream from its join on, and its last event; whoever is not in the room sees what concerns it.
async fn show(
    tenant: &Tenant,
    tx: &mut Tx,
    view: &RoomView,
    placed: &Placed,
    person: &Fqid,
) -> Result<(), DbError> {
    let (id, room, position) = (
        ParticipantId::derive(person),
        placed.event.room_id,
        placed.position,
    );
    match view.membership(person) {
        Some(Membership::Join) => {
            // Whoever makes a room also sees that it was made, by the event right before.
            let is_first = placed.event.seq == 2 && view.history.profile().creator == *person;
            let after = if is_first {
                position - 2
            } else if placed.event.sender.is_none() {
                // So does whom a message has brought back, by that message.
                let end = spans::latest_end(tenant, tx, id, room).await?;
                end.unwrap_or(0).clamp(position - 2, position - 1)
            } else {
                position - 1
            };
            spans::open(tenant, tx, id, room, after).await
        }
        Some(Membership::Ban) => {
            spans::end_reading(tenant, tx, id, room).await?;
            spans::show_one(tenant, tx, id, room, position).await
        }
        _ if placed.shown == Shown::Never => Ok(()),
        _ => {
            if !spans::close(tenant, tx, id, room, position).await? {
                spans::show_one(tenant, tx, id, room, position).await?;
            }
            Ok(())
        }
    }
}

/// Writes the room's own row.
pub async fn room(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    view: &RoomView,
) -> Result<(), DbError> {
    let profile = view.history.profile();
    let is_foreign = |person: &Fqid| person.server_name() != view.history.host();
    let federated = view.history.host() != tenant.server_name()
        || view.history.members().any(|(person, _)| is_foreign(person));
    let row = rooms::RoomRow {
        id: room_id,
        host: view.history.host().clone(),
        room_type: profile.room_type,
        state: view.history.lifecycle(),
        name: profile.name.clone(),
        topic: profile.topic.clone(),
        alias: profile.alias.clone(),
        scope_kind: profile.scope_kind.clone(),
        visibility: profile.visibility.clone(),
        read_role_slugs: profile.read_role_slugs.clone(),
        avatar_url: profile.avatar_url.clone(),
        history_visibility: profile.history_visibility,
        edit_window_seconds: view.history.edit_window(),
        auto_close: profile.auto_close,
        federated,
        creator_id: ParticipantId::derive(&profile.creator),
        created_at: profile.created_at,
        power_levels: view.history.levels().to_map().clone(),
        member_count: view.joined_members().count(),
        // Workspaces of other servers are none here.
        workspace_id: profile
            .workspace_id
            .filter(|_| view.history.host() == tenant.server_name()),
    };
    rooms::upsert(tenant, tx, &row).await?;
    if profile.room_type == RoomType::Dm {
        remember_pair(tenant, tx, room_id, view).await?;
    }
    Ok(())
}

async fn remember_pair(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    view: &RoomView,
) -> Result<(), DbError> {
    let people: Vec<ParticipantId> = view
        .history
        .members()
        .map(|(person, _)| ParticipantId::derive(person))
        .collect();
    match people.as_slice() {
        [one, other] => {
            let pair = dms::pair(*one, *other);
            dms::claim(tenant, tx, pair, room_id, view.history.profile().created_at).await
        }
        _ => Ok(()),
    }
}

/// Writes what an invitation from a room that is hosted elsewhere tells: the invited person's row, and as much of the
/// room as its host's summary says. The same for an invitation that is taken back. Of a room whose log is here, from an
/// earlier stay, more is known than the summary says.
pub async fn detached(
    tenant: &Tenant,
    tx: &mut Tx,
    placed: &Placed,
    summary: Option<&rooms::RoomRow>,
) -> Result<(), DbError> {
    let event = &placed.event;
    let change = event
        .content
        .as_ref()
        .and_then(|content| StateChange::parse(&event.event_type, content).ok());
    let Some(Change::Member(change)) = change.map(|state| state.change) else {
        return Ok(());
    };
    let row = members::MemberRow {
        fqid: change.participant.clone(),
        membership: change.membership,
        power_level: change.power_level,
        joined_at: None,
        changed_at: event.ts,
        invited_by: event.sender.as_ref().map(ParticipantId::derive),
        reason: change.reason.clone(),
        expires_at: change.expires_at,
    };
    if let Some(summary) = summary {
        rooms::upsert(tenant, tx, summary).await?;
    }
    members::upsert(tenant, tx, event.room_id, &row).await?;
    let id = ParticipantId::derive(&change.participant);
    if let Some(summary) = summary
        && summary.room_type == RoomType::Dm
        && let Some(creator) = event.sender.as_ref().filter(|sender| {
            ParticipantId::derive(sender) == summary.creator_id
                && *sender.server_name() == summary.host
        })
    {
        detached_dm(tenant, tx, creator, id, summary).await?;
    }
    spans::show_one(tenant, tx, id, event.room_id, placed.position).await
}

/// A DM's other person is the one who made it.
async fn detached_dm(
    tenant: &Tenant,
    tx: &mut Tx,
    creator: &Fqid,
    invited: ParticipantId,
    summary: &rooms::RoomRow,
) -> Result<(), DbError> {
    let row = members::MemberRow {
        fqid: creator.clone(),
        membership: Membership::Join,
        power_level: OWNER,
        joined_at: Some(summary.created_at),
        changed_at: summary.created_at,
        invited_by: Some(summary.creator_id),
        reason: None,
        expires_at: None,
    };
    members::upsert(tenant, tx, summary.id, &row).await?;
    let pair = dms::pair(summary.creator_id, invited);
    dms::claim(tenant, tx, pair, summary.id, summary.created_at).await
}
