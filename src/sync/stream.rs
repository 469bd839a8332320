//! The WebSocket: `hello`, then durable frames in the order of the stream, live frames between them.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use garde::Validate;
use serde::Deserialize;
use tokio::time::Instant;

use super::cursor::Cursor;
use super::routes::since;
use super::sockets::{Displaced, Place};
use crate::app::App;
use crate::auth::sockets::SessionWatch;
use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::{Error, Result};
use crate::events;
use crate::events::core::hash::Hash;
use crate::http::caller::{self, Caller};
use crate::http::metrics::TenantLabels;
use crate::http::query::Query;
use crate::presence::frames::LiveFrame;
use crate::presence::live::Listener;
use crate::presence::model::Beat;
use crate::presence::people::Connection;
use tokio::sync::watch;

/// Frames read from the stream at once.
const STRETCH: usize = 200;
/// How often the server pings.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long a socket may stay silent.
const SILENCE: Duration = Duration::from_secs(60);
/// The largest frame of a client, in bytes.
const MOST_FROM_CLIENT: usize = 4 * 1024;
/// How long one frame may take to be written.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// `GET /v1/stream`.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
struct StreamQuery {
    token: Option<String>,
    since: Option<String>,
}

/// Why a socket ends.
enum End {
    /// The server closes it.
    Close { code: u16, reason: String },
    /// The client closed it, or the connection broke.
    Gone,
}

impl End {
    fn token(code: Code) -> End {
        End::Close {
            code: 4001,
            reason: code.as_str().to_owned(),
        }
    }

    fn abort(reason: &str) -> End {
        End::Close {
            code: 4003,
            reason: reason.to_owned(),
        }
    }

    fn reason(&self) -> &str {
        match self {
            End::Close { reason, .. } => reason,
            End::Gone => "gone",
        }
    }
}

/// Upgrades, and answers a bad token on the socket, where browsers can read it.
pub(super) async fn open(State(app): State<App>, request: Request) -> Result<Response> {
    let (mut parts, _) = request.into_parts();
    let Query(query) = Query::<StreamQuery>::from_request_parts(&mut parts, &app).await?;
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &app)
        .await
        .map_err(|_| {
            Error::validation(
                "header.upgrade",
                crate::error::Reason::Missing,
                "must ask for a WebSocket",
            )
        })?
        .max_message_size(MOST_FROM_CLIENT * 4)
        .max_frame_size(MOST_FROM_CLIENT * 4);
    let header = parts
        .headers
        .get(http::header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            value
                .strip_prefix("Bearer ")
                .or_else(|| value.strip_prefix("bearer "))
        })
        .map(str::to_owned);
    let token = query.token.or(header);
    let caller = match caller::from_token(&mut parts, &app, token.as_deref()).await {
        Ok(caller) => caller,
        Err(error)
            if matches!(
                error.code(),
                Code::AuthInvalidToken | Code::AuthExpiredToken
            ) =>
        {
            let end = End::token(error.code());
            return Ok(upgrade.on_upgrade(move |socket| close(socket, end)));
        }
        Err(error) => return Err(error),
    };
    let end = events::store::position(&caller.tenant, app.db()).await?;
    let from = match query.since.as_deref() {
        None | Some("latest") => end,
        Some(text) => since(text, end)?,
    };
    let token = Hash::of(token.unwrap_or_default().as_bytes());
    Ok(upgrade.on_upgrade(move |socket| {
        let tasks = app.tasks().clone();
        tasks.track_future(serve(app, caller, socket, token, (from, end)))
    }))
}

async fn close(mut socket: WebSocket, end: End) {
    if let End::Close { code, reason } = end {
        let frame = CloseFrame {
            code,
            reason: Utf8Bytes::from(reason),
        };
        let _gone = tokio::time::timeout(
            Duration::from_secs(1),
            socket.send(Message::Close(Some(frame))),
        )
        .await;
    }
}

/// Serves one socket from `hello` to its end.
async fn serve(app: App, caller: Caller, socket: WebSocket, token: Hash, (from, end): (i64, i64)) {
    let gauge = app
        .metrics()
        .ws_connections
        .get_or_create_owned(&TenantLabels {
            tenant: caller.tenant.slug().to_owned(),
        });
    gauge.inc();
    let mut socket = socket;
    let ended = match Session::open(&app, &caller, token, from, end).await {
        Ok(Some(mut session)) => session.run(&mut socket).await,
        Ok(None) => End::token(Code::AuthInvalidToken),
        Err(error) => failed(&error),
    };
    gauge.dec();
    tracing::info!(event = "ws.disconnect", reason = ended.reason(), participant = %caller.participant_id);
    close(socket, ended).await;
}

fn failed(error: &DbError) -> End {
    tracing::warn!(event = "ws.fanout_failed", %error);
    End::Close {
        code: 1011,
        reason: Code::ServiceUnavailable.as_str().to_owned(),
    }
}

/// What an open socket is tied to.
struct Session<'a> {
    app: &'a App,
    caller: &'a Caller,
    cursor: Cursor,
    end: i64,
    woken: watch::Receiver<i64>,
    listener: Listener,
    watch: SessionWatch,
    place: Place,
    presence: Connection,
    hello_at: i64,
}

