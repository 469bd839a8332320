//! Hosts' logs of which the state came first: whoever joins takes that, and what lies between its events afterwards.

use super::Part;
use super::batch::Batch;
use crate::db::DbError;
use crate::events::core::chain::{ChainError, Gap};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::verified::Verified;
use crate::rooms::core::view::RoomView;

/// The gap that an event of the host's log fills, or, of the state by itself, opens, as it is then; or why the event cannot
/// stand in its gap. `None`: this is not about a gap.
pub(super) fn met_by(
    view: &RoomView,
    event: &Verified<Event>,
    part: Part,
) -> Option<Result<Gap, ChainError>> {
    let is_of_host = event.origin == *view.history.host() && event.epoch == 1;
    if !is_of_host || view.is_frozen(&event.origin, (event.epoch, event.seq)) {
        return None;
    }
    let log = view.logs.get(&event.origin)?;
    let makes_state = event.event_type.is_state() || event.event_type.is_of_log();
    if let Some(gap) = log.gaps.iter().find(|gap| gap.holds(event.seq)) {
        // The state was taken whole: nothing of it is missing, or the host has signed two events for one place.
        return Some(match makes_state {
            true => Err(ChainError::OtherBranch { seq: gap.until_seq }),
            false => gap.after(event),
        });
    }
    let is_next = part == Part::State && is_next_of_state(view, event);
    let gap = Gap::between(&log.end()?, event).filter(|_| is_next)?;
    Some(Ok(gap))
}

/// Whether an event is the next one that makes the state: one that names the last state event, or a key of the log.
fn is_next_of_state(view: &RoomView, event: &Event) -> bool {
    let (last_seq, last_hash) = view.history.last();
    let follows = event.state_seq == last_seq && event.state_hash == Some(last_hash);
    let is_state = event.event_type.is_state() && event.content.is_some();
    let is_key = event.event_type == EventType::LOG_KEY;
    !view.history.is_stalled() && (is_key || (is_state && follows))
}

/// Takes note of how a gap is now, before the event lands that opens or fills it.
pub(super) async fn note(batch: &mut Batch<'_>, event: &Event, gap: Gap) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    batch.touched.insert(event.room_id);
    let view = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?;
    if let Some(log) = view.and_then(|view| view.logs.get_mut(&event.origin)) {
        log.set_gap(gap);
    }
    batch.set_gap(event, gap);
    Ok(())
}
