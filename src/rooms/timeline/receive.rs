//! Events of other servers, already verified: checks 6 to 8 of the federation specification's table, and their place.

use serde::Deserialize;

use super::batch::Batch;
use super::commands::{append, end_of, land_first};
use super::compose::Signer;
use super::known::Known;
use super::{
    Invitation, Page, Part, Receipt, aftermath, epochs, forks, gaps, late_content, log_key, place,
};
use crate::catalogue::Code;
use crate::events::core::chain::{self, ChainError};
use crate::events::core::content::ContentFlaw;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::core::verified::Verified;
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::rooms::core::content::{MemberChange, Membership};
use crate::rooms::core::decide;
use crate::rooms::core::judge::{Reason, Verdict, Waiting};
use crate::rooms::core::view::{Log, RoomView};
use crate::rooms::error::RoomError;
use crate::rooms::project;
use crate::rooms::store::members;
use crate::tenants::Tenant;

/// How far ahead of this server's clock an event may be, in ms, before it has to wait.
pub(crate) const MAX_AHEAD_MS: i64 = 60_000;
/// What an event beyond a fork is told.
const FROZEN: &str = "the log is frozen from a fork on";

/// Places a page of events; a receipt for each.
pub(super) async fn page(
    batch: &mut Batch<'_>,
    page: &Page,
    signer: &mut Signer<'_>,
) -> Result<Vec<Receipt>, RoomError> {
    let mut known = Known::load(batch, &page.events).await?;
    let mut receipts = Vec::with_capacity(page.events.len());
    for event in &page.events {
        signer.clock.observe(event.ts, signer.now);
        receipts.push(one(batch, page, event, &mut known, signer).await?);
    }
    Ok(receipts)
}

async fn one(
    batch: &mut Batch<'_>,
    page: &Page,
    event: &Verified<Event>,
    known: &mut Known,
    signer: &mut Signer<'_>,
) -> Result<Receipt, RoomError> {
    let tenant = batch.tenant.clone();
    if event.ts > batch.now + MAX_AHEAD_MS {
        return Ok(Receipt::Pending);
    }
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        if page.part != Part::Log && place::begin(event, event.hash()).is_some() {
            known.landed(&land_first(batch, event).await?);
            return Ok(Receipt::Accepted);
        }
        return Ok(refused(
            6,
            Code::RoomNotFound,
            "there is no such room",
            false,
        ));
    };
    if event.origin == *tenant.server_name() && !is_ours(view, event, &tenant, signer) {
        return Ok(refused(
            7,
            Code::FedSignatureMismatch,
            "the event claims to be ours and is not",
            false,
        ));
    }
    let is_whole = !log_key::is_incomplete(event);
    match gaps::met_by(view, event, page.part) {
        Some(Ok(gap)) if is_whole => {
            gaps::note(batch, event, gap).await?;
            return land(batch, page, event, known, signer).await;
        }
        Some(Err(ChainError::Gap { .. })) => return Ok(Receipt::Pending),
        Some(Err(error)) => return Ok(mismatch(&error.to_string())),
        _ => {}
    }
    if let Some(receipt) = out_of_place(batch, page, event, known).await? {
        known.set_calm(event.room_id, false);
        if receipt == Receipt::Duplicate && known.lacks_content(event) {
            complete(batch, page, event, known, signer).await?;
        }
        return Ok(receipt);
    }
    if is_of_the_gone(batch, event).await? {
        let message = "nobody of its server is in the room any more";
        return Ok(refused(8, Code::NotMember, message, false));
    }
    if !is_whole {
        return Ok(mismatch(
            "what names a log's next key or epoch is taken only whole",
        ));
    }
    land(batch, page, event, known, signer).await
}

