//! What a state event changes for events that came before it: some were waiting for it, some lose their right.

use std::iter::Peekable;
use std::sync::Arc;
use std::vec::IntoIter;

use super::batch::Batch;
use super::place;
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::{Kind, Placed, Shown, Standing};
use crate::events::store::{self, contents};
use crate::messages;
use crate::rooms::core::content::{RoomType, StateChange};
use crate::rooms::core::judge::{Verdict, Waiting};
use crate::rooms::core::view::RoomView;
use crate::rooms::project;
use crate::tenants::Tenant;

/// Judges again what a state event from elsewhere may have changed; the own log, too, comes back from peers after a
/// restore. What this server writes as a host itself cuts off nothing that it holds; it only ends the waiting of what a
/// peer's log says behind a claim of state that was not there yet. `is_calm`: nothing in the room waits, as far as is
/// known; whether that is so comes back.
pub(super) async fn of_state(
    batch: &mut Batch<'_>,
    state: &Placed,
    change: Option<&StateChange>,
    is_calm: bool,
) -> Result<bool, DbError> {
    let tenant = batch.tenant.clone();
    let room_id = state.event.room_id;
    void_beyond_cuts(batch, &tenant, state).await?;
    let mut is_calm = is_calm;
    if !is_calm {
        let waiting = waiting(batch, &tenant, room_id).await?;
        is_calm = waiting.is_empty();
        settle(batch, &tenant, room_id, waiting).await?;
    }
    if let Some(change) = change {
        of_marks(batch, room_id, change).await?;
    }
    Ok(is_calm)
}

/// Erases what the state event acknowledges as redacted.
pub(super) async fn of_marks(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    change: &StateChange,
) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let view = batch.views.get(&tenant, &mut batch.tx, room_id).await?;
    let mut named = change.seen.keys().chain(change.cutoff.keys());
    // Of a log that is not here nothing can have been redacted, or have redacted.
    if !view.is_some_and(|view| named.any(|origin| view.logs.contains_key(origin))) {
        return Ok(());
    }
    batch.flush().await?;
    match batch.views.get(&tenant, &mut batch.tx, room_id).await? {
        Some(view) => project::erase_settled(&tenant, &mut batch.tx, view, room_id, change).await,
        None => Ok(()),
    }
}

/// The highest `state_seq` that a log claims up to a place, which only moves forward.
struct Claims {
    highest: i64,
    ahead: Peekable<IntoIter<((i64, i64), i64)>>,
}

impl Claims {
    /// Begins behind a place of the log.
    async fn beyond(
        batch: &mut Batch<'_>,
        tenant: &Tenant,
        room_id: RoomId,
        origin: &ServerName,
        place: (i64, i64),
    ) -> Result<Claims, DbError> {
        let tx = &mut batch.tx;
        let ahead = store::claims_beyond(tenant, tx, room_id, origin, place).await?;
        Ok(Claims {
            highest: store::highest_claim(tenant, tx, room_id, origin, place).await?,
            ahead: ahead.into_iter().peekable(),
        })
    }

    /// Predecessors that do not count claim all the same.
    fn up_to(&mut self, place: (i64, i64)) -> i64 {
        while let Some((_, claim)) = self.ahead.next_if(|(at, _)| *at <= place) {
            self.highest = self.highest.max(claim);
        }
        self.highest
    }
}

