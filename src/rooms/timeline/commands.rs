//! Commands of local people, and of peers' people to rooms hosted here: decided, signed, placed.

use std::collections::HashMap;

use serde_json::Value;

use super::batch::Batch;
use super::compose::{self, Signer};
use super::{Act, Make, Outcome, aftermath, epochs, erase, log_key, place, receive};
use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::events::core::verified::Verified;
use crate::events::model::{LogEnd, Placed};
use crate::events::store;
use crate::messages;
use crate::messages::store::{SendRow, SentKey};
use crate::rooms::core::content::{self, Membership, OriginKey};
use crate::rooms::core::decide::{self, Command, Context, CreateRoom, Intent, Refusal};
use crate::rooms::core::view::RoomView;
use crate::rooms::error::RoomError;
use crate::rooms::store::requests::{self, Answered};
use crate::rooms::store::{dms, once, restarts, rooms, spans, unfederated};

/// The key under which a send must happen only once.
pub(super) fn sent_key(act: &Act) -> Option<SentKey> {
    let event_uuid = act.sending.as_ref()?.event_uuid?;
    Some(SentKey {
        participant: ParticipantId::derive(&act.actor),
        room: act.room_id,
        event_uuid,
    })
}

/// Carries a command out.
pub(super) async fn act(
    batch: &mut Batch<'_>,
    act: &Act,
    sent: &HashMap<SentKey, EventId>,
    signer: &mut Signer<'_>,
) -> Result<Outcome, RoomError> {
    let writes_at = signer.clock.tick(signer.now);
    if let Some(asked) = &act.asked
        && let Some(answered) = requests::find(&act.tenant, &mut batch.tx, asked).await?
    {
        return first_answer(batch, act, &answered).await;
    }
    let intents = {
        let tenant = act.tenant.clone();
        let facts = facts(batch, act).await?;
        let federates = federates(batch, act).await?;
        let found = batch.views.get(&tenant, &mut batch.tx, act.room_id);
        let Some(view) = found.await? else {
            return erase::without_log(batch, act).await;
        };
        let own_end = view.logs.get(tenant.server_name());
        let context = Context {
            now: batch.now,
            writes_at: own_end.map_or(writes_at, |end| end.ts.max(writes_at)),
            max_participants: tenant.limits().max_participants.map(|most| most as usize),
            max_foreign: act.max_foreign,
            federates,
            state_waits: signer.waits.holds(&tenant, act.room_id, batch.now),
            target: facts.as_ref(),
        };
        if let Some(event) = sent_key(act).and_then(|key| sent.get(&key))
            && view.joined(&act.actor).is_some()
        {
            return Ok(repeat(act.room_id, *event));
        }
        if act.command.is_for_host() && view.history.host() != tenant.server_name() {
            own_leave(view, act)?
        } else if view.rests_on_lost_state(tenant.server_name()) {
            return Err(Refusal::HostForked.into());
        } else {
            let intents = decide::decide(view, &act.actor, &act.command, &context)?;
            if decide::ends(view, &intents) {
                erase::room(batch, act.room_id).await?;
                return Ok(without_events(act.room_id));
            }
            intents
        }
    };
    let document = act.asked.as_ref().map(|asked| &asked.document);
    let events = append(batch, act.room_id, intents, document, signer).await?;
    note_sending(batch, act, &events);
    if let Command::Admit { origin, .. } = &act.command {
        restarts::forget(&act.tenant, &mut batch.tx, act.room_id, origin).await?;
    }
    if let Some(asked) = &act.asked {
        let answered = Answered {
            room_id: act.room_id,
            first: events.first().map(|placed| placed.event.event_id),
            events: i64::try_from(events.len()).unwrap_or(i64::MAX),
        };
        requests::record(&act.tenant, &mut batch.tx, asked, &answered, batch.now).await?;
        if let Command::AskRestart(_) = &act.command {
            let waiting = restarts::Asked {
                room_id: act.room_id,
                origin: asked.server.clone(),
                document: asked.document.clone(),
                asked_at: batch.now,
            };
            restarts::remember(&act.tenant, &mut batch.tx, &waiting).await?;
        }
        batch.has_written();
    }
    Ok(Outcome {
        room_id: act.room_id,
        events,
        repeat_of: None,
    })
}

/// What a repeated request was answered the first time.
async fn first_answer(
    batch: &mut Batch<'_>,
    act: &Act,
    answered: &Answered,
) -> Result<Outcome, RoomError> {
    if answered.room_id != act.room_id {
        return Err(Refusal::Invalid {
            path: "body.request_id",
            reason: "conflict",
            message: "was given to a request about another room",
        }
        .into());
    }
    let events = match answered.first {
        None => Vec::new(),
        Some(first) => {
            batch.flush().await?;
            let tx = &mut batch.tx;
            store::run_of(&act.tenant, tx, first, answered.events).await?
        }
    };
    Ok(Outcome {
        room_id: act.room_id,
        events,
        repeat_of: answered.first,
    })
}

