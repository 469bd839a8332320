//! Emoji on messages.

use axum::extract::State;
use garde::Validate;
use serde::{Deserialize, Serialize};

use super::change::ids;
use super::{event_of, viewer};
use crate::app::App;
use crate::catalogue::Code;
use crate::clock::iso;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::http::caller::Caller;
use crate::http::envelope::{Data, DataMeta};
use crate::http::fields::refuse;
use crate::http::json::Body;
use crate::http::paging::{CursorPage, Next};
use crate::http::path::{Path, PathId};
use crate::http::query::Query;
use crate::messages::error::MessageError;
use crate::messages::present::{self, ReactionCount};
use crate::messages::store::reactions::{self, Entry};
use crate::rooms::core::content::{Action, is_emoji};
use crate::rooms::core::decide::Command;
use crate::rooms::perform;

/// The emoji, in the body or, to take it away, in the query.
#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
pub(super) struct Emoji {
    #[garde(inner(custom(good_emoji)))]
    emoji: Option<String>,
}

/// One person's emoji on a message.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OneReaction {
    emoji: String,
    participant_id: ParticipantId,
    created_at: String,
}

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    Body(body): Body<Emoji>,
) -> Result<Committed<Data<Vec<ReactionCount>>>> {
    changed(&app, &caller, room_id, event_id, body.emoji, Action::Add).await
}

pub(super) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    Query(query): Query<Emoji>,
    Body(body): Body<Emoji>,
) -> Result<Committed<Data<Vec<ReactionCount>>>> {
    let emoji = query.emoji.or(body.emoji);
    changed(&app, &caller, room_id, event_id, emoji, Action::Remove).await
}

async fn changed(
    app: &App,
    caller: &Caller,
    room_id: PathId<RoomId>,
    event_id: PathId<EventId>,
    emoji: Option<String>,
    action: Action,
) -> Result<Committed<Data<Vec<ReactionCount>>>> {
    let emoji =
        emoji.ok_or_else(|| Error::validation("body.emoji", Reason::Missing, "is required"))?;
    let (room_id, target) = ids(app, caller, room_id, event_id).await?;
    let command = Command::React {
        target,
        emoji,
        action,
    };
    let act = perform::act(app, caller, room_id, command).await?;
    let committed = app.timeline().act(act).await?;
    let viewer = viewer(app, caller, room_id).await?;
    let counts = present::reactions_on(&viewer, target).await?;
    Ok(committed.map(|_| Data(counts)))
}

pub(super) async fn list(
    State(app): State<App>,
    caller: Caller,
    Path((room_id, event_id)): Path<(PathId<RoomId>, PathId<EventId>)>,
    page: CursorPage,
) -> Result<DataMeta<Vec<OneReaction>, Next>> {
    let from: Option<Entry> = page.key()?;
    let row = perform::find(&app, &caller.tenant, room_id.or(Code::RoomNotFound)?).await?;
    let viewer = viewer(&app, &caller, row.id).await?;
    let placed = event_of(&viewer, event_id.or(Code::EventNotFound)?).await?;
    if !viewer.readable.shows(&placed) {
        return Err(MessageError::NoSuchEvent.into());
    }
    let message = placed.event.event_id;
    let mut rows = reactions::page(
        viewer.tenant,
        viewer.db,
        message,
        from.as_ref(),
        page.fetch(),
    )
    .await?;
    let meta = Next::of(&mut rows, page.limit, Clone::clone);
    let shown = |(at, participant_id, emoji)| OneReaction {
        emoji,
        participant_id,
        created_at: iso(at),
    };
    Ok(DataMeta(rows.into_iter().map(shown).collect(), meta))
}

fn good_emoji(emoji: &str, (): &()) -> garde::Result {
    if is_emoji(emoji) {
        Ok(())
    } else {
        Err(refuse(
            Reason::Length,
            "must be 1 to 64 bytes without control characters",
        ))
    }
}
