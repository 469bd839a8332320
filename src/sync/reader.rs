//! A reader: a cursor in the stream, and a wake-up. Sockets and long polls are readers.
//!
//! What a person is shown is known from the `spans` table, kept in memory, and read anew whenever an event about the
//! person passes. Who keeps up reads from the feed's ring; who falls behind reads from the store, a page at a time.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::feed::Feed;
use super::item::{self, Item};
use super::merge::Merge;
use super::visible::Visible;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::ParticipantId;
use crate::events::model::Placed;
use crate::events::store::{self, positions};
use crate::presence::live::Listener;
use crate::rooms::store::erased::{self, Departure};
use crate::rooms::store::spans;
use crate::tenants::Tenant;

/// Bytes of a page, about: further events come with the next one. Whoever asks and does not read keeps no more than that.
const MOST_BYTES: usize = 1 << 20;
/// Events that are read from the store at a time, until the page is full: large ones fill it soon.
const AT_ONCE: usize = 64;
/// How long the feed is waited for before the store is asked instead.
const FEED_PATIENCE: Duration = Duration::from_secs(1);

/// Where somebody begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// At the present end.
    Latest,
    /// After this position.
    Position(i64),
}

/// What a reader sees next.
#[derive(Debug, Default)]
pub struct Page {
    /// The events, in order.
    pub items: Vec<Arc<Item>>,
    /// Whether more are there already.
    pub has_more: bool,
}

/// A person who reads the stream of a tenant.
pub struct Reader {
    app: App,
    tenant: Tenant,
    participant: ParticipantId,
    feed: Arc<Feed>,
    listener: Listener,
    opened_at: i64,
    cursor: i64,
    visible: Visible,
    /// `visible` knows of every event about the person up to here.
    known_to: i64,
}

impl Reader {
    /// Begins to read. `None`: `since` lies beyond the end.
    pub async fn open(
        app: &App,
        tenant: &Tenant,
        participant: ParticipantId,
        since: Since,
        listener: Listener,
    ) -> Result<Option<Reader>, DbError> {
        let feed = app.streams().feed(app, tenant).await?;
        let opened_at = feed.committed();
        let cursor = match since {
            Since::Latest => opened_at,
            Since::Position(position) => position,
        };
        // Another node may have written what this one has not heard of.
        if cursor > feed.committed() && cursor > store::position(tenant, app.db()).await? {
            return Ok(None);
        }
        let mut reader = Reader {
            app: app.clone(),
            tenant: tenant.clone(),
            participant,
            feed,
            listener,
            opened_at,
            cursor,
            visible: Visible::default(),
            known_to: 0,
        };
        reader.look_around().await?;
        Ok(Some(reader))
    }

    /// Where the stream ended when it was opened.
    pub fn opened_at(&self) -> i64 {
        self.opened_at
    }

    /// Everything up to here has been read or is not shown to the person.
    pub fn cursor(&self) -> i64 {
        self.cursor
    }

    /// The live frames that have come.
    pub fn live_frames(&self) -> VecDeque<Bytes> {
        self.listener.take()
    }

    /// Waits until there is something to read.
    pub async fn woken(&self) {
        self.listener.woken().await;
    }

    /// What was on disk when this was called, at most `limit` events.
    pub async fn page_as_committed(&mut self, limit: usize) -> Result<Page, DbError> {
        let end = self.feed.committed();
        let feed = Arc::clone(&self.feed);
        let caught_up = tokio::time::timeout(FEED_PATIENCE, feed.reaches(end)).await;
        match caught_up {
            Ok(()) => self.page(limit).await,
            Err(_) => self.stored_page(limit, end).await,
        }
    }

    /// What is ready to be read, at most `limit` events.
    pub async fn page(&mut self, limit: usize) -> Result<Page, DbError> {
        loop {
            match self.latest_page(limit) {
                Latest::Page(page) => return Ok(page),
                Latest::Behind(end) => return self.stored_page(limit, end).await,
                Latest::AboutMe => self.look_around().await?,
            }
        }
    }