/// An event that is here comes again, with the content that it lacked.
async fn complete(
    batch: &mut Batch<'_>,
    page: &Page,
    event: &Verified<Event>,
    known: &mut Known,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let Some(placed) = late_content::fill(batch, event, unhashable(page, event)).await? else {
        return Ok(());
    };
    known.landed(&placed);
    if placed.kind == Kind::State {
        // Later ones that waited for it may have joined the chain with it.
        epochs::of_state(batch, event.room_id, signer).await?;
    }
    let tenant = batch.tenant.clone();
    let view = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?;
    let host_here = view.is_some_and(|view| view.history.host() == tenant.server_name());
    // A message was answered when it took its place: whoever has left again since is not brought back once more.
    let is_answered = event.event_type == EventType::ROOM_MESSAGE;
    if host_here && placed.standing == Standing::Valid && !is_answered {
        let target = known.target_of(event);
        answer_as_host(batch, &placed, target.as_ref(), signer).await?;
    }
    Ok(())
}

/// Content that its own origin delivered and that can never be hashed voids the event; from a relay it is missing.
fn unhashable(page: &Page, event: &Verified<Event>) -> Option<Reason> {
    let flaw = event.content_flaw.as_ref();
    flaw.filter(|_| page.deliverer == event.origin)
        .map(flaw_reason)
}

/// Our own log comes back from a peer after a restore, perhaps from its first event on. It verified by the key that the
/// room's host names, which has to be one of ours; of one that is long retired, a log that is here speaks.
fn is_ours(view: &RoomView, event: &Verified<Event>, tenant: &Tenant, signer: &Signer<'_>) -> bool {
    match signer.keys.pair(tenant, event.key_id) {
        Some(pair) => pair
            .public_key()
            .verify_strict(&event.signed_bytes(), &event.signature)
            .is_ok(),
        None => view.logs.contains_key(&event.origin),
    }
}

/// Whether an event comes from a server that has nobody in the room, beyond what such a one may go on.
async fn is_of_the_gone(batch: &mut Batch<'_>, event: &Verified<Event>) -> Result<bool, RoomError> {
    let tenant = batch.tenant.clone();
    let view = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?;
    let (origin, sender) = (&event.origin, event.sender.as_ref());
    let is_other = *origin != *tenant.server_name();
    Ok(view.is_some_and(|view| {
        is_other && view.goes_on_without_members(origin, sender, (event.epoch, event.seq))
    }))
}

/// Why the event is not the next one of its log, if it is not.
async fn out_of_place(
    batch: &mut Batch<'_>,
    page: &Page,
    event: &Verified<Event>,
    known: &Known,
) -> Result<Option<Receipt>, RoomError> {
    let tenant = batch.tenant.clone();
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        return Ok(None);
    };
    let head = view.logs.get(&event.origin).and_then(Log::end);
    let is_past = event.epoch < head.as_ref().map_or(1, |head| head.epoch);
    let is_frozen = view.is_frozen(&event.origin, (event.epoch, event.seq));
    let error = match epochs::follows(view, head.as_ref(), event) {
        Ok(()) if !is_frozen => return Ok(None),
        Ok(()) => return Ok(Some(mismatch(FROZEN))),
        Err(ChainError::Behind) => match known.at_place_of(event) {
            Some(hash) => match chain::at_known_position(hash, event) {
                // The host has settled what counts of an epoch before the log's.
                ChainError::Fork { .. } if is_past => ChainError::Excluded,
                other => other,
            },
            None => ChainError::Behind,
        },
        // What the host has cut off may stand here still.
        Err(ChainError::Excluded) if known.at_place_of(event) == Some(&event.hash()) => {
            ChainError::Duplicate
        }
        Err(error) => error,
    };
    // Where the simulation puts faults in on purpose, to see that it finds them.
    #[cfg(test)]
    if crate::simulation::faults::overlooks(&error) {
        return Ok(None);
    }
    Ok(Some(match error {
        ChainError::Duplicate => Receipt::Duplicate,
        ChainError::Fork { .. } => {
            forks::found(batch, event, &page.deliverer).await?;
            mismatch(&error.to_string())
        }
        _ if is_frozen => mismatch(FROZEN),
        ChainError::Gap { .. } => Receipt::Pending,
        other => mismatch(&other.to_string()),
    }))
}

