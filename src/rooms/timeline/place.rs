//! An event takes its place: the room's view moves on, and the event is judged by it.

use std::sync::Arc;

use crate::db::DbError;
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::hash::Hash;
use crate::events::core::ids::EventId;
use crate::events::core::verified::Verified;
use crate::events::model::{Kind, LogEnd, Placed, Shown, Standing};
use crate::rooms::core::content::{self, Change, LogPosition, Membership, StateChange};
use crate::rooms::core::history::{History, StateEntry};
use crate::rooms::core::judge::{Claim, Reason, Target, Verdict, Waiting, judge};
use crate::rooms::core::view::{Log, RoomView};

/// An event at its place, and why it does not count where it does not.
pub(crate) struct Landing {
    /// The event at its place.
    pub(crate) placed: Placed,
    /// The verdict.
    pub(crate) verdict: Verdict,
    /// With a state event that counts: what it changed.
    pub(crate) change: Option<StateChange>,
}

/// Begins a room with its create event. `None`: the event does not create this room.
pub(crate) fn begin(event: &Event, hash: Hash) -> Option<RoomView> {
    let content = event.content.as_ref()?;
    let state = StateChange::parse(&event.event_type, content).ok()?;
    let Change::Create(create) = state.change else {
        return None;
    };
    let creator = event.sender.clone()?;
    let is_first = event.event_type == EventType::ROOM_CREATE && event.seq == 1 && event.epoch == 1;
    let id = crate::events::core::ids::RoomId::derive(&event.origin, &create.nonce);
    if !is_first || id != event.room_id || creator.server_name() != &event.origin {
        return None;
    }
    let history = History::begin(
        event.origin.clone(),
        &create,
        creator,
        event.ts,
        event.seq,
        hash,
    );
    let mut view = RoomView {
        history,
        logs: Default::default(),
    };
    advance(&mut view, event, hash, true);
    Some(view)
}

/// Places the create event of a room that was just begun.
pub(crate) fn first(event: &Verified<Event>, position: i64) -> Landing {
    Landing {
        placed: placed(
            (event, event.hash()),
            position,
            Standing::Valid,
            Shown::History,
            Kind::State,
            None,
        ),
        verdict: Verdict::Valid,
        change: event
            .content
            .as_ref()
            .and_then(|content| StateChange::parse(&event.event_type, content).ok()),
    }
}

/// Places the next event of a log. The caller has checked that it follows the log's end, and knows the target's facts.
/// `unhashable`: why the content that its own origin delivered can never be hashed, which voids it for ever.
pub(crate) fn next(
    view: &mut RoomView,
    event: &Verified<Event>,
    position: i64,
    target: Option<&Placed>,
    unhashable: Option<Reason>,
) -> Landing {
    let is_host = event.origin == *view.history.host();
    let landing = if is_host && event.event_type.is_state() {
        state(view, event, event.hash(), position, unhashable)
    } else if is_bookkeeping(&event.event_type) {
        bookkeeping(view, event, position)
    } else {
        timeline(view, event, position, target, unhashable)
    };
    let counts = landing.placed.standing != Standing::Void;
    advance(view, event, event.hash(), counts);
    landing
}

fn is_bookkeeping(event_type: &EventType) -> bool {
    *event_type == EventType::ROOM_LEAVE || event_type.is_of_log()
}

/// A state event joins the chain if it names the state event before it and its content is known, even to be void.
fn state(
    view: &mut RoomView,
    event: &Event,
    hash: Hash,
    position: i64,
    unhashable: Option<Reason>,
) -> Landing {
    let (last_seq, last_hash) = view.history.last();
    let is_stalled = view.history.is_stalled();
    let follows = !is_stalled && event.state_seq == last_seq && event.state_hash == Some(last_hash);
    if !follows || (event.content.is_none() && unhashable.is_none()) {
        view.history.stall(event.seq);
        let waiting = if follows || is_stalled {
            Waiting::State
        } else {
            Waiting::StateHash
        };
        let verdict = Verdict::Wait(waiting);
        return landing((event, hash), position, verdict, Shown::Never, None);
    }
    let change = event
        .content
        .as_ref()
        .and_then(|content| StateChange::parse(&event.event_type, content).ok());
    let shown = change
        .as_ref()
        .map_or(Shown::Never, |change| shown_state(view, change));
    push_state(&mut view.history, event, hash, change.as_ref());
    let verdict = match &change {
        Some(_) => Verdict::Valid,
        None => Verdict::Void(unhashable.unwrap_or(Reason::Malformed)),
    };
    landing((event, hash), position, verdict, shown, change)
}

