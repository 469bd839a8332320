//! Pages of a log on their way: one is fetched while the one before it is verified, and a third may be placed meanwhile.

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::catch_up::{Believed, fetch};
use super::pages::{Keys, verify_all};
use crate::app::App;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::federation::core::delivery::LogPlace;
use crate::tenants::Tenant;

/// Pages that wait between two steps: each may be as large as an answer.
const WAITING: usize = 1;

/// Which log is fetched of whom.
#[derive(Clone)]
pub(super) struct Source {
    pub(super) app: App,
    pub(super) tenant: Tenant,
    pub(super) peer: ServerName,
    pub(super) room_id: RoomId,
    pub(super) origin: ServerName,
}

/// A page that was fetched and verified.
pub(super) struct LogPage {
    /// The place of its last event, whether that verified or not; none: it is empty.
    pub(super) last: Option<i64>,
    /// What of it can be placed.
    pub(super) believed: Believed,
}

/// Verified pages in the order of the log. What is under way ends with this value.
pub(super) struct Ahead {
    pages: mpsc::Receiver<Result<LogPage>>,
    _steps: JoinSet<()>,
}

impl Ahead {
    /// The next page; `None`: there are no more.
    pub(super) async fn next(&mut self) -> Option<Result<LogPage>> {
        self.pages.recv().await
    }
}

impl Source {
    /// Begins to fetch and verify an epoch of the log behind `from`, up to `until` or to an empty page.
    pub(super) fn ahead(&self, from: LogPlace, until: LogPlace, keys: Keys) -> Ahead {
        let (to_verify, fetched) = mpsc::channel(WAITING);
        let (to_place, pages) = mpsc::channel(WAITING);
        let mut steps = JoinSet::new();
        steps.spawn(self.clone().fetch_all(from, until, to_verify));
        steps.spawn(self.clone().verify_each(keys, fetched, to_place));
        Ahead {
            pages,
            _steps: steps,
        }
    }

    async fn fetch_all(
        self,
        mut from: LogPlace,
        until: LogPlace,
        pages: mpsc::Sender<Result<Vec<Event>>>,
    ) {
        loop {
            let log = (self.room_id, &self.origin);
            let page = fetch(&self.app, &self.tenant, &self.peer, log, from).await;
            let last = page.as_ref().ok().and_then(|page| page.last());
            let next = last.map(|event| event.seq);
            if pages.send(page).await.is_err() {
                return;
            }
            match next {
                Some(seq) => from.seq = seq,
                None => return,
            }
            if from >= until {
                return;
            }
        }
    }

    /// Verifies page after page: each may name the keys of the next one.
    async fn verify_each(
        self,
        mut keys: Keys,
        mut fetched: mpsc::Receiver<Result<Vec<Event>>>,
        pages: mpsc::Sender<Result<LogPage>>,
    ) {
        while let Some(page) = fetched.recv().await {
            let page = match page {
                Ok(events) => {
                    let last = events.last().map(|event| event.seq);
                    let shares = self.app.federation().shares();
                    let turn = shares.turn(&self.tenant, &self.peer).await;
                    let plain = events.clone();
                    let (known, verified) = verify_all(&turn, keys, events).await;
                    keys = known;
                    let believed = Believed::of(&self.peer, plain, verified);
                    Ok(LogPage { last, believed })
                }
                Err(error) => Err(error),
            };
            if pages.send(page).await.is_err() {
                return;
            }
        }
    }
}