/// Voids events that lie beyond the cut-off of the right that the state event took away.
async fn void_beyond_cuts(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    state: &Placed,
) -> Result<(), DbError> {
    let room_id = state.event.room_id;
    let k = state.event.seq;
    let Some(view) = batch.views.get(tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let mut cuts: Vec<(ServerName, (i64, i64))> = Vec::new();
    if view.history.takes_at(k) {
        let foreign = view
            .logs
            .keys()
            .filter(|origin| *origin != view.history.host());
        cuts.extend(foreign.map(|origin| (origin.clone(), view.history.cut(k, origin))));
    }
    if cuts.is_empty() {
        return Ok(());
    }
    batch.flush().await?;
    for (origin, cut) in cuts {
        let events = store::beyond(tenant, &mut batch.tx, room_id, &origin, cut, None).await?;
        if events.is_empty() {
            continue;
        }
        let mut claims = Claims::beyond(batch, tenant, room_id, &origin, cut).await?;
        for event in events {
            let highest = claims.up_to((event.event.epoch, event.event.seq));
            if let Verdict::Void(_) = judge(batch, tenant, &event, highest).await? {
                make_void(batch, tenant, &event).await?;
            }
        }
    }
    Ok(())
}

/// Judges what waited. What counts now is shown now: it takes a new place in the stream, and comes back.
pub(super) async fn settle_waiting(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    room_id: RoomId,
) -> Result<Vec<Placed>, DbError> {
    let waiting = waiting(batch, tenant, room_id).await?;
    settle(batch, tenant, room_id, waiting).await
}

async fn waiting(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    room_id: RoomId,
) -> Result<Vec<Placed>, DbError> {
    batch.flush().await?;
    store::waiting(tenant, &mut batch.tx, room_id).await
}

async fn settle(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    room_id: RoomId,
    waiting: Vec<Placed>,
) -> Result<Vec<Placed>, DbError> {
    let mut settled = Vec::new();
    let mut claims: Option<(ServerName, Claims)> = None;
    for mut event in waiting {
        match event.kind {
            Kind::Timeline => {}
            // A state event that waits is not judged: it joins the host's chain or does not.
            Kind::State => continue,
            Kind::Bookkeeping => {
                leave_again(batch, tenant, event).await?;
                continue;
            }
        }
        let origin = event.event.origin.clone();
        let mut of_log = match claims.take().filter(|(of, _)| *of == origin) {
            Some((_, of_log)) => of_log,
            None => {
                let before = (event.event.epoch, event.event.seq - 1);
                Claims::beyond(batch, tenant, room_id, &origin, before).await?
            }
        };
        let highest = of_log.up_to((event.event.epoch, event.event.seq));
        claims = Some((origin, of_log));
        match judge(batch, tenant, &event, highest).await? {
            Verdict::Wait(Waiting::StateHash) => contradicts(batch, tenant, &event).await?,
            Verdict::Wait(Waiting::State) => {}
            Verdict::Void(_) => make_void(batch, tenant, &event).await?,
            Verdict::Valid => {
                event.position = batch.next_position();
                event.standing = Standing::Valid;
                event.shown = place::shown_timeline(&event.event);
                store::settle(tenant, &mut batch.tx, &event).await?;
                show_effects(batch, tenant, &event).await?;
                let about = event.target.unwrap_or(event.event.event_id);
                batch.settled(event.clone());
                settled.push(event);
                show_erased(batch, about).await?;
            }
        }
    }
    Ok(settled)
}

/// An event names another hash than that of the state event that has come: evidence of a fork, once it has.
async fn contradicts(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
) -> Result<(), DbError> {
    let room_id = event.event.room_id;
    let view = batch.views.get(tenant, &mut batch.tx, room_id).await?;
    if view.is_some_and(|view| view.history.last().0 == event.event.state_seq) {
        batch.contradicting.push(event.clone());
    }
    Ok(())
}

/// A leave that stood beyond a fork counts, now that the host has admitted its branch.
async fn leave_again(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    mut leave: Placed,
) -> Result<(), DbError> {
    leave.position = batch.next_position();
    leave.standing = Standing::Valid;
    let event = Arc::clone(&leave.event);
    let Some(view) = batch
        .views
        .get(tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        return Ok(());
    };
    let person = event.sender.as_ref();
    if person.is_some_and(|person| view.joined(person).is_some()) {
        leave.shown = Shown::History;
    }
    if let (Some(person), Some(log)) = (person, view.logs.get_mut(&event.origin)) {
        let leaves = log.leaves.entry(person.clone()).or_default();
        leaves.push((event.epoch, event.seq));
    }
    store::settle(tenant, &mut batch.tx, &leave).await?;
    project::event(tenant, &mut batch.tx, view, &leave, None, batch.now).await?;
    project::room(tenant, &mut batch.tx, event.room_id, view).await?;
    batch.settled(leave);
    Ok(())
}

/// What an event that waited changes now that it counts.
async fn show_effects(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
) -> Result<(), DbError> {
    let room_id = event.event.room_id;
    if event.event.event_type == EventType::ROOM_MESSAGE {
        return refold(batch, tenant, room_id, event.event.event_id).await;
    }
    match batch.views.get(tenant, &mut batch.tx, room_id).await? {
        Some(view) => project::event(tenant, &mut batch.tx, view, event, None, batch.now).await,
        None => Ok(()),
    }
}

/// Whether this is a message whose content is not here. What is missing may still come; until then it is not shown.
fn is_withheld(placed: &Placed) -> bool {
    placed.event.event_type == EventType::ROOM_MESSAGE
        && placed.event.content.is_none()
        && placed.standing == Standing::Valid
        && placed.shown == Shown::Never
}

/// A message that was erased before it came here is shown, as redacted, once the redaction is here too.
pub(super) async fn show_erased(
    batch: &mut Batch<'_>,
    message: EventId,
) -> Result<Option<Placed>, DbError> {
    batch.flush().await?;
    let tenant = batch.tenant.clone();
    let found = store::by_id(&tenant, batch.tx.conn(), message).await?;
    let Some(mut placed) = found.filter(is_withheld) else {
        return Ok(None);
    };
    if !messages::project::is_redacted(&tenant, &mut batch.tx, message).await? {
        return Ok(None);
    }
    placed.position = batch.next_position();
    placed.shown = Shown::History;
    store::settle(&tenant, &mut batch.tx, &placed).await?;
    batch.settled(placed.clone());
    Ok(Some(placed))
}

/// Judges an event that stands in its log, by what is known now.
pub(super) async fn judge_anew(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
) -> Result<Verdict, DbError> {
    let (origin, place) = (&event.event.origin, (event.event.epoch, event.event.seq));
    let room_id = event.event.room_id;
    let highest = store::highest_claim(tenant, &mut batch.tx, room_id, origin, place).await?;
    judge(batch, tenant, event, highest).await
}

/// Judges an event whose log claims up to it this `state_seq` at most.
pub(super) async fn judge(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
    highest: i64,
) -> Result<Verdict, DbError> {
    let target = target_of(batch, tenant, event).await?;
    judge_about(batch, tenant, event, highest, target.as_ref()).await
}

/// The same by a room as it was.
pub(super) async fn judge_in(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    view: &RoomView,
    event: &Placed,
    highest: i64,
) -> Result<Verdict, DbError> {
    let target = target_of(batch, tenant, event).await?;
    Ok(place::judge_event(
        view,
        &event.event,
        highest,
        target.as_ref(),
    ))
}

async fn target_of(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
) -> Result<Option<Placed>, DbError> {
    let target = match event.target {
        Some(id) => store::by_id(tenant, batch.tx.conn(), id).await?,
        None => None,
    };
    // What a room says of another room's message is judged as if that were unknown: other servers may not have it.
    Ok(target.filter(|target| target.event.room_id == event.event.room_id))
}

async fn judge_about(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    event: &Placed,
    highest: i64,
    target: Option<&Placed>,
) -> Result<Verdict, DbError> {
    let view = batch
        .views
        .get(tenant, &mut batch.tx, event.event.room_id)
        .await?;
    Ok(match view {
        Some(view) => place::judge_event(view, &event.event, highest, target),
        None => Verdict::Wait(Waiting::State),
    })
}

/// An event stops counting: its content goes, and so does what it did to others.
async fn make_void(batch: &mut Batch<'_>, tenant: &Tenant, event: &Placed) -> Result<(), DbError> {
    store::make_void(tenant, &mut batch.tx, event.event.event_id).await?;
    let about = event.target.unwrap_or(event.event.event_id);
    refold(batch, tenant, event.event.room_id, about).await
}

/// Makes the rows of a message anew.
pub(super) async fn refold(
    batch: &mut Batch<'_>,
    tenant: &Tenant,
    room_id: RoomId,
    message: EventId,
) -> Result<(), DbError> {
    batch.reworded.insert(message);
    let Some(view) = batch.views.get(tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let is_settled = |event: &Event| project::is_settled(view, event);
    let room = messages::project::Room {
        is_dm: view.room_type() == RoomType::Dm,
        is_settled: &is_settled,
    };
    messages::project::refold(tenant, &mut batch.tx, message, &room).await
}

/// Judges events that came before what they are about, now that it is here: before it takes its place, so that nothing
/// of theirs takes effect that does not count.
pub(super) async fn of_late_target(batch: &mut Batch<'_>, target: &Placed) -> Result<(), DbError> {
    let tenant = batch.tenant.clone();
    let room_id = target.event.room_id;
    batch.flush().await?;
    let about = store::about(&tenant, &mut batch.tx, target.event.event_id).await?;
    for event in about
        .into_iter()
        .filter(|event| event.standing == Standing::Valid && event.event.room_id == room_id)
    {
        let place = (event.event.epoch, event.event.seq);
        let highest =
            store::highest_claim(&tenant, &mut batch.tx, room_id, &event.event.origin, place)
                .await?;
        let verdict = judge_about(batch, &tenant, &event, highest, Some(target)).await?;
        if let Verdict::Void(_) = verdict {
            make_void(batch, &tenant, &event).await?;
        }
    }
    Ok(())
}

/// Judges events that were void for what they are about, now that it is in no log any more: as if it had never come, which it
/// has not on other servers. Their contents, which went then, are asked for again.
pub(super) async fn of_gone_target(batch: &mut Batch<'_>, gone: &Placed) -> Result<(), DbError> {
    let (tenant, room_id) = (batch.tenant.clone(), gone.event.room_id);
    let about = store::about(&tenant, &mut batch.tx, gone.event.event_id).await?;
    for mut event in about
        .into_iter()
        .filter(|event| event.standing == Standing::Void && event.event.room_id == room_id)
    {
        let (origin, place) = (&event.event.origin, (event.event.epoch, event.event.seq));
        let tx = &mut batch.tx;
        let highest = store::highest_claim(&tenant, tx, room_id, origin, place).await?;
        if judge_about(batch, &tenant, &event, highest, None).await? == Verdict::Valid {
            event.standing = Standing::Valid;
            store::settle(&tenant, &mut batch.tx, &event).await?;
            contents::note(&tenant, &mut batch.tx, std::slice::from_ref(&event)).await?;
        }
    }
    Ok(())
}
