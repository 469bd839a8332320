//! Logs that are begun anew, in an epoch that the host has admitted (federation specification, "Epochs").

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

use super::batch::Batch;
use super::commands::{land_next, target_of};
use super::compose::{self, Signer};
use super::{aftermath, log_key, place};
use crate::db::DbError;
use crate::events::core::chain::{self, ChainError, Head};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::Verified;
use crate::events::model::{Placed, Standing};
use crate::events::store::forks::{self, Place};
use crate::events::store::{self, contents, meeting};
use crate::messages;
use crate::rooms::core::content::LogPosition;
use crate::rooms::core::decide::Intent;
use crate::rooms::core::view::RoomView;
use crate::rooms::error::RoomError;
use crate::rooms::project;

/// Whether an event is the next one of its log, epochs included.
pub(super) fn follows(
    view: &RoomView,
    head: Option<&Head>,
    event: &Verified<Event>,
) -> Result<(), ChainError> {
    let epochs = view.history.epochs();
    let current = head.map_or(1, |head| head.epoch);
    if event.epoch < current {
        return Err(ChainError::Behind);
    }
    // A whole epoch may have been excluded: what began it is no beginning any more.
    let next = epochs.of(&event.origin, event.epoch + 1);
    let is_excluded = next.is_some_and(|next| {
        event.seq > next.cutoff.seq
            || (event.seq == next.cutoff.seq && next.cutoff.hash != Some(event.hash()))
    });
    if is_excluded {
        return Err(ChainError::Excluded);
    }
    if event.epoch == current {
        return chain::follows(head, event);
    }
    let Some(admission) = epochs.of(&event.origin, event.epoch) else {
        return Err(ChainError::Epoch {
            log: current,
            event: event.epoch,
        });
    };
    if !is_reached(view, &event.origin, event.epoch) {
        return Err(ChainError::Gap {
            expected: head.map_or(1, |head| head.seq + 1),
        });
    }
    chain::follows(None, event)?;
    if event.event_type != EventType::LOG_RESTART
        || stands_by(event) != Some(&json!(admission.cutoff))
    {
        return Err(ChainError::OtherBeginning);
    }
    match head.is_some_and(|head| event.ts < head.ts) {
        true => Err(ChainError::TimeGoesBack),
        false => Ok(()),
    }
}

fn stands_by(event: &Event) -> Option<&Value> {
    event.content.as_ref()?.get("stands_by")
}

/// Whether everything of a log that counts before this epoch is here.
fn is_reached(view: &RoomView, origin: &ServerName, epoch: i64) -> bool {
    let head = view.head(origin);
    let mut epoch = epoch;
    while let Some(admission) = view.history.epochs().of(origin, epoch) {
        // Of the epoch before it nothing may count: then it is the one before that.
        if admission.cutoff.seq > 0 {
            return head == admission.cutoff;
        }
        epoch -= 1;
    }
    head.seq == 0
}

/// What the host has admitted for a log beyond the epoch that it is in: what counts of that.
fn cutoff(view: &RoomView, origin: &ServerName) -> Option<LogPosition> {
    let next = view.head(origin).epoch + 1;
    let admission = view.history.epochs().of(origin, next)?;
    Some(admission.cutoff.clone())
}

