//! A WebSocket client that collects frames in the order in which they came.

use std::sync::Arc;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::Api;

const FRAME_DEADLINE: Duration = Duration::from_secs(20);

/// How a socket ended: the close code and reason; 1006 where the connection just broke.
pub(crate) type Ending = (u16, String);

/// An open stream, past its `hello`.
pub(crate) struct Socket {
    pub(crate) hello: Value,
    frames: UnboundedReceiver<Result<Value, Ending>>,
    outgoing: UnboundedSender<Message>,
}

trait Transport: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Transport for T {}

impl Socket {
    /// Connects as `api`'s token and expects `hello`; `since` asks for a replay.
    pub(crate) async fn open(api: &Api, since: Option<i64>) -> Self {
        Self::try_open(api, since, None)
            .await
            .unwrap_or_else(|error| panic!("the stream opens: {error:?}"))
    }

    /// The same over TLS where `tls` is given; the error is that of the handshake, or how the stream ended instead of `hello`.
    pub(crate) async fn try_open(
        api: &Api,
        since: Option<i64>,
        tls: Option<&Arc<rustls::ClientConfig>>,
    ) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let base = url::Url::parse(api.base())?;
        let host = base.host_str().ok_or("no host")?.to_owned();
        let since = since
            .map(|position| format!("&since={position}"))
            .unwrap_or_default();
        let token = api.token().unwrap_or_default();
        let port = base.port().ok_or("no port")?;
        let request =
            format!("ws://{host}:{port}/v1/stream?token={token}{since}").into_client_request()?;

        let tcp = TcpStream::connect(("127.0.0.1", port)).await?;
        tcp.set_nodelay(true)?;
        let stream: Box<dyn Transport> = match tls {
            None => Box::new(tcp),
            Some(config) => {
                let name = rustls::pki_types::ServerName::try_from(host)?;
                Box::new(
                    tokio_rustls::TlsConnector::from(config.clone())
                        .connect(name, tcp)
                        .await?,
                )
            }
        };
        let (socket, _) = client_async(request, stream).await?;
        let mut socket = Self::run(socket);
        match socket.receive().await {
            Ok(frame) if frame["type"] == "hello" => socket.hello = frame,
            Ok(frame) => return Err(format!("expected hello first, got {frame}").into()),
            Err((code, reason)) => return Err(format!("closed with {code} {reason}").into()),
        }
        Ok(socket)
    }

    fn run(socket: WebSocketStream<Box<dyn Transport>>) -> Self {
        let (mut sink, mut source) = socket.split();
        let (arrived, frames) = unbounded_channel();
        let (outgoing, mut to_send) = unbounded_channel();
        tokio::spawn(async move {
            loop {
                let received = tokio::select! {
                    received = source.next() => received,
                    message = to_send.recv() => match message {
                        Some(message) => {
                            drop(sink.send(message).await);
                            continue;
                        }
                        // The test let go of the socket.
                        None => return drop(sink.close().await),
                    },
                };
                let report = match received {
                    Some(Ok(Message::Text(text))) => Ok(serde_json::from_str(&text)
                        .unwrap_or_else(|error| panic!("no JSON frame ({error}): {text}"))),
                    Some(Ok(Message::Close(frame))) => Err(ending(
                        frame.map(|frame| (frame.code, frame.reason.to_string())),
                    )),
                    Some(Ok(_)) => continue,
                    Some(Err(Error::ConnectionClosed)) | None => Err(ending(None)),
                    Some(Err(error)) => Err((1006, error.to_string())),
                };
                let over = report.is_err();
                if arrived.send(report).is_err() || over {
                    return;
                }
            }
        });
        Self {
            hello: Value::Null,
            frames,
            outgoing,
        }
    }

    /// The next frame, or how the socket ended; fails after 20 seconds without either.
    pub(crate) async fn receive(&mut self) -> Result<Value, Ending> {
        tokio::time::timeout(FRAME_DEADLINE, self.receive_whenever())
            .await
            .unwrap_or_else(|_| panic!("no frame within {FRAME_DEADLINE:?}"))
    }

    /// The next frame, or how the socket ended, however long it takes.
    pub(crate) async fn receive_whenever(&mut self) -> Result<Value, Ending> {
        self.frames
            .recv()
            .await
            .unwrap_or_else(|| Err((1006, "already closed".to_owned())))
    }

    /// The next frame.
    pub(crate) async fn next(&mut self) -> Value {
        self.receive()
            .await
            .unwrap_or_else(|ending| panic!("the socket closed: {ending:?}"))
    }

    /// The next frame of this type; others before it are skipped.
    pub(crate) async fn next_of(&mut self, frame_type: &str) -> Value {
        loop {
            let frame = self.next().await;
            if frame["type"] == frame_type {
                return frame;
            }
        }
    }

    /// How the socket ends, whatever comes before.
    pub(crate) async fn ending(&mut self) -> Ending {
        loop {
            if let Err(ending) = self.receive().await {
                return ending;
            }
        }
    }

    pub(crate) fn send(&self, frame: &Value) {
        self.send_text(frame.to_string());
    }

    pub(crate) fn send_text(&self, text: String) {
        drop(self.outgoing.send(Message::text(text)));
    }
}

fn ending(frame: Option<(CloseCode, String)>) -> Ending {
    frame.map_or_else(
        || (1006, "connection lost".to_owned()),
        |(code, reason)| (code.into(), reason),
    )
}
