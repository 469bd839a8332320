//! The one task per tenant that turns committed events into frames and wakes who sees them.
//!
//! Sockets and long polls are not woken by every commit, but by events of their rooms and those about themselves; the
//! frame of an event is written once. A feed starts with the tenant's first reader.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::item::{self, Item};
use super::ring::Ring;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::model::{Kind, Placed};
use crate::events::store::{self, positions};
use crate::notifications;
use crate::participants;
use crate::presence::watch as presence;
use crate::rooms::store::erased::{self, Departure};
use crate::tenants::Tenant;

/// Positions before the present end that a feed begins with, for readers who come back after a restart.
const BACKLOG: i64 = 1024;
/// Events that are turned into frames at a time.
const AT_ONCE: usize = 256;
/// How long it waits after the database failed.
const PAUSE: Duration = Duration::from_millis(500);

/// A tenant's latest events, as they come.
pub struct Feed {
    ring: Mutex<Ring>,
    /// Where the stream ends on disk.
    committed: watch::Receiver<i64>,
    /// Up to where the ring reaches.
    ready: watch::Sender<i64>,
}

impl Feed {
    /// Starts the feed of a tenant.
    pub(super) async fn start(app: &App, tenant: &Tenant) -> Result<Arc<Feed>, DbError> {
        let now = store::position(tenant, app.db()).await?;
        let committed = app.wake().watch(tenant, now);
        let begin = (now - BACKLOG).max(0);
        let feed = Arc::new(Feed {
            ring: Mutex::new(Ring::new(begin)),
            committed,
            ready: watch::Sender::new(begin),
        });
        let task = Task {
            app: app.clone(),
            tenant: tenant.clone(),
            feed: Arc::clone(&feed),
            position: begin,
            began: now,
        };
        app.tasks().spawn(task.run());
        Ok(feed)
    }

    /// Where the stream ends on disk now.
    pub fn committed(&self) -> i64 {
        *self.committed.borrow()
    }

    /// Waits until the ring reaches `position`.
    pub async fn reaches(&self, position: i64) {
        let mut ready = self.ready.subscribe();
        // The sender lives as long as `self`.
        let _ = ready.wait_for(|end| *end >= position).await;
    }

    /// The latest events.
    pub fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Task {
    app: App,
    tenant: Tenant,
    feed: Arc<Feed>,
    position: i64,
    /// Where the stream ended when the feed began.
    began: i64,
}

impl Task {
    async fn run(mut self) {
        let stop = self.app.stop().clone();
        tokio::select! {
            () = self.follow() => {}
            () = stop.cancelled() => {}
        }
    }

