//! A reader's place in the stream, and what of the stream it is shown.

use std::sync::Arc;

use super::merge::first_positions;
use super::visible::Visible;
use crate::app::App;
use crate::db::DbError;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::ParticipantId;
use crate::events::model::{Placed, Shown};
use crate::events::store::positions;
use crate::rooms::core::content::MemberChange;
use crate::rooms::store::spans;
use crate::tenants::Tenant;

/// A reader of one participant.
pub(super) struct Cursor {
    tenant: Tenant,
    participant: ParticipantId,
    /// Everything up to here has been read.
    position: i64,
    visible: Visible,
}

/// What a reader gets at once.
pub(super) struct Stretch {
    /// The events, ascending.
    pub(super) events: Vec<Arc<Placed>>,
    /// Whether there may be more before the stream's end.
    pub(super) has_more: bool,
    /// Whether the participant's rooms changed with it.
    pub(super) rooms_changed: bool,
}

impl Cursor {
    /// A reader that has read everything up to `position`.
    pub(super) async fn at(
        app: &App,
        tenant: &Tenant,
        participant: ParticipantId,
        position: i64,
    ) -> Result<Cursor, DbError> {
        let spans = spans::of_participant(tenant, app.db(), participant, position).await?;
        Ok(Cursor {
            tenant: tenant.clone(),
            participant,
            position,
            visible: Visible::of(spans),
        })
    }

    /// Everything up to here has been read.
    pub(super) fn position(&self) -> i64 {
        self.position
    }

    /// What the participant is shown.
    pub(super) fn visible(&self) -> &Visible {
        &self.visible
    }

    /// What comes next up to `end`, a position that was readable before this call; at most `most` events.
    pub(super) async fn read(
        &mut self,
        app: &App,
        end: i64,
        most: usize,
    ) -> Result<Stretch, DbError> {
        match app.wake().recent(&self.tenant, self.position, most) {
            Some(recent) => self.read_recent(app, recent, end, most).await,
            None => self.read_store(app, end, most).await,
        }
    }

    async fn read_recent(
        &mut self,
        app: &App,
        recent: Vec<Arc<Placed>>,
        end: i64,
        most: usize,
    ) -> Result<Stretch, DbError> {
        let has_more = recent.len() == most;
        let last = recent.last().map(|placed| placed.position);
        let mut events = Vec::new();
        let mut rooms_changed = false;
        for placed in recent {
            if self.concerns_own_membership(&placed) {
                self.reload(app).await?;
                rooms_changed = true;
            }
            let shown = placed.shown != Shown::Never;
            if shown && self.visible.shows(placed.event.room_id, placed.position) {
                events.push(placed);
            }
        }
        let read_to = match last {
            Some(last) if has_more => last,
            Some(last) => last.max(end),
            None => end,
        };
        self.position = self.position.max(read_to);
        Ok(Stretch {
            events,
            has_more,
            rooms_changed,
        })
    }

    async fn read_store(&mut self, app: &App, end: i64, most: usize) -> Result<Stretch, DbError> {
        self.reload(app).await?;
        let windows = self.visible.windows(self.position, end);
        let ask = |windows: Vec<positions::Window>, share: usize| {
            let (tenant, db) = (self.tenant.clone(), app.db().clone());
            async move {
                let share = i64::try_from(share).unwrap_or(i64::MAX);
                positions::first_in(&tenant, &db, &windows, share).await
            }
        };
        let found = first_positions(windows, most, ask).await?;
        let has_more = found.len() == most;
        self.position = match found.last() {
            Some(last) if has_more => *last,
            _ => self.position.max(end),
        };
        let events = positions::at(&self.tenant, app.db(), &found).await?;
        Ok(Stretch {
            events: events.into_iter().map(Arc::new).collect(),
            has_more,
            rooms_changed: true,
        })
    }

    async fn reload(&mut self, app: &App) -> Result<(), DbError> {
        let spans =
            spans::of_participant(&self.tenant, app.db(), self.participant, self.position).await?;
        self.visible = Visible::of(spans);
        Ok(())
    }

    fn concerns_own_membership(&self, placed: &Placed) -> bool {
        let event = &placed.event;
        if event.event_type == EventType::ROOM_LEAVE || event.event_type == EventType::ROOM_CREATE {
            let sender = event.sender.as_ref().map(ParticipantId::derive);
            return sender == Some(self.participant);
        }
        if event.event_type != EventType::ROOM_MEMBER {
            return false;
        }
        let change = event.content.as_ref().map(serde::Deserialize::deserialize);
        matches!(change, Some(Ok(MemberChange { participant, .. })) if ParticipantId::derive(&participant) == self.participant)
    }
}
