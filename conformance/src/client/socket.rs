//! A WebSocket client that collects every frame and lets a check wait for one, with a deadline instead of a sleep.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_tls_with_config};

use super::Agent;
use crate::check::{Stop, failed};

/// How long a check waits for a frame or a close.
pub const PATIENCE: Duration = Duration::from_secs(10);

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How a socket ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close code; 1006 if the connection just broke.
    pub code: u16,
    /// The reason given.
    pub reason: String,
}

#[derive(Default)]
struct Seen {
    frames: Vec<Value>,
    close: Option<Close>,
}

#[derive(Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, close: Close) {
        self.lock().close.get_or_insert(close);
        self.changed.notify_waiters();
    }
}

/// An open socket; dropping it closes the connection.
pub struct Socket {
    shared: Arc<Shared>,
    writer: tokio::sync::Mutex<SplitSink<Stream, Message>>,
    reader: JoinHandle<()>,
    agent: Agent,
}

/// How the token is shown to `/v1/stream`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenIn {
    /// In the query, as browsers must.
    Query,
    /// In the `Authorization` header.
    Header,
}

impl Socket {
    /// Opens `/v1/stream` with the agent's token; `query` is added to the address, such as `since=5`.
    pub async fn open(agent: &Agent, token_in: TokenIn, query: &str) -> Result<Self, Stop> {
        let token = agent.token().await?;
        let base = agent.way().base().replacen("http", "ws", 1);
        let mut address = format!("{base}/v1/stream?{query}");
        if let (TokenIn::Query, Some(token)) = (token_in, &token) {
            address.push_str(&format!("&token={token}"));
        }
        let mut request = address
            .into_client_request()
            .map_err(|error| failed(format!("the suite cannot open a socket: {error}")))?;
        if let (TokenIn::Header, Some(token)) = (token_in, &token) {
            let value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|error| failed(error.to_string()))?;
            request.headers_mut().insert("Authorization", value);
        }
        if let Some(host) = agent.way().host() {
            let value = HeaderValue::from_str(host).map_err(|error| failed(error.to_string()))?;
            request.headers_mut().insert("Host", value);
        }
        let connector = agent.way().trust().connector().map_err(failed)?;
        let path = request.uri().path().to_owned();
        let connected = tokio::time::timeout(
            PATIENCE,
            connect_async_tls_with_config(request, None, false, connector),
        )
        .await
        .map_err(|_| failed("the WebSocket handshake takes too long"))?;
        let (stream, _) = connected.map_err(|error| failed(describe(&error)))?;
        agent.way().asked().note("GET", &path, 101);
        let (writer, reader) = stream.split();
        let shared = Arc::new(Shared::default());
        Ok(Self {
            reader: tokio::spawn(collect(reader, shared.clone())),
            shared,
            writer: tokio::sync::Mutex::new(writer),
            agent: agent.clone(),
        })
    }

    /// The first frame that fits, already seen or still to come.
    pub async fn wait(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Value, Stop> {
        self.until(|seen| seen.frames.iter().find(|frame| fits(frame)).cloned())
            .await
            .ok_or_else(|| {
                self.note();
                failed(format!("no frame within {PATIENCE:?}: {what}"))
            })
    }

    /// The first frame of this type in this room that fits.
    pub async fn wait_in(
        &self,
        room_id: &str,
        kind: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Result<Value, Stop> {
        self.wait(&format!("{kind} of room {room_id}"), |frame| {
            frame["type"] == kind && frame["room_id"] == room_id && fits(frame)
        })
        .await
    }

    /// How the server closes the socket.
    pub async fn closed(&self) -> Result<Close, Stop> {
        self.until(|seen| seen.close.clone()).await.ok_or_else(|| {
            self.note();
            failed(format!("the socket is still open after {PATIENCE:?}"))
        })
    }

    /// The socket must close with this code and reason.
    pub async fn closes_with(&self, code: u16, reason: &str) -> Result<(), Stop> {
        let close = self.closed().await?;
        if close.code == code && close.reason == reason {
            return Ok(());
        }
        Err(failed(format!(
            "expected close {code} {reason:?}, got {} {:?}",
            close.code, close.reason
        )))
    }

    /// All frames so far.
    pub fn frames(&self) -> Vec<Value> {
        self.shared.lock().frames.clone()
    }

    /// Whether the server has closed it so far.
    pub fn is_closed(&self) -> bool {
        self.shared.lock().close.is_some()
    }

    /// Sends a text frame.
    pub async fn send(&self, text: impl Into<String>) -> Result<(), Stop> {
        let text: String = text.into();
        let sent = self.writer.lock().await.send(Message::text(text)).await;
        sent.map_err(|error| failed(format!("the socket takes no frame: {error}")))
    }

    async fn until<T>(&self, found: impl Fn(&Seen) -> Option<T>) -> Option<T> {
        let waiting = async {
            loop {
                let changed = self.shared.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(result) = found(&self.shared.lock()) {
                    return result;
                }
                changed.await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.ok()
    }

    fn note(&self) {
        let frames = self.frames();
        let shown = frames.iter().rev().take(5).rev();
        let shown: Vec<String> = shown.map(Value::to_string).collect();
        self.agent.transcript().note(
            format!("WebSocket /v1/stream, {} frames so far", frames.len()),
            shown.join("\n"),
        );
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn collect(mut reader: SplitStream<Stream>, shared: Arc<Shared>) {
    while let Some(message) = reader.next().await {
        match message {
            Ok(Message::Text(text)) => {
                let frame = serde_json::from_str(text.as_str())
                    .unwrap_or_else(|_| Value::String(text.to_string()));
                shared.lock().frames.push(frame);
                shared.changed.notify_waiters();
            }
            Ok(Message::Close(frame)) => {
                let close = frame.map_or_else(broken, |frame| Close {
                    code: frame.code.into(),
                    reason: frame.reason.to_string(),
                });
                return shared.end(close);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    shared.end(broken());
}

fn broken() -> Close {
    Close {
        code: 1006,
        reason: String::new(),
    }
}

fn describe(error: &Error) -> String {
    match error {
        Error::Http(response) => {
            let body = response
                .body()
                .as_ref()
                .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
                .unwrap_or_default();
            format!(
                "the WebSocket handshake answers {}: {body}",
                response.status()
            )
        }
        other => format!("the WebSocket cannot be opened: {other}"),
    }
}