/// Joins a state event that waits to the chain, now that a content came. `None`: it waits on. `unhashable`: as in
/// [`next`].
pub(super) fn join_chain(
    view: &mut RoomView,
    waiting: &Placed,
    unhashable: Option<Reason>,
) -> Option<Landing> {
    let (event, hash) = (&waiting.event, waiting.hash);
    let landing = state(view, event, hash, waiting.position, unhashable);
    (landing.placed.standing != Standing::Wait).then_some(landing)
}

/// A state event of the host at its place.
fn landing(
    event: (&Event, Hash),
    position: i64,
    verdict: Verdict,
    shown: Shown,
    change: Option<StateChange>,
) -> Landing {
    let mut placed = placed(event, position, Standing::Valid, shown, Kind::State, None);
    apply(&mut placed, verdict);
    Landing {
        placed,
        verdict,
        change,
    }
}

/// The host's record of a leave that was shown already is not shown again.
fn shown_state(view: &RoomView, state: &StateChange) -> Shown {
    match &state.change {
        Change::Member(change) if change.recorded_leave.is_some() => {
            if view.membership(&change.participant) == Some(Membership::Leave) {
                Shown::Never
            } else {
                Shown::History
            }
        }
        Change::Seen | Change::Log(_) | Change::Unknown => Shown::Never,
        _ => Shown::History,
    }
}

fn push_state(history: &mut History, event: &Event, hash: Hash, change: Option<&StateChange>) {
    history.push(&StateEntry {
        seq: event.seq,
        hash,
        sender: event.sender.as_ref(),
        ts: event.ts,
        change,
    });
}

/// An own leave counts by its envelope alone, so that no missing content can undo it.
fn bookkeeping(view: &RoomView, event: &Verified<Event>, position: i64) -> Landing {
    let is_leave = event.event_type == EventType::ROOM_LEAVE;
    let epochs = view.history.epochs();
    let verdict = match &event.sender {
        _ if epochs.excludes(&event.origin, event.epoch, event.state_seq) => {
            Verdict::Void(Reason::BeforeItsEpoch)
        }
        Some(sender) if sender.server_name() != &event.origin => {
            Verdict::Void(Reason::ForeignSender)
        }
        None if is_leave => Verdict::Void(Reason::Malformed),
        _ => Verdict::Valid,
    };
    let leaves = is_leave
        && event
            .sender
            .as_ref()
            .is_some_and(|person| view.joined(person).is_some());
    let shown = if leaves { Shown::History } else { Shown::Never };
    let mut placed = placed(
        (event, event.hash()),
        position,
        Standing::Valid,
        shown,
        Kind::Bookkeeping,
        None,
    );
    apply(&mut placed, verdict);
    Landing {
        placed,
        verdict,
        change: None,
    }
}

fn timeline(
    view: &RoomView,
    event: &Verified<Event>,
    position: i64,
    target: Option<&Placed>,
    unhashable: Option<Reason>,
) -> Landing {
    let verdict = match unhashable {
        Some(reason) => Verdict::Void(reason),
        None => judge_next(view, event, target),
    };
    let target_id = event
        .content
        .as_ref()
        .and_then(|content| content::target(&event.event_type, content).ok())
        .flatten();
    let mut placed = placed(
        (event, event.hash()),
        position,
        Standing::Valid,
        shown_timeline(event),
        Kind::Timeline,
        target_id,
    );
    apply(&mut placed, verdict);
    Landing {
        placed,
        verdict,
        change: None,
    }
}