/// Whether a log that goes on in another epoch is here on the branch that the host has admitted.
pub(super) async fn holds_cutoff(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<bool, DbError> {
    let tenant = batch.tenant.clone();
    let view = batch.views.get(&tenant, &mut batch.tx, room_id).await?;
    let Some(cutoff) = view.and_then(|view| cutoff(view, origin)) else {
        return Ok(false);
    };
    is_here(batch, room_id, origin, &cutoff).await
}

async fn is_here(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    origin: &ServerName,
    at: &LogPosition,
) -> Result<bool, DbError> {
    if at.seq == 0 {
        return Ok(true);
    }
    batch.flush().await?;
    let (tenant, range) = (batch.tenant.clone(), (at.seq, at.seq));
    let tx = &mut batch.tx;
    let found = meeting::hashes(&tenant, tx, room_id, origin, at.epoch, range).await?;
    Ok(found.get(&at.seq).copied() == at.hash)
}

/// Brings a log in line with the admission of its next epoch: what lies beyond the cut-off goes, and so does what stands on
/// another branch from the fork on; the rest is judged again. What went comes back.
pub(super) async fn settle(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Vec<Placed>, DbError> {
    batch.flush().await?;
    let tenant = batch.tenant.clone();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(Vec::new());
    };
    let forked_at = view.logs.get(origin).and_then(|log| log.forked_at);
    let head = view.head(origin);
    let Some(cutoff) = cutoff(view, origin) else {
        return Ok(Vec::new());
    };
    let from = match is_here(batch, room_id, origin, &cutoff).await? {
        true => cutoff.seq + 1,
        // Where the branches part is not known yet, but that they have at the cut-off: comparing with who holds the other
        // one tells.
        false => {
            let reached = (head.seq >= cutoff.seq).then_some(cutoff.seq);
            match [forked_at, reached].into_iter().flatten().min() {
                Some(from) => from,
                None => return Ok(Vec::new()),
            }
        }
    };
    let at = Place {
        room_id,
        origin,
        epoch: cutoff.epoch,
        seq: from,
    };
    batch.touched.insert(room_id);
    batch.has_written();
    forks::thaw(&tenant, &mut batch.tx, room_id, origin, cutoff.epoch).await?;
    let excluded = forks::exclude(&tenant, &mut batch.tx, at).await?;
    batch.views.forget(&tenant, room_id);
    if !excluded.is_empty() {
        tracing::warn!(
            event = "federation.log_excluded", room = %room_id, %origin, epoch = at.epoch, seq = from,
            events = excluded.len()
        );
    }
    undo(batch, room_id, &excluded).await?;
    aftermath::settle_waiting(batch, &tenant, room_id).await?;
    Ok(excluded)
}

/// Takes back what events did that are in no log any more.
async fn undo(batch: &mut Batch<'_>, room_id: RoomId, gone: &[Placed]) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let about = |placed: &Placed| placed.target.unwrap_or(placed.event.event_id);
    for message in gone.iter().map(about).collect::<BTreeSet<_>>() {
        // What a redaction erased that counts no more is asked for again.
        let stands = store::by_id(&tenant, batch.tx.conn(), message).await?;
        contents::note(&tenant, &mut batch.tx, stands.as_slice()).await?;
        aftermath::refold(batch, &tenant, room_id, message).await?;
    }
    for placed in gone {
        aftermath::of_gone_target(batch, placed).await?;
    }
    let leaves = gone
        .iter()
        .filter(|placed| placed.event.event_type == EventType::ROOM_LEAVE);
    let who: BTreeSet<Fqid> = leaves
        .filter_map(|leave| leave.event.sender.clone())
        .collect();
    for person in &who {
        if let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? {
            project::write_member(&tenant, &mut batch.tx, view, room_id, person).await?;
        }
    }
    match batch.views.get(&tenant, &mut batch.tx, room_id).await? {
        Some(view) if !who.is_empty() => project::room(&tenant, &mut batch.tx, room_id, view).await,
        _ => Ok(()),
    }
}

/// After the host's state has grown: brings all logs in line with it, and begins the own one anew if that is admitted.
pub(super) async fn of_state(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let tenant = batch.tenant.clone();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let origins = view.logs.keys();
    let due: Vec<ServerName> = origins
        .filter(|origin| *origin != tenant.server_name() && cutoff(view, origin).is_some())
        .cloned()
        .collect();
    for origin in due {
        settle(batch, room_id, &origin).await?;
    }
    begin(batch, room_id, signer).await
}

/// Begins the own log anew if the host has admitted that. What was said here beyond the cut-off, while the admission was on
/// its way, is said again in the new epoch: it was acknowledged. But for what counts no more by now, such as an edit of long
/// ago: nobody would take it.
pub(super) async fn begin(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let tenant = batch.tenant.clone();
    // After a restore it may have begun before; what it said there is still on its way back.
    if signer.waits.is_behind(&tenant, room_id) {
        return Ok(());
    }
    let own = tenant.server_name();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let epoch = view.head(own).epoch + 1;
    let Some(admission) = view.history.epochs().of(own, epoch).cloned() else {
        return Ok(());
    };
    let key = admission.key.public_key.parse::<PublicKey>().ok();
    let Some(key) = key.and_then(|key| signer.keys.pair(&tenant, key.key_id())) else {
        tracing::error!(event = "federation.log_key_gone", room = %room_id);
        return Ok(());
    };
    if !holds_cutoff(batch, room_id, own).await? {
        tracing::error!(event = "federation.log_not_begun", room = %room_id, epoch);
        return Ok(());
    }
    let said = settle(batch, room_id, own).await?;
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let content = json!({ "stands_by": admission.cutoff });
    for restart in compose::restart(&key, view, room_id, (epoch, content), signer)? {
        land_next(batch, &restart).await?;
    }
    tracing::info!(event = "federation.log_begun", room = %room_id, epoch);
    say_again(batch, room_id, said, signer).await
}

async fn say_again(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    said: Vec<Placed>,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let tenant = batch.tenant.clone();
    log_key::renew(batch, room_id, signer).await?;
    let mut ids: HashMap<EventId, EventId> = HashMap::new();
    for placed in said {
        let event = &placed.event;
        let Some(content) = event.content.clone() else {
            continue;
        };
        if event.event_type.is_of_log() || placed.standing == Standing::Void {
            continue;
        }
        let intent = Intent {
            event_type: event.event_type.clone(),
            sender: event.sender.clone(),
            content: with_new_ids(content, &ids),
        };
        let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
            return Ok(());
        };
        for again in compose::sign(Some(view), room_id, vec![intent], signer)? {
            if is_void(batch, &again).await? {
                tracing::warn!(event = "federation.not_said_again", room = %room_id, id = %event.event_id);
                continue;
            }
            land_next(batch, &again).await?;
            ids.insert(event.event_id, again.event_id);
        }
    }
    batch.flush().await?;
    for (old, new) in ids {
        messages::store::rename_send(&tenant, &mut batch.tx, old, new).await?;
    }
    Ok(())
}

async fn is_void(batch: &mut Batch<'_>, event: &Event) -> Result<bool, RoomError> {
    // What was said again just now is not written yet.
    batch.flush().await?;
    let target = target_of(batch, event).await?;
    let (tenant, tx) = (batch.tenant.clone(), &mut batch.tx);
    let view = batch.views.get(&tenant, tx, event.room_id).await?;
    Ok(view.is_none_or(|view| place::is_void(view, event, target.as_ref())))
}

/// What a content says of events that have another id now.
fn with_new_ids(mut content: Value, ids: &HashMap<EventId, EventId>) -> Value {
    for member in ["event_id", "reply_to_event_id"] {
        let named = content.get(member).and_then(Value::as_str);
        let id = named.and_then(|id| id.parse::<EventId>().ok());
        if let Some(new) = id.and_then(|id| ids.get(&id)) {
            content[member] = json!(new);
        }
    }
    content
}
