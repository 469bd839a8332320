//! `POST /send`: events that a peer delivers.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Coded, Error, Reason, Result};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::incoming::{self, BodyError, Received};
use crate::events::core::json::JsonError;
use crate::events::core::names::ServerName;
use crate::events::core::verified::ContentStatus;
use crate::federation::exchange::errands::{self, Errand};
use crate::federation::exchange::pages::{Keys, verify_all};
use crate::federation::exchange::{access, bounds, catch_up, missing, refusals};
use crate::federation::model::{RejectedEvent, Rejection};
use crate::federation::signed::{Signed, SignedBody};
use crate::http::limits::{Bucket, exceeded};
use crate::http::metrics::FederationEventLabels;
use crate::rooms::store::rooms;
use crate::rooms::timeline::{Page, Part, Receipt};
use crate::tenants::Tenant;

/// Events in one request, at most.
const MOST_EVENTS: usize = 100;
/// The largest body, in bytes.
const MOST_BYTES: usize = 1024 * 1024;

/// When a peer may come again that has too many requests under way.
const SOON: Duration = Duration::from_secs(1);
/// How long who delivers right after a start is asked first.
const PATIENCE: Duration = Duration::from_secs(5);

/// The events of a request.
pub(super) struct Delivery(Vec<Received>);

impl SignedBody for Delivery {
    fn read(bytes: &[u8]) -> Result<Self> {
        let events =
            incoming::read_send(bytes, bounds(MOST_BYTES)).map_err(|error| unreadable(&error))?;
        if events.is_empty() || events.len() > MOST_EVENTS {
            return Err(Error::validation(
                "body.events",
                Reason::Length,
                "must have 1 to 100 events",
            ));
        }
        // What is wrong with an envelope's shape concerns the request; what is wrong with a content its event alone.
        if let Some(error) = events.iter().find_map(|event| event.as_ref().err()) {
            let path = format!("body.events.{}", error.path());
            return Err(Error::validation(path, Reason::Format, error.to_string()));
        }
        Ok(Delivery(events))
    }
}

/// What stops a body of events from being read.
fn unreadable(error: &BodyError) -> Error {
    match error {
        BodyError::Json(JsonError::TooLarge { .. }) => {
            Error::new(Code::ContentTooLarge).message("The body is too large.")
        }
        BodyError::Json(_) => Error::validation("body", Reason::Json, error.to_string()),
        BodyError::Shape { path } => {
            let path = match path.is_empty() {
                true => "body".to_owned(),
                false => format!("body.{path}"),
            };
            Error::validation(path, Reason::Type, error.to_string())
        }
    }
}

/// What became of one event.
struct Handled {
    event: Event,
    receipt: Receipt,
}

pub(super) async fn send(State(app): State<App>, delivery: Signed<Delivery>) -> Result<Response> {
    let Signed { tenant, peer, body } = delivery;
    let Some(_counted) = app.federation().shares().request(&tenant, &peer) else {
        return Err(exceeded(Bucket::PeerRequests.name(), SOON));
    };
    app.federation()
        .charge_events(&tenant, &peer, body.0.len())?;
    let events: Vec<Event> = body
        .0
        .into_iter()
        .filter_map(std::result::Result::ok)
        .collect();
    let mut results: Vec<Handled> = Vec::with_capacity(events.len());
    let mut rest = events.into_iter().peekable();
    while let Some(first) = rest.next() {
        let room_id = first.room_id;
        let mut run = vec![first];
        while let Some(event) = rest.next_if(|event| event.room_id == room_id) {
            run.push(event);
        }
        results.extend(of_room(&app, &tenant, &peer, room_id, run).await?);
    }
    journal(&app, &tenant, &peer, &results).await;
    let pending = results
        .iter()
        .find(|result| result.receipt.waits())
        .map(|result| result.event.room_id);
    if let Some(room_id) = pending {
        errands::soon(&app, &tenant, &peer, room_id, Errand::Compare);
    }
    let answers: Vec<Value> = results.iter().map(|result| answer(&app, result)).collect();
    let body = json!({ "results": answers }).to_string();
    Ok(([(http::header::CONTENT_TYPE, "application/json")], body).into_response())
}

