//! The task that tells others: presence that has changed, typing that is over.
//!
//! One task for the whole node, so that what is told about a person comes in order, however it came about.

use std::time::Duration;

use super::frames::LiveFrame;
use super::live::Audience;
use super::model::State;
use super::people::Change;
use super::sight::listening_confidants;
use super::typing::Typist;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::rooms;
use crate::tenants::Tenant;

/// Runs until the server stops.
pub async fn run(app: App) {
    let presence = app.presence().clone();
    let stop = app.stop().clone();
    loop {
        let (changes, next_change) = presence.changes();
        for change in changes {
            if let Err(error) = tell(&app, &change).await {
                // Nothing hangs on it: whoever asks gets the right answer.
                tracing::warn!(event = "presence.fanout_failed", %error);
            }
        }
        let over = presence.typing().over(app.now());
        for typist in over {
            tell_end_of_typing(&app, typist);
        }
        let next_end = presence.typing().next_end();
        let wait = [next_change, next_end].into_iter().flatten().min();
        tokio::select! {
            () = presence.changed() => {}
            () = sleep_until(wait, app.now()) => {}
            () = stop.cancelled() => return,
        }
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

async fn tell(app: &App, change: &Change) -> Result<(), DbError> {
    let Change {
        tenant,
        participant,
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
        live.publish(tenant, &others, &frame(after.to_public()));
    }
    live.publish(tenant, &Audience::People(insiders), &frame(*after));
    Ok(())
}

fn tell_end_of_typing(app: &App, (tenant, room, participant): Typist) {
    if let Some(tenant) = app.tenants().by_key(tenant) {
        tell_typing(app, &tenant, room, participant, false);
    }
}

/// Tells a room that somebody types, or types no more.
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
    }
}
