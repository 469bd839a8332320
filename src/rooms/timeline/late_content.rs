//! Content that was missing when its event came, and comes with the event's next delivery.

use std::sync::Arc;

use super::batch::Batch;
use super::{aftermath, place};
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::verified::{ContentStatus, Verified};
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::events::store;
use crate::messages;
use crate::rooms::core::content;
use crate::rooms::core::judge::{Reason, Verdict};

/// Gives an event that is here the content that it lacks. It is judged anew, since what it says may be malformed, and takes
/// a new place in the stream. `None`: there is nothing to give, or the message was redacted in the meantime.
///
/// `unhashable`: why a content that its own origin delivered can never be hashed, which voids the event for ever.
pub(super) async fn fill(
    batch: &mut Batch<'_>,
    event: &Verified<Event>,
    unhashable: Option<Reason>,
) -> Result<Option<Placed>, DbError> {
    if event.content_status() != ContentStatus::Present && unhashable.is_none() {
        return Ok(None);
    }
    batch.flush().await?;
    let tenant = batch.tenant.clone();
    let found = store::by_id(&tenant, batch.tx.conn(), event.event_id).await?;
    let Some(mut placed) = found.filter(|found| lacks_content(found, event)) else {
        return Ok(None);
    };
    let target = event.content.as_ref().and_then(|content| {
        let target = content::target(&event.event_type, content);
        target.ok().flatten()
    });
    let about = target.unwrap_or(event.event_id);
    if is_erased_with(&event.event_type)
        && messages::project::is_redacted(&tenant, &mut batch.tx, about).await?
    {
        return Ok(None);
    }
    let whole = Arc::make_mut(&mut placed.event);
    whole.content = event.content.clone();
    whole.salt = event.salt.clone();
    placed.target = target;
    let verdict = match unhashable {
        Some(reason) => Verdict::Void(reason),
        None => aftermath::judge_anew(batch, &tenant, &placed).await?,
    };
    place::apply(&mut placed, verdict);
    if placed.standing == Standing::Valid {
        placed.shown = place::shown_timeline(&placed.event);
    }
    let is_shown = placed.shown != Shown::Never;
    if is_shown {
        placed.position = batch.next_position();
    }
    store::contents::fill(&tenant, &mut batch.tx, &placed).await?;
    batch.has_written();
    aftermath::refold(batch, &tenant, event.room_id, about).await?;
    if is_shown {
        batch.settled(placed.clone());
    }
    Ok(Some(placed))
}

/// Whether `stored` is this very event of the timeline, still without content.
fn lacks_content(stored: &Placed, event: &Verified<Event>) -> bool {
    stored.hash == event.hash()
        && stored.kind == Kind::Timeline
        && stored.event.content.is_none()
        && matches!(stored.standing, Standing::Valid | Standing::Wait)
}

/// A redacted message is erased with its edits.
fn is_erased_with(event_type: &EventType) -> bool {
    *event_type == EventType::ROOM_MESSAGE || *event_type == EventType::ROOM_MESSAGE_EDIT
}