/// Whether the next event of a log would count for nothing.
pub(super) fn is_void(view: &RoomView, event: &Event, target: Option<&Placed>) -> bool {
    let is_judged = !event.event_type.is_state() && !is_bookkeeping(&event.event_type);
    is_judged && matches!(judge_next(view, event, target), Verdict::Void(_))
}

fn judge_next(view: &RoomView, event: &Event, target: Option<&Placed>) -> Verdict {
    let highest = view.logs.get(&event.origin).map_or(0, |log| log.state_seq);
    judge_event(view, event, highest.max(event.state_seq), target)
}

/// Where a timeline event is shown if it counts. Content that is not here yet is shown when it comes.
pub(super) fn shown_timeline(event: &Event) -> Shown {
    let is = |event_type: &EventType| event.event_type == *event_type;
    if event.content.is_none() {
        Shown::Never
    } else if is(&EventType::ROOM_MESSAGE) {
        Shown::History
    } else if is(&EventType::ROOM_MESSAGE_EDIT)
        || is(&EventType::ROOM_REDACTION)
        || is(&EventType::ROOM_REACTION)
    {
        Shown::Stream
    } else {
        Shown::Never
    }
}

/// Judges a timeline event by the room as it is now.
pub(crate) fn judge_event(
    view: &RoomView,
    event: &Event,
    highest: i64,
    target: Option<&Placed>,
) -> Verdict {
    let Some(sender) = &event.sender else {
        // Only the host does something by itself, and only to the state.
        return Verdict::Void(match event.event_type.is_state() {
            true => Reason::NotTheHost,
            false => Reason::Malformed,
        });
    };
    // Content that is missing voids nothing: it may still come.
    let content = event.content.as_ref();
    judge(
        &view.history,
        &Claim {
            origin: &event.origin,
            epoch: event.epoch,
            seq: event.seq,
            sender,
            event_type: &event.event_type,
            ts: event.ts,
            state_seq: event.state_seq,
            state_hash: event.state_hash,
            highest_state_seq: highest,
            leaves: view.leaves(sender),
            content_missing: content.is_none(),
            malformed: content
                .is_some_and(|content| content::target(&event.event_type, content).is_err()),
            takes_back: content.is_none_or(content::takes_reaction_back),
            target: target.map(|target| Target {
                // Whom a server names in its log without speaking for them has said nothing.
                sender: target
                    .sender()
                    .filter(|sender| *sender.server_name() == target.event.origin),
                event_type: &target.event.event_type,
                ts: target.event.ts,
            }),
        },
    )
}

/// Gives a placed event its verdict: what is void keeps its place and loses its content. A state event of the host keeps
/// that too: whoever joins later has to see for itself that it changes nothing, or its state would wait there for ever.
pub(super) fn apply(placed: &mut Placed, verdict: Verdict) {
    match verdict {
        Verdict::Valid => placed.standing = Standing::Valid,
        Verdict::Wait(_) => {
            placed.standing = Standing::Wait;
            placed.shown = Shown::Never;
        }
        Verdict::Void(_) => {
            placed.standing = Standing::Void;
            placed.shown = Shown::Never;
            if placed.kind != Kind::State {
                let event = Arc::make_mut(&mut placed.event);
                event.content = None;
                event.salt = None;
            }
        }
    }
}

fn placed(
    (event, hash): (&Event, Hash),
    position: i64,
    standing: Standing,
    shown: Shown,
    kind: Kind,
    target: Option<EventId>,
) -> Placed {
    Placed {
        position,
        hash,
        event: Arc::new(event.clone()),
        standing,
        shown,
        kind,
        target,
    }
}

