//! `GET /v1/sync` and `GET /v1/stream`.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use garde::Validate;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::cursor::Cursor;
use super::frames::{forms, synced};
use super::stream;
use crate::app::App;
use crate::error::{Error, Reason, Result};
use crate::events;
use crate::http::caller::Caller;
use crate::http::envelope::Data;
use crate::http::query::Query;

/// Events in an answer, unless the client says otherwise, and at most.
const DEFAULT_LIMIT: i64 = 100;
const MOST: i64 = 500;
/// How long to wait, unless the client says otherwise, and at most, in ms.
const DEFAULT_TIMEOUT: i64 = 30_000;
const LONGEST_TIMEOUT: i64 = 60_000;

/// Long polls and sockets.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/v1/sync", get(sync))
        .route("/v1/stream", get(stream::open))
}

/// `GET /v1/sync`.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct SyncQuery {
    since: Option<String>,
    #[garde(inner(range(min = 1)))]
    limit: Option<i64>,
    #[garde(inner(range(min = 0)))]
    timeout: Option<i64>,
}

#[derive(Debug, Serialize)]
struct Synced {
    events: Vec<Value>,
    next_cursor: i64,
    has_more: bool,
}

async fn sync(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SyncQuery>,
) -> Result<Data<Synced>> {
    // Read first: no cursor that is given out may exceed what was readable then.
    let end = events::store::position(&caller.tenant, app.db()).await?;
    let since = match query.since.as_deref() {
        None => 0,
        Some("latest") => {
            return Ok(Data(Synced {
                events: Vec::new(),
                next_cursor: end,
                has_more: false,
            }));
        }
        Some(text) => since(text, end)?,
    };
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT).min(MOST);
    let timeout = query
        .timeout
        .unwrap_or(DEFAULT_TIMEOUT)
        .min(LONGEST_TIMEOUT);
    wait(&app, &caller, (since, end), limit, timeout).await
}

/// A position that the stream has reached.
pub(super) fn since(text: &str, end: i64) -> Result<i64> {
    let refuse = |message| Error::validation("query.since", Reason::Range, message);
    let since: i64 = text.parse().map_err(|_| {
        Error::validation("query.since", Reason::Type, "must be a number or latest")
    })?;
    if since < 0 || since > end {
        return Err(refuse("must be a position that the stream has reached"));
    }
    Ok(since)
}

/// Answers with what lies beyond `since`, or waits for it.
async fn wait(
    app: &App,
    caller: &Caller,
    (since, end): (i64, i64),
    limit: i64,
    timeout: i64,
) -> Result<Data<Synced>> {
    let _place = app
        .polls()
        .take(caller.tenant.key(), caller.participant_id)?;
    let mut woken = app.wake().watch(&caller.tenant, end);
    let mut cursor = Cursor::at(app, &caller.tenant, caller.participant_id, since).await?;
    let most = usize::try_from(limit).unwrap_or(1);
    let deadline = tokio::time::sleep(Duration::from_millis(u64::try_from(timeout).unwrap_or(0)));
    tokio::pin!(deadline);
    let mut end = end.max(*woken.borrow_and_update());
    loop {
        let stretch = cursor.read(app, end, most).await?;
        if !stretch.events.is_empty() || stretch.has_more && timeout == 0 {
            let forms = forms(app, &caller.tenant, &stretch.events).await?;
            return Ok(Data(Synced {
                events: forms.into_iter().map(synced).collect(),
                next_cursor: cursor.position(),
                has_more: stretch.has_more,
            }));
        }
        if stretch.has_more {
            continue;
        }
        tokio::select! {
            changed = woken.changed() => match changed {
                Ok(()) => end = *woken.borrow_and_update(),
                Err(_) => break,
            },
            () = &mut deadline => break,
            () = app.stop().cancelled() => break,
        }
    }
    Ok(Data(Synced {
        events: Vec::new(),
        next_cursor: cursor.position(),
        has_more: false,
    }))
}
