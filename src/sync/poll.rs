//! `GET /v1/sync`: what came after a cursor, at once or as soon as something comes (client specification, section 9).

use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, Serializer};
use tokio::time::{Instant, sleep_until};

use super::error::SyncError;
use super::item::{Entry, Item};
use super::reader::{Page, Reader, Since};
use crate::app::App;
use crate::auth::access::Caller;

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// From where on.
    pub since: Since,
    /// How many events at most.
    pub limit: usize,
    /// How long to wait for the first one.
    pub timeout: Duration,
}

/// What came.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Answer {
    #[serde(serialize_with = "entries")]
    #[schema(value_type = Vec<Entry<'static>>)]
    events: Vec<Arc<Item>>,
    next_cursor: i64,
    has_more: bool,
}

fn entries<S: Serializer>(items: &[Arc<Item>], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(items.iter().map(|item| &item.entry))
}

impl Answer {
    fn new(page: Page, reader: &Reader) -> Answer {
        Answer {
            events: page.items,
            next_cursor: reader.cursor(),
            has_more: page.has_more,
        }
    }
}

/// Answers what the caller is shown after `since`. The cursor never lies beyond what was on disk.
pub async fn poll(app: &App, caller: &Caller, ask: Ask) -> Result<Answer, SyncError> {
    let (tenant, participant) = (&caller.tenant, caller.participant_id);
    let listener = app.presence().live().listen_for_events(tenant, participant);
    let reader = Reader::open(app, tenant, participant, ask.since, listener).await?;
    let mut reader = reader.ok_or(SyncError::BeyondEnd)?;
    if ask.since == Since::Latest {
        return Ok(Answer::new(Page::default(), &reader));
    }
    let page = reader.page_as_committed(ask.limit).await?;
    if !page.items.is_empty() || ask.timeout.is_zero() {
        return Ok(Answer::new(page, &reader));
    }
    let _waiting = app
        .streams()
        .wait(tenant, participant)
        .ok_or(SyncError::TooManyPolls)?;
    let page = wait(app, caller, &mut reader, ask).await?;
    Ok(Answer::new(page, &reader))
}

/// Waits for the next events. An empty page: the time is over, or the server stops.
async fn wait(
    app: &App,
    caller: &Caller,
    reader: &mut Reader,
    ask: Ask,
) -> Result<Page, SyncError> {
    let sessions = &app.auth().sessions;
    let session = sessions
        .watch(&caller.tenant, app.db(), caller.session_id)
        .await?;
    let mut session = session.ok_or(SyncError::SessionEnded)?;
    let deadline = Instant::now() + ask.timeout;
    loop {
        let page = reader.page(ask.limit).await?;
        if !page.items.is_empty() {
            return Ok(page);
        }
        if reader.is_behind() {
            continue;
        }
        tokio::select! {
            () = reader.woken() => {}
            () = sleep_until(deadline) => return Ok(Page::default()),
            () = app.stop().cancelled() => return Ok(Page::default()),
            () = session.ended() => return Err(SyncError::SessionEnded),
        }
    }
}