/// The log's end moves to this event, unless that stands further on already: what came late in the stream may stand early in
/// its log. A leave that does not count is none.
fn advance(view: &mut RoomView, event: &Event, hash: Hash, counts: bool) {
    let log = view
        .logs
        .entry(event.origin.clone())
        .or_insert_with(|| Log {
            head: LogPosition::START,
            ts: 0,
            state_seq: 0,
            leaves: Default::default(),
            forked_at: None,
            gaps: Vec::new(),
        });
    if log.head.epoch < event.epoch {
        log.forked_at = None;
    }
    if log.head.order() < (event.epoch, event.seq) {
        log.head = LogPosition {
            epoch: event.epoch,
            seq: event.seq,
            hash: Some(hash),
        };
        log.ts = event.ts;
    }
    log.state_seq = log.state_seq.max(event.state_seq);
    let leaves = counts && event.event_type == EventType::ROOM_LEAVE;
    if let (true, Some(person)) = (leaves, &event.sender)
        && person.server_name() == &event.origin
    {
        log.leaves
            .entry(person.clone())
            .or_default()
            .push((event.epoch, event.seq));
    }
}

/// Replays an event that the store holds, with the verdict that it has there: the room's view moves on. What a state
/// event that counts changes comes back.
pub(in crate::rooms) fn replay(view: &mut RoomView, placed: &Placed) -> Option<StateChange> {
    let event = &placed.event;
    let is_state = placed.kind == Kind::State && placed.standing != Standing::Wait;
    if placed.kind == Kind::State && !is_state {
        view.history.stall(event.seq);
    }
    let change = event
        .content
        .as_ref()
        .filter(|_| is_state)
        .and_then(|content| StateChange::parse(&event.event_type, content).ok());
    if event.event_type != EventType::ROOM_CREATE {
        if is_state {
            push_state(&mut view.history, event, placed.hash, change.as_ref());
        }
        let counts = placed.standing == Standing::Valid;
        advance(view, event, placed.hash, counts);
    }
    change
}

/// Whether an event came by itself and its log does not reach so far: an invitation after an earlier stay.
pub(in crate::rooms) fn is_beyond(ends: &[LogEnd], placed: &Placed) -> bool {
    let event = &placed.event;
    let end = ends.iter().find(|end| end.origin == event.origin);
    end.is_none_or(|end| (event.epoch, event.seq) > (end.epoch, end.seq))
}

/// Folds a room from what the store holds of it. An invitation that arrived without its log begins no room.
pub(in crate::rooms) fn fold(
    deciding: &[Placed],
    ends: Vec<LogEnd>,
) -> Result<Option<RoomView>, DbError> {
    let create = deciding
        .iter()
        .find(|item| item.event.event_type == EventType::ROOM_CREATE);
    let Some(mut view) = create.and_then(|item| begin(&item.event, item.hash)) else {
        return Ok(None);
    };
    let host = view.history.host().clone();
    for item in deciding.iter().filter(|item| !is_beyond(&ends, item)) {
        let event = &item.event;
        if item.kind == Kind::Bookkeeping {
            advance(
                &mut view,
                event,
                item.hash,
                item.standing == Standing::Valid,
            );
        } else if event.origin == host && event.event_type != EventType::ROOM_CREATE {
            let (last_seq, last_hash) = view.history.last();
            let change = event
                .content
                .as_ref()
                .and_then(|content| StateChange::parse(&event.event_type, content).ok());
            let counts = item.standing != Standing::Wait
                && event.state_seq == last_seq
                && event.state_hash == Some(last_hash);
            if counts {
                push_state(&mut view.history, event, item.hash, change.as_ref());
            } else {
                view.history.stall(event.seq);
            }
        }
    }
    for end in ends {
        let leaves = view
            .logs
            .remove(&end.origin)
            .map(|log| log.leaves)
            .unwrap_or_default();
        view.logs.insert(
            end.origin.clone(),
            Log {
                head: LogPosition {
                    epoch: end.epoch,
                    seq: end.seq,
                    hash: Some(end.hash),
                },
                ts: end.ts,
                state_seq: end.state_seq,
                leaves,
                forked_at: end.forked_at,
                gaps: Vec::new(),
            },
        );
    }
    Ok(Some(view))
}
