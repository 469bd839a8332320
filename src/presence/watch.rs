//! The task that tells others, here and on other servers: presence that has changed, typing that is over.
//!
//! One task for the whole node, so that what is told about a person comes in order, however it came about.

use std::time::Duration;

use tokio::time::Instant;

use super::federated;
use super::frames::LiveFrame;
use super::live::{Audience, Wakes};
use super::model::State;
use super::people::Change;
use super::remote::REPEATED_EVERY_MS;
use super::sight::listening_confidants;
use super::typing::Typist;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::participants;
use crate::rooms;
use crate::tenants::Tenant;

/// How long changes of presence wait for each other. After a restart everybody comes back, and each would wake all others.
const TOGETHER: Duration = Duration::from_millis(100);

/// Runs until the server stops.
pub async fn run(app: App) {
    let presence = app.presence().clone();
    let stop = app.stop().clone();
    let mut next_repeat = app.now();
    let mut may_tell_at = Instant::now();
    loop {
        let is_early = Instant::now() < may_tell_at;
        let (changes, next_change) = match is_early {
            true => (Vec::new(), None),
            false => presence.changes(),
        };
        if !changes.is_empty() {
            let mut wakes = Wakes::default();
            for change in changes {
                note_failure(tell(&app, &change, &mut wakes).await);
            }
            drop(wakes);
            may_tell_at = Instant::now() + TOGETHER;
        }
        let over = presence.typing().over(app.now());
        for typist in over {
            note_failure(tell_end_of_typing(&app, typist).await);
        }
        for (tenant, room) in app.federation().ephemeral().take_changed_rooms() {
            if let Some(tenant) = app.tenants().by_key(tenant) {
                note_failure(federated::members_changed(&app, &tenant, room).await);
            }
        }
        if app.now() >= next_repeat {
            next_repeat = app.now().saturating_add(REPEATED_EVERY_MS);
            note_failure(federated::repeat(&app).await);
        }
        let next_end = presence.typing().next_end();
        let wait = [next_change, next_end, Some(next_repeat)];
        tokio::select! {
            () = presence.changed() => {}
            () = app.federation().ephemeral().changed() => {}
            () = sleep_until(wait.into_iter().flatten().min(), app.now()) => {}
            () = tokio::time::sleep_until(may_tell_at), if is_early => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Nothing hangs on it: whoever asks gets the right answer, and other servers are told again.
fn note_failure(told: Result<(), DbError>) {
    if let Err(error) = told {
        tracing::warn!(event = "presence.fanout_failed", %error);
    }
}

async fn sleep_until(at: Option<i64>, now: i64) {
    match at {
        Some(at) => {
            let wait = u64::try_from(at.saturating_sub(now)).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        None => std::future::pending().await,
    }
}

async fn tell(app: &App, change: &Change, wakes: &mut Wakes) -> Result<(), DbError> {
    let Change {
        tenant,
        participant,
        is_local,
        before,
        after,
    } = change;
    let is_hidden = [before, after].contains(&&State::AppearOffline);
    let mut insiders = vec![*participant];
    if is_hidden {
        insiders.extend(listening_confidants(app, tenant, *participant).await?);
    }
    let (live, now) = (app.presence().live(), app.now());
    let frame = |status| {
        LiveFrame::Presence {
            participant_id: *participant,
            status,
        }
        .text(tenant, now)
    };
    if before.to_public() != after.to_public() {
        let rooms = rooms::store::members::joined_rooms(tenant, app.db(), *participant).await?;
        let others = Audience::Rooms {
            rooms,
            except: insiders.clone(),
        };
        live.publish_among(tenant, &others, &frame(after.to_public()), wakes);
    }
    live.publish_among(tenant, &Audience::People(insiders), &frame(*after), wakes);
    match is_local {
        true => federated::changed(app, change).await,
        false => Ok(()),
    }
}

async fn tell_end_of_typing(app: &App, (tenant, room, participant): Typist) -> Result<(), DbError> {
    let Some(tenant) = app.tenants().by_key(tenant) else {
        return Ok(());
    };
    tell_typing(app, &tenant, room, participant, false);
    let found = participants::store::get(&tenant, app.db().reader(), participant).await?;
    match found.filter(|typist| typist.is_local) {
        Some(typist) => federated::typing(app, &tenant, (room, &typist.fqid), false).await,
        None => Ok(()),
    }
}

/// Tells a room's people here that somebody types, or types no more.
pub fn tell_typing(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    participant_id: ParticipantId,
    typing: bool,
) {
    let frame = LiveFrame::Typing {
        room_id,
        participant_id,
        typing,
    };
    let frame = frame.text(tenant, app.now());
    app.presence()
        .live()
        .publish(tenant, &Audience::Room(room_id), &frame);
}

/// Somebody has sent a message, which ends typing.
pub fn sent(app: &App, tenant: &Tenant, room: RoomId, participant: ParticipantId) {
    if app.presence().end_typing(tenant, room, participant) {
        tell_typing(app, tenant, room, participant, false);
        // To other servers the message itself says so.
        let ephemeral = app.federation().ephemeral();
        ephemeral.forget_typing(tenant, room, participant);
    }
}
