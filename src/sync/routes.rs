//! The HTTP side of sync and of the WebSocket.

use std::convert::Infallible;
use std::future::ready;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use garde::Validate;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use tokio_tungstenite::tungstenite;
use tracing::Instrument;

use super::client_frame::LONGEST;
use super::error::SyncError;
use super::poll::{self, Answer, Ask};
use super::reader::Since;
use super::socket::{self, Broken, Incoming, Opening, Outgoing, Transport};
use crate::app::App;
use crate::auth::access::Caller;
use crate::catalogue::Code;
use crate::error::{Error, Reason, Result};
use crate::events::core::hash::Hash;
use crate::events::store;
use crate::http::api::describe::{self, Described, Input, Output, SignIn};
use crate::http::api::{Routes, get};
use crate::http::caller;
use crate::http::envelope::Data;
use crate::http::query::Query;

/// Events in an answer where the client does not say: 100, and 500 at most.
const LIMIT: (i64, i64) = (100, 500);
/// How long a poll waits where the client does not say, and at most, in milliseconds.
const TIMEOUT: (i64, i64) = (30_000, 60_000);
/// What is read of a frame that is too large, so that its sender can be told why the socket closes, in bytes.
const LARGEST_READ: usize = 128 * 1024;
/// Bytes that are read at a time. Each socket keeps as many for as long as it is open, and clients have little to say.
const READ_BUFFER: usize = 1024;
/// Bytes that are gathered before they are written. A socket keeps what it has once needed.
const WRITE_BUFFER: usize = 4 * 1024;

/// The routes of this domain. None of them answers within the time of a request.
pub fn routes() -> Routes<App> {
    Routes::new()
        .route("/v1/sync", get(sync))
        .route("/v1/stream", get(stream))
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct SyncQuery {
    since: Option<String>,
    limit: Option<i64>,
    timeout: Option<i64>,
}

async fn sync(
    State(app): State<App>,
    caller: Caller,
    Query(query): Query<SyncQuery>,
) -> Result<Data<Answer>> {
    let since = match query.since.as_deref() {
        Some("latest") => Since::Latest,
        Some(position) => Since::Position(whole("query.since", position)?),
        None => Since::Position(0),
    };
    let ask = Ask {
        since,
        limit: usize::try_from(bounded("query.limit", query.limit, 1, LIMIT)?).unwrap_or(1),
        timeout: Duration::from_millis(
            u64::try_from(bounded("query.timeout", query.timeout, 0, TIMEOUT)?).unwrap_or(0),
        ),
    };
    Ok(Data(poll::poll(&app, &caller, ask).await?))
}

fn whole(path: &str, text: &str) -> Result<i64> {
    match text.parse() {
        Ok(position @ 0..) => Ok(position),
        Ok(_) => Err(Error::validation(path, Reason::Range, "must be at least 0")),
        Err(_) => Err(Error::validation(
            path,
            Reason::Type,
            "must be a whole number",
        )),
    }
}

/// A number of at least `least`; larger ones than the second of `default` and maximum are lowered.
fn bounded(path: &str, value: Option<i64>, least: i64, (default, most): (i64, i64)) -> Result<i64> {
    match value {
        None => Ok(default),
        Some(value) if value < least => {
            let message = format!("must be at least {least}");
            Err(Error::validation(path, Reason::Range, message))
        }
        Some(value) => Ok(value.min(most)),
    }
}

#[derive(Debug, Deserialize, Validate, utoipa::ToSchema)]
#[garde(allow_unvalidated)]
struct StreamQuery {
    token: Option<String>,
    since: Option<String>,
}

/// What becomes of a socket.
enum Service {
    Serve(Box<Opening>),
    Refuse(Code),
}

/// A request for a socket: whether it may be opened, and whether it can be.
struct Knock {
    opening: Result<Opening>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
}

impl FromRequestParts<App> for Knock {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let upgrade = WebSocketUpgrade::from_request_parts(parts, app).await;
        let opening = opening(app, parts).await;
        Ok(Self { opening, upgrade })
    }
}

impl Input for Knock {
    fn describe(into: &mut Described) {
        Caller::describe(into);
        into.sign_in.push(SignIn::Query);
        Query::<StreamQuery>::describe(into);
    }
}

/// The switch of protocols.
struct Switched(Response);

impl IntoResponse for Switched {
    fn into_response(self) -> Response {
        self.0
    }
}

impl Output for Switched {
    fn describe(into: &mut Described) {
        into.answers.push(describe::Answer {
            status: StatusCode::SWITCHING_PROTOCOLS,
            about: "A WebSocket from now on.",
            content: None,
        });
    }
}