/// In a room hosted elsewhere people decide for themselves only that they leave; everything else is the host's.
fn own_leave(view: &RoomView, act: &Act) -> Result<Vec<Intent>, Refusal> {
    let Command::Leave { reason } = &act.command else {
        return Err(Refusal::Forbidden("this is for the room's host to decide"));
    };
    match view.membership(&act.actor) {
        Some(Membership::Join) => Ok(vec![Intent {
            event_type: EventType::ROOM_LEAVE,
            sender: Some(act.actor.clone()),
            content: serde_json::json!({ "reason": reason }),
        }]),
        Some(Membership::Leave) => Ok(Vec::new()),
        _ => Err(Refusal::NotMember),
    }
}

/// Whether the room lets people of other servers in; looked up only for who would let somebody in.
async fn federates(batch: &mut Batch<'_>, act: &Act) -> Result<bool, DbError> {
    if !act.command.lets_in() {
        return Ok(true);
    }
    let is_unfederated = unfederated::contains(&act.tenant, batch.tx.conn(), act.room_id).await?;
    Ok(!is_unfederated)
}

async fn facts(batch: &mut Batch<'_>, act: &Act) -> Result<Option<decide::TargetFacts>, DbError> {
    let Some(target) = act.command.target() else {
        return Ok(None);
    };
    let emoji = match &act.command {
        Command::React { emoji, .. } => Some(emoji.as_str()),
        _ => None,
    };
    let (tenant, tx, room_id) = (&act.tenant, &mut batch.tx, act.room_id);
    let mut facts = messages::store::facts(tenant, tx, room_id, target, &act.actor, emoji).await?;
    if let (Command::Pin { .. }, Some(facts)) = (&act.command, &mut facts) {
        batch.flush().await?;
        let pins = messages::store::pins::standing(tenant, &mut batch.tx, room_id, target).await?;
        (facts.pins, facts.is_pinned) = (pins.count, pins.is_pinned);
    }
    Ok(facts)
}

fn note_sending(batch: &mut Batch<'_>, act: &Act, events: &[Placed]) {
    let (Command::Send { .. }, Some(message)) = (&act.command, events.last()) else {
        return;
    };
    let sender = ParticipantId::derive(&act.actor);
    batch.mark_read(sender, message);
    let sending = act.sending.clone().unwrap_or_default();
    if sending.event_uuid.is_some() || sending.sent_by.is_some() {
        batch.record_send(SendRow {
            event_id: message.event.event_id,
            room_id: act.room_id,
            participant_id: sender,
            event_uuid: sending.event_uuid,
            sent_by: sending.sent_by.as_ref().map(ParticipantId::derive),
        });
    }
}

/// Signs what was decided and places it. The first event records the peer's request that caused it.
pub(super) async fn append(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    mut intents: Vec<Intent>,
    request: Option<&Value>,
    signer: &mut Signer<'_>,
) -> Result<Vec<Placed>, RoomError> {
    if intents.is_empty() {
        return Ok(Vec::new());
    }
    if let (Some(request), Some(Value::Object(content))) = (
        request,
        intents.first_mut().map(|intent| &mut intent.content),
    ) {
        content.insert("request".to_owned(), request.clone());
    }
    epochs::begin(batch, room_id, signer).await?;
    log_key::renew(batch, room_id, signer).await?;
    let tenant = batch.tenant.clone();
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Err(Refusal::NoSuchRoom.into());
    };
    let is_shared = view.logs.len() > 1;
    let events = compose::sign(Some(view), room_id, intents, signer)?;
    batch.touched.insert(room_id);
    let mut placed = Vec::with_capacity(events.len());
    for event in &events {
        placed.push(land_next(batch, event).await?);
    }
    if events
        .iter()
        .any(|event| event.event_type == EventType::ROOM_LOG)
    {
        epochs::of_state(batch, room_id, signer).await?;
    }
    if is_shared && events.iter().any(|event| event.event_type.is_state()) {
        // A peer may have claimed this state before it was there; what stands behind such a claim waited for it.
        for event in aftermath::settle_waiting(batch, &tenant, room_id).await? {
            Box::pin(receive::answer_as_host(batch, &event, None, signer)).await?;
        }
    }
    Ok(placed)
}

/// Places the next event of the own log.
pub(super) async fn land_next(
    batch: &mut Batch<'_>,
    event: &Verified<Event>,
) -> Result<Placed, RoomError> {
    let tenant = batch.tenant.clone();
    let position = batch.next_position();
    let target = target_of(batch, event).await?;
    let Some(view) = batch
        .views
        .get(&tenant, &mut batch.tx, event.room_id)
        .await?
    else {
        return Err(Refusal::NoSuchRoom.into());
    };
    let landing = place::next(view, event, position, target.as_ref(), None);
    let end = end_of(view, event);
    let (placed, change) = (landing.placed.clone(), landing.change.clone());
    batch.land(landing, end);
    if let Some(change) = change {
        aftermath::of_marks(batch, event.room_id, &change).await?;
    }
    Ok(placed)
}

