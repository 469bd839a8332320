//! Forks: two events that an origin signed for one place of its log (federation specification, "Keys, forks, epochs").

use std::collections::BTreeSet;

use super::aftermath;
use super::batch::Batch;
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::verified::Verified;
use crate::events::store;
use crate::events::store::forks::{self, Place};

/// Freezes a log from the place for which this second event was signed: what stands there is hidden, together with what it
/// did to other messages, and no more is taken.
///
/// Not frozen are the host's log, on whose state all others rest, and this server's own, which it alone goes on writing; nor
/// any log by an event at or below a place where it went over to another key: who signed that may have stolen the old one.
pub(super) async fn freeze(batch: &mut Batch<'_>, second: &Verified<Event>) -> Result<(), DbError> {
    batch.flush().await?;
    let tenant = batch.tenant.clone();
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, second.room_id)
        .await?
    else {
        return Ok(());
    };
    let origin = &second.origin;
    let is_spared = origin == view.history.host() || origin == tenant.server_name();
    let Some(log) = view.logs.get_mut(origin).filter(|_| !is_spared) else {
        return Ok(());
    };
    let is_known = log.forked_at.is_some_and(|at| at <= second.seq);
    if is_known || log.head.epoch != second.epoch {
        return Ok(());
    }
    let key = store::logs::latest_key(&tenant, &mut batch.tx, second.room_id, origin).await?;
    if key.is_some_and(|(_, from_seq)| second.seq < from_seq) {
        return Ok(());
    }
    log.forked_at = Some(second.seq);
    batch.touched.insert(second.room_id);
    batch.has_written();
    let at = Place {
        room_id: second.room_id,
        origin,
        epoch: second.epoch,
        seq: second.seq,
    };
    forks::mark(&tenant, &mut batch.tx, at).await?;
    let hidden = forks::freeze(&tenant, &mut batch.tx, at).await?;
    let messages: BTreeSet<_> = hidden
        .into_iter()
        .map(|(event, about)| about.unwrap_or(event))
        .collect();
    for message in messages {
        aftermath::refold(batch, &tenant, second.room_id, message).await?;
    }
    tracing::warn!(
        event = "federation.log_forked", room = %second.room_id, %origin, epoch = second.epoch, seq = second.seq
    );
    Ok(())
}