async fn stream(State(app): State<App>, knock: Knock) -> Result<Switched> {
    match (knock.opening, knock.upgrade) {
        (Ok(opening), Ok(upgrade)) => Ok(upgraded(app, upgrade, Service::Serve(Box::new(opening)))),
        (Ok(_), Err(rejection)) => Err(no_upgrade(rejection)),
        // Browsers do not see the status of a refused upgrade: who is not let in is told by a close code.
        (Err(error), Ok(upgrade)) if is_about_token(error.code()) => {
            Ok(upgraded(app, upgrade, Service::Refuse(error.code())))
        }
        (Err(error), _) => Err(error),
    }
}

/// Who opens the socket and from where on. The token stands in the query string, for browsers, or in the header.
async fn opening(app: &App, parts: &mut Parts) -> Result<Opening> {
    let Query(query) = Query::<StreamQuery>::from_request_parts(parts, app).await?;
    let token = match query.token {
        Some(token) => Some(token),
        None => caller::bearer(&parts.headers).map(str::to_owned),
    };
    let caller = caller::from_token(parts, app, token.as_deref()).await?;
    let since = match query.since.as_deref() {
        Some(position) => Since::Position(whole("query.since", position)?),
        None => Since::Latest,
    };
    if let Since::Position(position) = since
        && position > store::position(&caller.tenant, app.db()).await?
    {
        return Err(SyncError::BeyondEnd.into());
    }
    Ok(Opening {
        token: Hash::of(token.unwrap_or_default().as_bytes()),
        caller,
        since,
    })
}

fn is_about_token(code: Code) -> bool {
    matches!(
        code,
        Code::AuthInvalidToken
            | Code::AuthExpiredToken
            | Code::AuthTenantMismatch
            | Code::AuthInsufficientPermission
            | Code::TenantNotFound
    )
}

fn no_upgrade(rejection: WebSocketUpgradeRejection) -> Error {
    let message = "must ask for a WebSocket";
    Error::validation("header.upgrade", Reason::Format, message).source(rejection)
}

/// Switches protocols and serves the socket, in the log span of the request. A stop waits for it.
fn upgraded(app: App, upgrade: WebSocketUpgrade, service: Service) -> Switched {
    let span = tracing::Span::current();
    let tasks = app.tasks().clone();
    let serve = async move |socket| match service {
        Service::Serve(opening) => socket::serve(app, *opening, transport(socket)).await,
        Service::Refuse(code) => socket::refuse(code, transport(socket)).await,
    };
    let response = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_frame_size(LARGEST_READ)
        .max_message_size(LARGEST_READ)
        .on_upgrade(move |socket| tasks.track_future(serve(socket).instrument(span)));
    Switched(response)
}

fn transport(socket: WebSocket) -> impl Transport {
    socket
        .map(incoming)
        .sink_map_err(|_| Broken)
        .with(|out| ready(Ok::<_, Broken>(message(out))))
}

fn message(out: Outgoing) -> Message {
    match out {
        // Every frame was written by serde_json, so that it is UTF-8.
        Outgoing::Text(text) => Message::Text(text.try_into().unwrap_or_default()),
        Outgoing::Ping => Message::Ping(Bytes::new()),
        Outgoing::Close(code, reason) => Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        })),
    }
}

fn incoming(received: Result<Message, axum::Error>) -> Incoming {
    match received {
        Ok(Message::Text(text)) if text.len() > LONGEST => Incoming::TooLarge,
        Ok(Message::Binary(bytes)) if bytes.len() > LONGEST => Incoming::TooLarge,
        Ok(Message::Text(text)) => Incoming::Text(text.into()),
        Ok(Message::Pong(_)) => Incoming::Pong,
        Ok(Message::Binary(_) | Message::Ping(_)) => Incoming::Other,
        Ok(Message::Close(_)) => Incoming::Closed,
        Err(error) => match error.into_inner().downcast_ref() {
            Some(tungstenite::Error::Capacity(_)) => Incoming::TooLarge,
            _ => Incoming::Lost,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_below_the_least_are_refused_and_those_above_the_most_lowered() {
        let limit = |value| bounded("query.limit", value, 1, LIMIT);
        assert_eq!(limit(None).unwrap(), 100);
        assert_eq!(limit(Some(7)).unwrap(), 7);
        assert_eq!(limit(Some(501)).unwrap(), 500);
        assert_eq!(limit(Some(0)).unwrap_err().code(), Code::ValidationError);
    }

    #[test]
    fn a_position_is_a_whole_number_from_zero() {
        assert_eq!(whole("query.since", "12").unwrap(), 12);
        for text in ["-1", "x", "", "1.5", "99999999999999999999"] {
            let refused = whole("query.since", text).unwrap_err();
            assert_eq!(refused.code(), Code::ValidationError, "{text}");
        }
    }
}