/// Checks 6 to 8 for the events of one room.
async fn of_room(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    events: Vec<Event>,
) -> Result<Vec<Handled>> {
    if !access::ever_shared(app, tenant, peer, room_id).await? {
        let missing = |event| refused(event, 6, Code::RoomNotFound, "there is no such room");
        return Ok(events.into_iter().map(missing).collect());
    }
    if app.federation().host_wait().is_behind(tenant, room_id) {
        let (code, why) = (Code::ServiceUnavailable, "this server is being restored");
        let later = |event| refused(event, 6, code, why);
        return Ok(events.into_iter().map(later).collect());
    }
    if !is_ready(app, tenant, peer, room_id).await? {
        let (code, why) = (Code::ServiceUnavailable, "this server has just started");
        let later = |event| refused(event, 6, code, why);
        return Ok(events.into_iter().map(later).collect());
    }
    let policy = app.federation().policies().get(tenant).await?;
    let turn = app.federation().shares().turn(tenant, peer).await;
    let keys = Keys::load(app, tenant, room_id, None).await?;
    let plain = events.clone();
    let (_, verified) = verify_all(&turn, keys, events).await;
    let mut page = Vec::new();
    let mut receipts = Vec::new();
    for (event, result) in plain.into_iter().zip(verified) {
        let is_own = event.origin == *tenant.server_name();
        match (policy.require(&event.origin), result) {
            (Err(error), _) if !is_own => {
                receipts.push(Some(refused(event, 7, error.code(), &error.to_string())));
            }
            (_, Err(error)) => {
                let code = Code::FedSignatureMismatch;
                receipts.push(Some(refused(event, 7, code, &error.to_string())));
            }
            (_, Ok(verified)) => {
                page.push((event, verified));
                receipts.push(None);
            }
        }
    }
    let (plain, events): (Vec<_>, Vec<_>) = page.into_iter().unzip();
    missing::journal_wrong_contents(app, tenant, peer, &events).await;
    let bare: BTreeSet<ServerName> = events
        .iter()
        .filter(|event| event.content_status() != ContentStatus::Present)
        .map(|event| event.origin.clone())
        .filter(|origin| origin != tenant.server_name())
        .collect();
    let times = events.iter().map(|event| event.ts);
    errands::when_due(app, tenant, peer, room_id, times);
    let placed = app
        .timeline()
        .receive(Page {
            tenant: tenant.clone(),
            deliverer: peer.clone(),
            events,
            part: Part::Log,
        })
        .await?
        .into_inner();
    for origin in bare {
        errands::soon(app, tenant, &origin, room_id, Errand::Contents);
    }
    let mut placed = plain
        .into_iter()
        .zip(placed)
        .map(|(event, receipt)| Handled { event, receipt });
    Ok(receipts
        .into_iter()
        .filter_map(|refused| refused.or_else(|| placed.next()))
        .collect())
}

/// Whether a room can take events: as its host this server answers some with state, for which it has to know after a start
/// what the others have of its log. Who delivers can say so at once.
async fn is_ready(app: &App, tenant: &Tenant, peer: &ServerName, room_id: RoomId) -> Result<bool> {
    let wait = app.federation().host_wait();
    if !wait.holds(tenant, room_id, app.now()) {
        return Ok(true);
    }
    let row = rooms::get(tenant, app.db().reader(), room_id).await?;
    if row.is_none_or(|row| row.host != *tenant.server_name()) {
        return Ok(true);
    }
    let asking = catch_up::room(app, tenant, peer, room_id);
    if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, asking).await {
        tracing::debug!(%error, %peer, "who delivers cannot be asked");
    }
    Ok(!wait.holds(tenant, room_id, app.now()))
}

fn refused(event: Event, check: u8, code: Code, message: &str) -> Handled {
    Handled {
        event,
        receipt: Receipt::Rejected {
            check,
            code,
            message: message.to_owned(),
            placed: false,
        },
    }
}

fn answer(app: &App, result: &Handled) -> Value {
    let event_id = result.event.event_id;
    let word = match &result.receipt {
        Receipt::Accepted => "accepted",
        Receipt::Duplicate => "duplicate",
        Receipt::Pending | Receipt::Contradicting => "pending",
        Receipt::Rejected { .. } => "rejected",
    };
    let labels = FederationEventLabels {
        direction: "in",
        result: word,
    };
    app.metrics().federation_events.get_or_create(&labels).inc();
    match &result.receipt {
        Receipt::Rejected {
            code,
            message,
            placed,
            ..
        } => json!({
            "event_id": event_id,
            "status": word,
            "error": { "code": code, "message": message },
            "placed": placed,
        }),
        _ => json!({ "event_id": event_id, "status": word }),
    }
}

/// Writes down what was refused, and what contradicts the host.
async fn journal(app: &App, tenant: &Tenant, peer: &ServerName, results: &[Handled]) {
    let of = |result: &Handled| {
        refusals::of_receipt(peer, RejectedEvent::of(&result.event), &result.receipt)
    };
    let rejections: Vec<Rejection> = results.iter().filter_map(of).collect();
    refusals::note(app, tenant, &rejections).await;
}