impl<'a> Session<'a> {
    async fn open(
        app: &'a App,
        caller: &'a Caller,
        token: Hash,
        from: i64,
        end: i64,
    ) -> Result<Option<Session<'a>>, DbError> {
        let (tenant, id) = (&caller.tenant, caller.participant_id);
        let sessions = &app.auth().sessions;
        let Some(watch) = sessions
            .watch(tenant, app.db(), caller.session_id, id)
            .await?
        else {
            return Ok(None);
        };
        let place = app.sockets().take(
            tenant.key(),
            id,
            token,
            app.config().limits.max_sockets_per_user,
        );
        let mut woken = app.wake().watch(tenant, end);
        let end = end.max(*woken.borrow_and_update());
        let cursor = Cursor::at(app, tenant, id, from).await?;
        let listener = app.presence().live().listen(tenant, id);
        listener.set_rooms(cursor.visible().open_rooms());
        let presence = app
            .presence()
            .connect(tenant, id, caller.session_id)
            .await?;
        Ok(Some(Session {
            app,
            caller,
            hello_at: cursor.position(),
            cursor,
            end,
            woken,
            listener,
            watch,
            place,
            presence,
        }))
    }

    async fn run(&mut self, socket: &mut WebSocket) -> End {
        let ended = self.converse(socket).await;
        if matches!(&ended, End::Close { code: 4001, .. }) {
            self.presence.sign_out();
        }
        ended
    }

    async fn converse(&mut self, socket: &mut WebSocket) -> End {
        let hello = LiveFrame::Hello {
            session_id: self.caller.session_id,
            server_name: self.caller.tenant.server_name().as_str(),
            stream_position: self.hello_at,
        };
        let hello = hello.text(&self.caller.tenant, self.app.now());
        if let Err(end) = send_text(socket, hello).await {
            return end;
        }
        let mut ping = tokio::time::interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        let mut heard = Instant::now();
        let expiry = self.expiry();
        tokio::pin!(expiry);
        loop {
            match self.catch_up(socket).await {
                Ok(()) => {}
                Err(end) => return end,
            }
            let stop = self.app.stop().clone();
            tokio::select! {
                message = socket.recv() => {
                    heard = Instant::now();
                    match self.heed(socket, message).await {
                        Ok(()) => {}
                        Err(end) => return end,
                    }
                }
                changed = self.woken.changed() => match changed {
                    Ok(()) => self.end = *self.woken.borrow_and_update(),
                    Err(_) => return going_away(),
                },
                () = self.listener.woken() => {}
                () = self.watch.ended() => return End::token(Code::AuthInvalidToken),
                why = self.place.displaced() => return End::abort(match why {
                    Displaced::DuplicateConnection => "duplicate_connection",
                    Displaced::TooManyConnections => "too_many_connections",
                }),
                () = &mut expiry => return End::token(Code::AuthExpiredToken),
                () = stop.cancelled() => return going_away(),
                _ = ping.tick() => {
                    if heard.elapsed() >= SILENCE {
                        return End::abort("ping_timeout");
                    }
                    if let Err(end) = send(socket, Message::Ping(Bytes::new())).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Writes what the stream holds beyond the cursor, then the live frames that wait.
    async fn catch_up(&mut self, socket: &mut WebSocket) -> Result<(), End> {
        while self.cursor.position() < self.end {
            let stretch = self
                .cursor
                .read(self.app, self.end, STRETCH)
                .await
                .map_err(|error| failed(&error))?;
            if stretch.rooms_changed {
                self.listener.set_rooms(self.cursor.visible().open_rooms());
            }
            let frames = self
                .app
                .frames()
                .of(self.app, &self.caller.tenant, &stretch.events)
                .await
                .map_err(|error| failed(&error))?;
            for (_, frame) in frames {
                send_text(socket, frame).await?;
            }
        }
        for frame in self.listener.take() {
            send_text(socket, frame).await?;
        }
        Ok(())
    }

    /// Answers what the client sent.
    async fn heed(
        &mut self,
        socket: &mut WebSocket,
        message: Option<Result<Message, axum::Error>>,
    ) -> Result<(), End> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "snake_case")]
        enum FromClient {
            Heartbeat {
                #[serde(default)]
                status: Beat,
            },
            Ping,
        }
        let text = match message {
            None | Some(Ok(Message::Close(_))) => return Err(End::Gone),
            Some(Err(error)) => return Err(broken(&error)),
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => return Ok(()),
        };
        if text.len() > MOST_FROM_CLIENT {
            return Err(End::abort("frame_too_large"));
        }
        match serde_json::from_str(&text) {
            Ok(FromClient::Heartbeat { status }) => {
                self.presence
                    .beat(status)
                    .await
                    .map_err(|error| failed(&error))?;
                Ok(())
            }
            Ok(FromClient::Ping) => {
                let pong = LiveFrame::Pong.text(&self.caller.tenant, self.app.now());
                send_text(socket, pong).await
            }
            // Frames of later versions are none of our business.
            Err(_) => Ok(()),
        }
    }

    /// Ends with the token.
    fn expiry(&self) -> impl Future<Output = ()> + use<> {
        let left = self.caller.token_expires_at.map(|at| at - self.app.now());
        async move {
            match left {
                Some(left) => {
                    tokio::time::sleep(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
                        .await
                }
                None => std::future::pending().await,
            }
        }
    }
}

fn going_away() -> End {
    End::Close {
        code: 1001,
        reason: "the server is stopping".to_owned(),
    }
}

/// The library ends a connection whose frame exceeds its own bound.
fn broken(error: &axum::Error) -> End {
    if error.to_string().contains("too l") {
        End::abort("frame_too_large")
    } else {
        End::Gone
    }
}

async fn send_text(socket: &mut WebSocket, text: Bytes) -> Result<(), End> {
    match Utf8Bytes::try_from(text) {
        Ok(text) => send(socket, Message::Text(text)).await,
        Err(_) => Ok(()),
    }
}

async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match tokio::time::timeout(WRITE_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Gone),
        Err(_) => Err(End::abort("ping_timeout")),
    }
}