    /// Follows the stream for ever.
    async fn follow(&mut self) {
        let mut committed = self.feed.committed.clone();
        loop {
            let end = *committed.borrow_and_update();
            while self.position < end {
                if let Err(error) = self.advance(end).await {
                    tracing::warn!(event = "ws.fanout_failed", tenant = self.tenant.slug(), %error);
                    tokio::time::sleep(PAUSE).await;
                }
            }
            if committed.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes the next events into the ring. `end` is a position that the stream has reached.
    async fn advance(&mut self, end: i64) -> Result<(), DbError> {
        let (app, tenant) = (&self.app, &self.tenant);
        let (placed, is_stored) = match app.wake().recent(tenant, self.position, AT_ONCE) {
            Some(latest) => (latest, false),
            None => (self.walk().await?, true),
        };
        let reached = match placed.last() {
            Some(last) if placed.len() >= AT_ONCE => last.position,
            Some(last) => last.position.max(end),
            None => end,
        };
        let departures = match is_stored || app.wake().erased_after(tenant, self.position) {
            true => erased::between(tenant, app.db(), (self.position, reached)).await?,
            false => Vec::new(),
        };
        let placed = if is_stored || placed.iter().all(|placed| self.is_own(placed)) {
            placed
        } else {
            self.as_stored(&placed).await?
        };
        self.forget_outdated(&placed, &departures);
        let shown: Vec<&Placed> = placed
            .iter()
            .map(Arc::as_ref)
            .filter(|placed| item::is_shown(placed))
            .collect();
        let items = item::of_events(tenant, app.db(), &shown).await?;
        let items = item::with_departures(tenant, items, &departures)?;
        self.feed.ring().extend(items.clone(), reached);
        self.position = reached;
        self.feed.ready.send_replace(reached);
        self.tell(&items);
        // Nobody is told of what came before there was a reader: clients read that by themselves.
        let news = placed.iter().filter(|placed| placed.position > self.began);
        let news: Vec<&Placed> = news
            .map(Arc::as_ref)
            .filter(|placed| item::is_shown(placed))
            .collect();
        notifications::tell::of(app, tenant, &news).await;
        for placed in placed.iter().filter(|placed| !self.is_own(placed)) {
            if placed.event.event_type == EventType::ROOM_PROFILE
                && let Some(person) = &placed.event.sender
            {
                participants::announce::changed(app, tenant, ParticipantId::derive(person)).await;
            }
        }
        Ok(())
    }

    async fn walk(&self) -> Result<Vec<Arc<Placed>>, DbError> {
        let limit = i64::try_from(AT_ONCE).unwrap_or(i64::MAX);
        let walked = store::walk(&self.tenant, self.app.db(), self.position, limit).await?;
        Ok(walked.into_iter().map(Arc::new).collect())
    }

    fn is_own(&self, placed: &Placed) -> bool {
        placed.event.origin == *self.tenant.server_name()
    }

    /// What other servers sent may have lost its right within the same transaction: the store has the last word.
    async fn as_stored(&self, placed: &[Arc<Placed>]) -> Result<Vec<Arc<Placed>>, DbError> {
        let at: Vec<i64> = placed.iter().map(|placed| placed.position).collect();
        let stored = positions::at(&self.tenant, self.app.db(), &at).await?;
        Ok(stored.into_iter().map(Arc::new).collect())
    }

    /// Forgets frames that these events make wrong: what is edited or redacted, what another server's word may have
    /// voided, what went with the end of an epoch, whoever says so, and rooms that have ended.
    fn forget_outdated(&self, placed: &[Arc<Placed>], departures: &[Departure]) {
        let mut changed: HashSet<EventId> = HashSet::new();
        let mut judged_anew: HashSet<RoomId> = departures
            .iter()
            .map(|departure| departure.room_id)
            .collect();
        let mut arrived_late: HashSet<EventId> = HashSet::new();
        for placed in placed {
            let event = &placed.event;
            let is_reaction = event.event_type == EventType::ROOM_REACTION;
            changed.extend(placed.target.filter(|_| !is_reaction));
            if [EventType::ROOM_LOG, EventType::LOG_RESTART].contains(&event.event_type) {
                judged_anew.insert(event.room_id);
            }
            if !self.is_own(placed) {
                arrived_late.insert(event.event_id);
                if placed.kind == Kind::State {
                    judged_anew.insert(event.room_id);
                }
            }
        }
        self.feed.ring().forget(|item| {
            changed.contains(&item.event_id)
                || item.target.is_some_and(|target| {
                    changed.contains(&target) || arrived_late.contains(&target)
                })
                || judged_anew.contains(&item.room_id)
        });
    }

    fn tell(&self, items: &[Arc<Item>]) {
        for item in items.iter().filter(|item| item.is_message) {
            presence::sent(&self.app, &self.tenant, item.room_id, item.sender_id);
        }
        let rooms: HashSet<RoomId> = items.iter().map(|item| item.room_id).collect();
        let people: HashSet<_> = items.iter().filter_map(|item| item.about).collect();
        let live = self.app.presence().live();
        live.wake(&self.tenant, rooms, people);
    }
}