    /// Whether more has come since the last page.
    pub fn is_behind(&self) -> bool {
        self.cursor < self.feed.ring().end()
    }

    fn latest_page(&mut self, limit: usize) -> Latest {
        let ring = self.feed.ring();
        let Some(items) = ring.after(self.cursor) else {
            return Latest::Behind(ring.end());
        };
        let mut page = Page::default();
        let mut bytes = 0;
        for item in items {
            if item.about == Some(self.participant) && item.position > self.known_to {
                return Latest::AboutMe;
            }
            if !self.visible.shows(item.room_id, item.position) {
                continue;
            }
            if page.items.len() == limit || bytes >= MOST_BYTES {
                page.has_more = true;
                break;
            }
            bytes += item.size();
            page.items.push(Arc::clone(item));
        }
        let last = page.items.last().map_or(self.cursor, |item| item.position);
        self.cursor = if page.has_more {
            last
        } else {
            ring.end().max(self.cursor)
        };
        Latest::Page(page)
    }

    async fn stored_page(&mut self, limit: usize, end: i64) -> Result<Page, DbError> {
        self.look_around().await?;
        let windows = self.visible.windows(self.cursor, end);
        let (tenant, db) = (&self.tenant, self.app.db());
        let mut merge = Merge::new(windows, limit + 1);
        while let Some((windows, most)) = merge.question() {
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let answer = positions::first_in(tenant, db, windows, most).await?;
            merge.answer(&answer);
        }
        let mut found = merge.finish();
        let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let left = (self.cursor, end);
        let departures = erased::of_participant(tenant, db, self.participant, left, most).await?;
        found.extend(departures.iter().map(|departure| departure.position));
        found.sort_unstable();
        let mut has_more = found.len() > limit;
        found.truncate(limit);
        let (mut items, mut bytes, mut reached) = (Vec::new(), 0, None);
        'page: for some in found.chunks(AT_ONCE) {
            for item in self.stored_items(some, &departures).await? {
                if bytes >= MOST_BYTES {
                    has_more = true;
                    break 'page;
                }
                bytes += item.size();
                reached = Some(item.position);
                items.push(item);
            }
            reached = some.last().copied();
        }
        self.cursor = match reached {
            Some(last) if has_more => last,
            _ => end.max(self.cursor),
        };
        Ok(Page { items, has_more })
    }

    /// What stands at these positions of the stream.
    async fn stored_items(
        &self,
        positions: &[i64],
        departures: &[Departure],
    ) -> Result<Vec<Arc<Item>>, DbError> {
        let (tenant, db) = (&self.tenant, self.app.db());
        let mut placed = positions::at(tenant, db, positions).await?;
        placed.retain(item::is_shown);
        let placed: Vec<&Placed> = placed.iter().collect();
        let items = item::of_events(tenant, db, &placed).await?;
        let is_here = |departure: &&Departure| positions.contains(&departure.position);
        let departures: Vec<Departure> = departures.iter().filter(is_here).cloned().collect();
        item::with_departures(tenant, items, &departures)
    }

    /// Reads anew what the person is shown.
    async fn look_around(&mut self) -> Result<(), DbError> {
        // Taken before the spans are read: they hold at least what was committed by now.
        let known_to = self.feed.committed();
        let (tenant, db) = (&self.tenant, self.app.db());
        let spans = spans::of_participant(tenant, db, self.participant, self.cursor).await?;
        self.visible = Visible::of(spans);
        self.known_to = known_to;
        self.listener.set_rooms(self.visible.open_rooms());
        Ok(())
    }
}

/// What the ring has for a reader.
enum Latest {
    Page(Page),
    /// It begins after the cursor; the stream is ready to be read up to here.
    Behind(i64),
    /// What the reader is shown may have changed.
    AboutMe,
}
