//! Forks: two events that an origin signed for one place of its log (federation specification, "Keys, forks, epochs").

use std::collections::BTreeSet;

use super::batch::Batch;
use super::{aftermath, epochs, host_fork};
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::verified::Verified;
use crate::events::store;
use crate::events::store::forks::{self, Place};
use crate::federation::exchange::outgoing::{self, Maker};
use crate::rooms::project;

/// A second event for a place that is taken, delivered by `peer`: it is kept as evidence, the room's other servers are told,
/// and the log is frozen.
///
/// An event at or below a place where the log went over to another key is no evidence: who signed it may have stolen the old
/// one.
pub(super) async fn found(
    batch: &mut Batch<'_>,
    second: &Verified<Event>,
    peer: &ServerName,
) -> Result<(), DbError> {
    batch.flush().await?;
    let (tenant, room_id, origin) = (batch.tenant.clone(), second.room_id, &second.origin);
    let at = Place {
        room_id,
        origin,
        epoch: second.epoch,
        seq: second.seq,
    };
    let key = store::logs::latest_key(&tenant, &mut batch.tx, room_id, origin, at.epoch).await?;
    let is_below_key = key.is_some_and(|(_, from_seq)| second.seq < from_seq);
    let Some(first) = forks::standing_at(&tenant, &mut batch.tx, at).await? else {
        return Ok(());
    };
    if is_below_key {
        return Ok(());
    }
    let (tx, now) = (&mut batch.tx, batch.now);
    if forks::keep(&tenant, tx, (&**second, second.hash()), peer, now).await? {
        batch.has_written();
        tracing::warn!(
            event = "federation.log_forked", room = %room_id, %origin, epoch = at.epoch, seq = at.seq, %peer
        );
        if let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? {
            let both = [&*first.event, &**second];
            let maker = Maker {
                key: &batch.key,
                entropy: &batch.entropy,
                now: batch.now,
            };
            outgoing::evidence(&tenant, &mut batch.tx, view, both, &maker).await?;
        }
    }
    freeze(batch, at).await
}

/// Freezes a log from this place on: what stands there is hidden, together with what it did to other messages, and no more is
/// taken.
///
/// Not frozen are this server's own log, which it alone goes on writing, and one that the host has settled by admitting
/// another epoch, on the branch that is here.
async fn freeze(batch: &mut Batch<'_>, at: Place<'_>) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, at.room_id).await? else {
        return Ok(());
    };
    let is_hosts = at.origin == view.history.host();
    let is_own = at.origin == tenant.server_name();
    let Some(log) = view.logs.get(at.origin).filter(|_| !is_own) else {
        return Ok(());
    };
    let is_known = log.forked_at.is_some_and(|forked_at| forked_at <= at.seq);
    if is_known || log.head.epoch != at.epoch {
        return Ok(());
    }
    if is_hosts {
        return host_fork::end_state(batch, at).await;
    }
    if epochs::holds_cutoff(batch, at.room_id, at.origin).await? {
        return Ok(());
    }
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, at.room_id).await? else {
        return Ok(());
    };
    if let Some(log) = view.logs.get_mut(at.origin) {
        log.forked_at = Some(at.seq);
    }
    hide(batch, at).await?;
    // The host may have settled it already: then the branch that is here is the other one.
    epochs::settle(batch, at.room_id, at.origin).await?;
    Ok(())
}

/// Hides what stands in a log from this place on. Who left there is in the room still.
pub(super) async fn hide(batch: &mut Batch<'_>, at: Place<'_>) -> Result<(), DbError> {
    let (tenant, room_id) = (batch.tenant.clone(), at.room_id);
    batch.touched.insert(room_id);
    batch.has_written();
    forks::mark(&tenant, &mut batch.tx, at).await?;
    let hidden = forks::freeze(&tenant, &mut batch.tx, at).await?;
    let of_timeline = hidden.iter().filter(|hidden| hidden.leaver.is_none());
    let messages: BTreeSet<_> = of_timeline
        .map(|hidden| hidden.about.unwrap_or(hidden.event_id))
        .collect();
    for message in messages {
        aftermath::refold(batch, &tenant, room_id, message).await?;
    }
    let back: BTreeSet<Fqid> = hidden
        .into_iter()
        .filter_map(|hidden| hidden.leaver)
        .collect();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    if back.is_empty() {
        return Ok(());
    }
    if let Some(log) = view.logs.get_mut(at.origin) {
        for leaves in log.leaves.values_mut() {
            leaves.retain(|leave| *leave < (at.epoch, at.seq));
        }
    }
    for person in &back {
        project::write_member(&tenant, &mut batch.tx, view, room_id, person).await?;
    }
    project::room(&tenant, &mut batch.tx, room_id, view).await
}
