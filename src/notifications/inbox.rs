//! The priority inbox: messages of the last 30 days that want the person's attention and are not read yet, muted rooms
//! included. Nothing is written for it with a message but what the message itself asks for.

use std::collections::HashMap;

use super::error::NotificationError;
use super::model::InboxItem;
use super::store::inbox::{self, Found, Wanted};
use crate::app::App;
use crate::auth::access::Caller;
use crate::clock::iso;
use crate::db::{Committed, DbError};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::Placed;
use crate::events::store::positions;
use crate::messages::store::changes;
use crate::messages::text;
use crate::participants;
use crate::presence::{Audience, LiveFrame, What};
use crate::rooms::present::{self, Viewer};
use crate::rooms::store::rooms;

/// How long an item stays, in ms.
const LASTS_MS: i64 = 30 * 24 * 60 * 60 * 1000;

/// A page of the caller's inbox, newest first: each item with its place in the stream. `from`: what the page before ended
/// with.
pub async fn page(
    app: &App,
    caller: &Caller,
    from: Option<i64>,
    limit: i64,
) -> Result<Vec<(i64, InboxItem)>, DbError> {
    let (tenant, db) = (&caller.tenant, app.db());
    let wanted = Wanted {
        participant: caller.participant_id,
        since_ts: app.now().saturating_sub(LASTS_MS),
        before: from.unwrap_or(i64::MAX),
        only: None,
        limit,
    };
    let found = inbox::items(tenant, db, wanted).await?;
    let at: Vec<i64> = found.iter().map(|item| item.position).collect();
    let messages = positions::at(tenant, db, &at).await?;
    let ids: Vec<EventId> = found.iter().map(|item| item.event_id).collect();
    let changes = changes::get_many(tenant, db, &ids).await?;
    let senders: Vec<ParticipantId> = messages.iter().filter_map(sender_id).collect();
    let senders = participants::store::get_many(tenant, db, &senders).await?;
    let rooms = room_names(app, caller, &found).await?;
    let messages: HashMap<EventId, &Placed> = messages
        .iter()
        .map(|message| (message.event.event_id, message))
        .collect();
    let item = |item: &Found| {
        let message = messages.get(&item.event_id)?;
        let sender_id = sender_id(message)?;
        let sender = senders.get(&sender_id);
        let body = text::present_body(message, changes.get(&item.event_id));
        let item_shown = InboxItem {
            event_id: item.event_id,
            room_id: item.room_id,
            room_name: rooms.get(&item.room_id).cloned().unwrap_or_default(),
            sender_id,
            sender_name: sender.map_or_else(String::new, |sender| sender.display_name.clone()),
            snippet: body.map(text::snippet).unwrap_or_default(),
            reason: item.reason,
            created_at: iso(message.event.ts),
        };
        Some((item.position, item_shown))
    };
    Ok(found.iter().filter_map(item).collect())
}

/// Puts an item of the caller's inbox away.
///
/// # Errors
/// [`NotificationError::NoSuchItem`] for a message that is not in it.
pub async fn dismiss(
    app: &App,
    caller: &Caller,
    event_id: EventId,
) -> Result<Committed<()>, NotificationError> {
    let (tenant, id, now) = (&caller.tenant, caller.participant_id, app.now());
    let outdated = now.saturating_sub(LASTS_MS);
    let wanted = Wanted {
        participant: id,
        since_ts: outdated,
        before: i64::MAX,
        only: Some(event_id),
        limit: 1,
    };
    if inbox::items(tenant, app.db(), wanted).await?.is_empty() {
        return Err(NotificationError::NoSuchItem);
    }
    let mut tx = app.db().begin().await?;
    inbox::dismiss(tenant, &mut tx, id, event_id, (now, outdated)).await?;
    let committed = tx.commit(()).await?;
    let frame = LiveFrame::MeUpdated { what: What::Inbox };
    let own = Audience::People(vec![id]);
    let live = app.presence().live();
    live.publish(tenant, &own, &frame.text(tenant, now));
    Ok(committed)
}

fn sender_id(message: &Placed) -> Option<ParticipantId> {
    message.sender().map(ParticipantId::derive)
}

/// What the rooms of these items are called for the caller.
async fn room_names(
    app: &App,
    caller: &Caller,
    found: &[Found],
) -> Result<HashMap<RoomId, String>, DbError> {
    let viewer = Viewer {
        tenant: &caller.tenant,
        db: app.db(),
        id: caller.participant_id,
    };
    let mut names = HashMap::new();
    for item in found {
        if !names.contains_key(&item.room_id)
            && let Some(row) = rooms::get(viewer.tenant, viewer.db.reader(), item.room_id).await?
        {
            names.insert(item.room_id, present::display_name(viewer, &row).await?);
        }
    }
    Ok(names)
}
