//! One socket from its opening to its end (client specification, section 10).
//!
//! Two halves run side by side: one writes events and live frames, one reads what the client says. Whatever comes first
//! of a session's end, a token's end, a newer socket, a silent client or the server's stop ends both.

use std::time::Duration;

use bytes::Bytes;
use futures::future::FutureExt;
use futures::{Sink, SinkExt, Stream, StreamExt};
use prometheus_client::metrics::gauge::Gauge;
use tokio::time::{
    Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout,
};

use super::client_frame::ClientFrame;
use super::ending::Ending;
use super::reader::{Reader, Since};
use super::sockets::Place;
use crate::app::App;
use crate::auth::access::Caller;
use crate::auth::sockets::SessionWatch;
use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Coded;
use crate::events::core::hash::Hash;
use crate::http::metrics::TenantLabels;
use crate::notifications::snoozes;
use crate::presence::live::Voice;
use crate::presence::{Connection, LiveFrame};

/// How often the client is pinged.
const PING_EVERY: Duration = Duration::from_secs(30);
/// How long it may be silent.
const PONG_WITHIN: Duration = Duration::from_secs(60);
/// How long a closing socket is given.
const CLOSING: Duration = Duration::from_secs(1);
/// How long a socket waits after the database failed.
const PAUSE: Duration = Duration::from_secs(1);
/// Events that are read at a time.
const PAGE: usize = 200;

/// What comes from the client.
#[derive(Debug)]
pub enum Incoming {
    /// A text.
    Text(Bytes),
    /// The answer to a ping.
    Pong,
    /// Something without a meaning.
    Other,
    /// A frame beyond the limit.
    TooLarge,
    /// The client closes.
    Closed,
    /// The connection broke.
    Lost,
}