/// What an own event is about, if that is here.
pub(super) async fn target_of(
    batch: &mut Batch<'_>,
    event: &Event,
) -> Result<Option<Placed>, DbError> {
    let content = event.content.as_ref();
    match content.map(|content| content::target(&event.event_type, content)) {
        Some(Ok(Some(id))) => store::by_id(&batch.tenant, batch.tx.conn(), id).await,
        _ => Ok(None),
    }
}

/// Where the event's log ends now: with the event, unless that filled a gap.
pub(super) fn end_of(view: &RoomView, event: &Verified<Event>) -> LogEnd {
    let mut end = LogEnd {
        origin: event.origin.clone(),
        epoch: event.epoch,
        seq: event.seq,
        hash: event.hash(),
        ts: event.ts,
        state_seq: event.state_seq,
        forked_at: None,
    };
    if let Some(log) = view.logs.get(&event.origin) {
        end.state_seq = log.state_seq;
        if let Some(hash) = log.head.hash.filter(|_| log.head.seq > event.seq) {
            (end.seq, end.hash, end.ts) = (log.head.seq, hash, log.ts);
        }
    }
    end
}

/// Makes a room. A DM that the two have already is returned.
pub(super) async fn make(
    batch: &mut Batch<'_>,
    make: &Make,
    signer: &mut Signer<'_>,
) -> Result<Outcome, RoomError> {
    let tenant = batch.tenant.clone();
    if let Some(key) = &make.once
        && let Some((room_id, event)) = once::find(&tenant, &mut batch.tx, key, batch.now).await?
    {
        return Ok(repeat(room_id, event));
    }
    if let Some(other) = &make.dm_with
        && let Some(room_id) =
            dms::room_of(&tenant, batch.tx.conn(), pair(&make.creator, other)).await?
    {
        return Ok(without_events(room_id));
    }
    let room_id = RoomId::derive(tenant.server_name(), &make.room.nonce);
    let room = with_free_alias(batch, &make.room).await?;
    let key = OriginKey::of(signer.key.public_key());
    let intents = decide::create(&make.creator, &room, key, batch.now);
    let events = compose::sign(None, room_id, intents, signer)?;
    batch.touched.insert(room_id);
    let mut placed = Vec::with_capacity(events.len());
    for event in &events {
        if event.seq == 1 {
            placed.push(land_first(batch, event).await?);
        } else {
            placed.push(land_next(batch, event).await?);
        }
    }
    // The pair's row must be there for the next job of this batch.
    batch.flush().await?;
    if let (Some(key), Some(first)) = (&make.once, placed.first()) {
        once::record(
            &tenant,
            &mut batch.tx,
            key,
            room_id,
            first.event.event_id,
            batch.now,
        )
        .await?;
    }
    Ok(Outcome {
        room_id,
        events: placed,
        repeat_of: None,
    })
}

/// The room with another alias, if its own is taken: a part of the nonce tells them apart.
async fn with_free_alias(
    batch: &mut Batch<'_>,
    room: &CreateRoom,
) -> Result<CreateRoom, RoomError> {
    let mut room = room.clone();
    let Some(alias) = &room.alias else {
        return Ok(room);
    };
    if rooms::has_alias(&batch.tenant, batch.tx.conn(), alias).await?
        && let Some((slug, server)) = alias.split_once(':')
    {
        let number: String = room.nonce.chars().take(8).collect();
        room.alias = Some(format!("{slug}-{number}:{server}"));
    }
    Ok(room)
}

/// Begins a room with its create event.
pub(super) async fn land_first(
    batch: &mut Batch<'_>,
    event: &Verified<Event>,
) -> Result<Placed, RoomError> {
    let view = place::begin(event, event.hash()).ok_or(Refusal::NoSuchRoom)?;
    let tenant = batch.tenant.clone();
    let position = batch.next_position();
    let landing = place::first(event, position);
    let placed = landing.placed.clone();
    let end = end_of(&view, event);
    if event.origin != *tenant.server_name() {
        // An invitation that came before its log finds its place again in the log.
        spans::clear_room(&tenant, &mut batch.tx, event.room_id).await?;
    }
    batch.touched.insert(event.room_id);
    batch.views.insert(&tenant, event.room_id, view);
    batch.land(landing, end);
    Ok(placed)
}

fn pair(one: &Fqid, other: &Fqid) -> dms::Pair {
    dms::pair(ParticipantId::derive(one), ParticipantId::derive(other))
}

fn repeat(room_id: RoomId, event: EventId) -> Outcome {
    Outcome {
        repeat_of: Some(event),
        ..without_events(room_id)
    }
}

/// It was so already, or nothing is left to tell of it.
pub(super) fn without_events(room_id: RoomId) -> Outcome {
    Outcome {
        room_id,
        events: Vec::new(),
        repeat_of: None,
    }
}