/// Refused at check 7: the log stays where it was.
fn mismatch(message: &str) -> Receipt {
    refused(7, Code::FedSignatureMismatch, message, false)
}

async fn land(
    batch: &mut Batch<'_>,
    page: &Page,
    event: &Verified<Event>,
    known: &mut Known,
    signer: &mut Signer<'_>,
) -> Result<Receipt, RoomError> {
    let tenant = batch.tenant.clone();
    let target = known.target_of(event);
    if event.event_type.is_state() {
        // With this one, redactions may be settled that came before it: those are written by the state before.
        batch.flush_before_state().await?;
    }
    let position = batch.next_position();
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        return Ok(refused(
            6,
            Code::RoomNotFound,
            "there is no such room",
            false,
        ));
    };
    let unhashable = unhashable(page, event);
    let landing = place::next(view, event, position, target.as_ref(), unhashable);
    let host_here = *view.history.host() == *tenant.server_name();
    let end = end_of(view, event);
    let (placed, verdict, change) = (
        landing.placed.clone(),
        landing.verdict,
        landing.change.clone(),
    );
    batch.touched.insert(event.room_id);
    let was_known = known.is_spoken_of(&placed.event);
    if was_known {
        aftermath::of_late_target(batch, &placed).await?;
    }
    batch.land(landing, end);
    if was_known {
        batch.came_after(&placed.event);
    }
    known.landed(&placed);
    let room_id = placed.event.room_id;
    if placed.standing == Standing::Wait {
        known.set_calm(room_id, false);
    } else if placed.kind == Kind::State {
        // Malformed ones take their place in the chain, too, and others wait for that.
        let was_calm = known.is_calm(room_id);
        let is_calm = aftermath::of_state(batch, &placed, change.as_ref(), was_calm).await?;
        let admits = placed.event.event_type == EventType::ROOM_LOG;
        known.set_calm(room_id, is_calm && !admits);
        if admits {
            epochs::of_state(batch, room_id, signer).await?;
        }
    }
    if was_known && placed.event.origin == *tenant.server_name() {
        // An own message that came back after a restore: its projection did not expect anybody to know it already.
        batch.flush().await?;
        aftermath::refold(batch, &tenant, placed.event.room_id, placed.event.event_id).await?;
    }
    let is_redaction = event.event_type == EventType::ROOM_REDACTION;
    let redacted = match &target {
        Some(target) if is_redaction => Some(target),
        _ => known.is_spoken_of(&placed.event).then_some(&placed),
    };
    // What is known of it may be older than this page: whether it is withheld now is read again.
    if let Some(message) = redacted.filter(|message| message.event.content.is_none())
        && let Some(shown) = aftermath::show_erased(batch, message.event.event_id).await?
    {
        known.landed(&shown);
    }
    if host_here && placed.standing == Standing::Valid {
        answer_as_host(batch, &placed, target.as_ref(), signer).await?;
    }
    Ok(receipt(verdict))
}

/// The host records what a peer's log tells it: a leave, with what follows from it; a moderator's redaction, by saying
/// promptly how far it has seen; a message in a DM whose other person has gone, by bringing that person back.
pub(super) async fn answer_as_host(
    batch: &mut Batch<'_>,
    placed: &Placed,
    target: Option<&Placed>,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let event = &placed.event;
    if event.origin == *batch.tenant.server_name() {
        return Ok(());
    }
    let tenant = batch.tenant.clone();
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        return Ok(());
    };
    // Of a target that is not here nobody knows whose it is.
    let redacts_another = event.event_type == EventType::ROOM_REDACTION
        && target.is_none_or(|target| target.event.sender != event.sender);
    let intents = match &event.sender {
        Some(person) if event.event_type == EventType::ROOM_LEAVE => {
            decide::recorded_leave(view, person, event)
        }
        Some(person) if event.event_type == EventType::ROOM_MESSAGE => {
            decide::brought_back(view, person).into_iter().collect()
        }
        _ if redacts_another => vec![decide::seen(view)],
        _ => Vec::new(),
    };
    append(batch, event.room_id, intents, None, signer).await?;
    Ok(())
}

