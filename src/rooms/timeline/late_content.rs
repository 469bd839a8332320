//! Content that was missing when its event came, and comes later (federation specification, "Void, missing, stalled").

use std::sync::Arc;

use super::batch::Batch;
use super::{aftermath, place};
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::verified::{ContentStatus, Verified};
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::events::store::{self, contents};
use crate::rooms::core::content;
use crate::rooms::core::judge::{Reason, Verdict};

/// Gives an event that stands in its log the content that it lacks. `None`: there is nothing to give.
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
    let is_it = |found: &Placed| found.hash == event.hash() && contents::is_missing(found);
    let Some(mut placed) = found.filter(is_it) else {
        return Ok(None);
    };
    let whole = Arc::make_mut(&mut placed.event);
    whole.content = event.content.clone();
    whole.salt = event.salt.clone();
    batch.has_written();
    batch.touched.insert(event.room_id);
    match placed.kind {
        Kind::Timeline => timeline(batch, &mut placed, unhashable).await?,
        Kind::State => state(batch, &placed, unhashable).await?,
        // A leave counts already, by its envelope; a key is taken only whole.
        Kind::Bookkeeping => contents::fill(&tenant, &mut batch.tx, &placed).await?,
    }
    Ok(Some(placed))
}

/// It is judged anew, since what it says may be malformed, and takes a new place in the stream. What was redacted meanwhile
/// is erased with it.
async fn timeline(
    batch: &mut Batch<'_>,
    placed: &mut Placed,
    unhashable: Option<Reason>,
) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let event = Arc::clone(&placed.event);
    placed.target = event.content.as_ref().and_then(|content| {
        let target = content::target(&event.event_type, content);
        target.ok().flatten()
    });
    let verdict = match unhashable {
        Some(reason) => Verdict::Void(reason),
        None => aftermath::judge_anew(batch, &tenant, placed).await?,
    };
    let was_shown = placed.shown != Shown::Never;
    place::apply(placed, verdict);
    if placed.standing == Standing::Valid {
        placed.shown = place::shown_timeline(&placed.event);
    }
    let appears = placed.shown != Shown::Never && !was_shown;
    if appears {
        placed.position = batch.next_position();
    }
    contents::fill(&tenant, &mut batch.tx, placed).await?;
    let about = placed.target.unwrap_or(event.event_id);
    aftermath::refold(batch, &tenant, event.room_id, about).await?;
    if appears {
        batch.settled(placed.clone());
    }
    // What it is about may have been erased before it came, and be shown as redacted only now.
    aftermath::show_erased(batch, about).await?;
    Ok(())
}

/// The host's state chain goes on: with this event, and with those that had to wait behind it.
async fn state(
    batch: &mut Batch<'_>,
    placed: &Placed,
    unhashable: Option<Reason>,
) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let room_id = placed.event.room_id;
    contents::fill(&tenant, &mut batch.tx, placed).await?;
    let forked_at = match batch.views.get(&tenant, &mut batch.tx, room_id).await? {
        Some(view) => view
            .logs
            .get(&placed.event.origin)
            .and_then(|log| log.forked_at),
        None => None,
    };
    let mut waiting = store::waiting(&tenant, &mut batch.tx, room_id).await?;
    waiting.retain(|event| event.kind == Kind::State);
    // From a fork on there is no state, whatever comes.
    let counts = |event: &Placed| forked_at.is_none_or(|forked_at| event.event.seq < forked_at);
    let mut rest = waiting.iter().peekable();
    while let Some(next) = rest.next_if(|next| counts(next)) {
        let reason = unhashable.filter(|_| next.event.event_id == placed.event.event_id);
        let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
            return Ok(());
        };
        view.history.resume();
        let Some(mut landing) = place::join_chain(view, next, reason) else {
            return Ok(());
        };
        // Until those behind it have joined too, what stands behind them in the host's log goes on waiting.
        if let Some(behind) = rest.peek() {
            view.history.stall(behind.event.seq);
        }
        landing.placed.position = batch.next_position();
        let (joined, change) = (landing.placed.clone(), landing.change.clone());
        batch.land_again(landing);
        aftermath::of_state(batch, &joined, change.as_ref(), false).await?;
    }
    Ok(())
}