/// What goes to the client.
#[derive(Debug)]
pub enum Outgoing {
    /// A frame.
    Text(Bytes),
    /// A ping.
    Ping,
    /// The end, with code and reason.
    Close(u16, &'static str),
}

/// A connection that can no longer be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// A WebSocket, whatever it is made of.
pub trait Transport: Stream<Item = Incoming> + Sink<Outgoing, Error = Broken> + Send {}

impl<T: Stream<Item = Incoming> + Sink<Outgoing, Error = Broken> + Send> Transport for T {}

/// Who opens a socket, with what, and from where on.
#[derive(Debug)]
pub struct Opening {
    /// Who.
    pub caller: Caller,
    /// The hash of the token.
    pub token: Hash,
    /// From where on events are sent.
    pub since: Since,
}

/// Serves a socket until it ends.
pub async fn serve(app: App, opening: Opening, transport: impl Transport) {
    let labels = TenantLabels {
        tenant: opening.caller.tenant.slug().to_owned(),
    };
    let _counted = Counted::new(app.metrics().ws_connections.get_or_create_owned(&labels));
    let (mut sink, mut stream) = transport.split();
    let ending = match Socket::open(&app, &opening).await {
        Ok(mut socket) => socket.run(&mut sink, &mut stream).await,
        Err(ending) => ending,
    };
    finish(ending, &mut sink, &mut stream).await;
}

/// Counts a socket while it is open.
struct Counted(Gauge);

impl Counted {
    fn new(gauge: Gauge) -> Self {
        gauge.inc();
        Counted(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Accepts a socket whose token is bad, only to say so.
pub async fn refuse(code: Code, transport: impl Transport) {
    let (mut sink, mut stream) = transport.split();
    finish(Ending::Refused(code), &mut sink, &mut stream).await;
}

/// Says why, and gives the client a moment to read it: a connection that is dropped with unread input loses it.
async fn finish(
    ending: Ending,
    sink: &mut (impl Sink<Outgoing, Error = Broken> + Unpin),
    stream: &mut (impl Stream<Item = Incoming> + Unpin),
) {
    tracing::info!(event = "ws.disconnect", reason = ending.reason());
    let Some((code, reason)) = ending.close() else {
        return;
    };
    let closing = async {
        if sink.send(Outgoing::Close(code, reason)).await.is_ok() {
            while let Some(incoming) = stream.next().await {
                if matches!(incoming, Incoming::Closed | Incoming::Lost) {
                    break;
                }
            }
        }
    };
    // Who does not answer in time has been told all the same.
    let _ = timeout(CLOSING, closing).await;
}

struct Socket {
    hello: Bytes,
    speaking: Speaking,
    listening: Listening,
    ties: Ties,
}

/// What writes: the reader of the stream.
struct Speaking {
    reader: Reader,
    ping: Interval,
}

/// What reads: the client's signs of life.
struct Listening {
    app: App,
    caller: Caller,
    connection: Connection,
    voice: Voice,
    last_pong: Instant,
}

/// What else can end a socket.
struct Ties {
    app: App,
    place: Place,
    session: SessionWatch,
    token_expires_at: Option<i64>,
}

impl Socket {
    async fn open(app: &App, opening: &Opening) -> Result<Socket, Ending> {
        let Opening {
            caller,
            token,
            since,
        } = opening;
        let (tenant, participant) = (&caller.tenant, caller.participant_id);
        let most = app.config().limits.max_sockets_per_user;
        let place = app
            .streams()
            .sockets()
            .open(tenant, participant, *token, most);
        let sessions = &app.auth().sessions;
        let session = sessions
            .watch(tenant, app.db(), caller.session_id)
            .await
            .map_err(failed)?
            .ok_or(Ending::Refused(Code::AuthInvalidToken))?;
        let listener = app.presence().live().listen(tenant, participant);
        let voice = listener.own_voice();
        let reader = Reader::open(app, tenant, participant, *since, listener)
            .await
            .map_err(failed)?
            .ok_or(Ending::Failed(Code::ValidationError))?;
        let connection = app
            .presence()
            .connect(tenant, participant, caller.session_id)
            .await
            .map_err(failed)?;
        // What fell due while nobody listened is told now, right after `hello`.
        snoozes::tell(app, tenant, participant)
            .await
            .map_err(failed)?;
        let hello = LiveFrame::Hello {
            session_id: caller.session_id,
            server_name: tenant.server_name().as_str(),
            stream_position: reader.opened_at(),
        };
        let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Socket {
            hello: hello.text(tenant, app.now()),
            speaking: Speaking { reader, ping },
            listening: Listening {
                app: app.clone(),
                caller: caller.clone(),
                connection,
                voice,
                last_pong: Instant::now(),
            },
            ties: Ties {
                app: app.clone(),
                place,
                session,
                token_expires_at: caller.token_expires_at,
            },
        })
    }

    async fn run(
        &mut self,
        sink: &mut (impl Sink<Outgoing, Error = Broken> + Unpin + Send),
        stream: &mut (impl Stream<Item = Incoming> + Unpin + Send),
    ) -> Ending {
        let Socket {
            hello,
            speaking,
            listening,
            ties,
        } = self;
        let speak = async {
            let hello = Outgoing::Text(hello.clone());
            match sink.send(hello).await {
                Ok(()) => speaking.speak(sink).await,
                Err(broken) => broken,
            }
        };
        let ending = tokio::select! {
            Broken = speak => Ending::Lost,
            ending = listening.listen(stream) => ending,
            ending = ties.end() => ending,
        };
        if matches!(ending, Ending::Refused(Code::AuthInvalidToken)) {
            self.listening.connection.sign_out();
        }
        ending
    }
}

fn failed(error: DbError) -> Ending {
    tracing::warn!(event = "ws.open_failed", %error);
    Ending::Failed(error.code())
}

impl Speaking {
    /// Sends events and live frames as they come, until the connection breaks.
    async fn speak(&mut self, sink: &mut (impl Sink<Outgoing, Error = Broken> + Unpin)) -> Broken {
        loop {
            let pause = match self.send_ready(sink).await {
                Ok(pause) => pause,
                Err(broken) => return broken,
            };
            let is_ping_due = tokio::select! {
                () = self.reader.woken(), if pause.is_none() => false,
                () = sleep(pause.unwrap_or_default()), if pause.is_some() => false,
                _ = self.ping.tick() => true,
            };
            if is_ping_due && sink.send(Outgoing::Ping).await.is_err() {
                return Broken;
            }
        }
    }

    /// Sends everything that is ready. How long to wait before the next try, if the database failed.
    async fn send_ready(
        &mut self,
        sink: &mut (impl Sink<Outgoing, Error = Broken> + Unpin),
    ) -> Result<Option<Duration>, Broken> {
        loop {
            let page = match self.reader.page(PAGE).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::warn!(event = "ws.fanout_failed", %error);
                    return Ok(Some(PAUSE));
                }
            };
            for item in &page.items {
                sink.feed(Outgoing::Text(item.frame.clone())).await?;
            }
            for frame in self.reader.live_frames() {
                sink.feed(Outgoing::Text(frame)).await?;
            }
            // Somebody who has much to catch up with is asked for a sign of life in between.
            if self.ping.tick().now_or_never().is_some() {
                sink.feed(Outgoing::Ping).await?;
            }
            sink.flush().await?;
            if !page.has_more && !self.reader.is_behind() {
                return Ok(None);
            }
        }
    }
}

impl Listening {
    /// Listens to the client until it closes, breaks a rule, or falls silent.
    async fn listen(&mut self, stream: &mut (impl Stream<Item = Incoming> + Unpin)) -> Ending {
        loop {
            let incoming = tokio::select! {
                incoming = stream.next() => incoming,
                () = sleep_until(self.last_pong + PONG_WITHIN) => return Ending::PingTimeout,
            };
            match incoming {
                Some(Incoming::Text(text)) => self.hear(&text).await,
                Some(Incoming::Pong) => self.last_pong = Instant::now(),
                Some(Incoming::Other) => {}
                Some(Incoming::TooLarge) => return Ending::FrameTooLarge,
                Some(Incoming::Closed) => return Ending::Closed,
                Some(Incoming::Lost) | None => return Ending::Lost,
            }
        }
    }

    async fn hear(&self, text: &[u8]) {
        let text = std::str::from_utf8(text).unwrap_or_default();
        match ClientFrame::read(text) {
            Some(ClientFrame::Ping) => {
                let pong = LiveFrame::Pong.text(&self.caller.tenant, self.app.now());
                self.voice.say(pong);
            }
            Some(ClientFrame::Heartbeat { status }) => {
                if let Err(error) = self.connection.beat(status).await {
                    tracing::debug!(event = "presence.beat_failed", %error);
                }
            }
            None => {}
        }
    }
}

impl Ties {
    /// Waits until something other than client or connection ends the socket.
    async fn end(&mut self) -> Ending {
        let stop = self.app.stop().clone();
        tokio::select! {
            ending = self.place.lost() => ending,
            () = self.session.ended() => Ending::Refused(Code::AuthInvalidToken),
            () = expire(&self.app, self.token_expires_at) => Ending::Refused(Code::AuthExpiredToken),
            () = stop.cancelled() => Ending::Stopping,
        }
    }
}

/// Waits until the time `at` has come, in Unix milliseconds.
async fn expire(app: &App, at: Option<i64>) {
    let Some(at) = at else {
        return std::future::pending().await;
    };
    while let Ok(left @ 1..) = u64::try_from(at.saturating_sub(app.now())) {
        sleep(Duration::from_millis(left)).await;
    }
}