fn flaw_reason(flaw: &ContentFlaw) -> Reason {
    match flaw {
        ContentFlaw::TooLarge { .. } => Reason::TooLarge,
        ContentFlaw::Json(_) | ContentFlaw::NotAnObject | ContentFlaw::Salt => Reason::Malformed,
    }
}

fn receipt(verdict: Verdict) -> Receipt {
    match verdict {
        Verdict::Valid => Receipt::Accepted,
        Verdict::Wait(Waiting::StateHash) => Receipt::Contradicting,
        Verdict::Wait(Waiting::State) => Receipt::Pending,
        Verdict::Void(reason) => refused(8, reason.code(), &reason.to_string(), true),
    }
}

fn refused(check: u8, code: Code, message: &str, placed: bool) -> Receipt {
    Receipt::Rejected {
        check,
        code,
        message: message.to_owned(),
        placed,
    }
}

/// An invitation from elsewhere: one event of a host's log that is not here. It is kept at its place, so that the log
/// fits around it when the invited person joins.
pub(super) async fn invitation(
    batch: &mut Batch<'_>,
    invitation: &Invitation,
) -> Result<(), RoomError> {
    let tenant = batch.tenant.clone();
    let event = &invitation.event;
    let view = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?;
    let is_known = view.is_some();
    // While people of this server are in the room, its log comes here and tells everything.
    let is_followed = view.is_some_and(|view| {
        let mut joined = view.joined_members();
        joined.any(|(person, _)| person.server_name() == tenant.server_name())
    });
    if is_followed || (is_known && !is_about_invitation(batch, event).await?) {
        return Ok(());
    }
    let position = batch.next_position();
    let placed = Placed {
        position,
        event: std::sync::Arc::new((**event).clone()),
        hash: event.hash(),
        standing: Standing::Valid,
        shown: Shown::History,
        kind: Kind::State,
        target: None,
    };
    batch.land_alone(placed.clone()).await?;
    let summary = Some(&invitation.room).filter(|_| !is_known);
    project::detached(&tenant, &mut batch.tx, &placed, summary).await?;
    Ok(())
}

/// Whether the event invites somebody, or takes back an invitation that is here: anything else stands in the log that was
/// delivered.
async fn is_about_invitation(
    batch: &mut Batch<'_>,
    event: &Verified<Event>,
) -> Result<bool, RoomError> {
    let change = event
        .content
        .as_ref()
        .and_then(|content| MemberChange::deserialize(content).ok());
    let Some(change) = change else {
        return Ok(false);
    };
    let id = ParticipantId::derive(&change.participant);
    let held = members::get(&batch.tenant, batch.tx.conn(), event.room_id, id).await?;
    let is_invited = held.is_some_and(|held| held.membership == Membership::Invite);
    Ok(change.membership == Membership::Invite || is_invited)
}

#[cfg(test)]
#[path = "cut_off_tests.rs"]
mod cut_off_tests;
#[cfg(test)]
#[path = "epochs_tests.rs"]
mod epochs_tests;
#[cfg(test)]
#[path = "gaps_tests.rs"]
mod gaps_tests;
#[cfg(test)]
#[path = "host_fork_tests.rs"]
mod host_fork_tests;
#[cfg(test)]
#[path = "own_log_tests.rs"]
mod own_log_tests;
#[cfg(test)]
#[path = "receive_tests.rs"]
mod tests;
#[cfg(test)]
#[path = "together_tests.rs"]
mod together_tests;
