//! A WebSocket that only looks for the marks of a run's own messages and tells when they came.

use std::net::SocketAddr;
use std::time::Instant;

use futures::{SinkExt, StreamExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::trouble::{Result, Trouble};

/// Stands before the number of a message whose way is measured.
pub const MARK: &str = "way-";

/// Bytes that are read at a time: with thousands of sockets the usual ones would fill the memory.
const BUFFER: usize = 4096;

/// An open `/v1/stream` that has said `hello`.
pub struct Listener(WebSocketStream<TcpStream>);

impl Listener {
    /// Connects, and waits for `hello`.
    pub async fn open(address: SocketAddr, token: &str) -> Result<Self> {
        Self::open_from(([127, 0, 0, 1], 0).into(), address, token).await
    }

    /// The same from a given address of this machine.
    pub async fn open_from(source: SocketAddr, address: SocketAddr, token: &str) -> Result<Self> {
        let broken = |error: tokio_tungstenite::tungstenite::Error| Trouble(error.to_string());
        let mut request = format!("ws://{address}/v1/stream")
            .into_client_request()
            .map_err(broken)?;
        let value = HeaderValue::from_str(&format!("Bearer {token}"))
            .map_err(|error| Trouble(error.to_string()))?;
        request.headers_mut().insert("Authorization", value);
        let socket = TcpSocket::new_v4()?;
        socket.bind(source)?;
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        let config = WebSocketConfig::default().read_buffer_size(BUFFER);
        let opened = client_async_with_config(request, stream, Some(config)).await;
        let (stream, _) = opened.map_err(broken)?;
        let mut listener = Self(stream);
        while !listener.text().await?.contains("\"hello\"") {}
        Ok(listener)
    }

    /// The number of the next marked message, and when its frame was here.
    pub async fn next(&mut self) -> Result<(usize, Instant)> {
        loop {
            let text = self.text().await?;
            let arrived = Instant::now();
            if let Some(number) = number(&text) {
                return Ok((number, arrived));
            }
        }
    }

    /// Says that somebody sits before it.
    pub async fn beat(&mut self) -> Result<()> {
        let beat = Message::text(r#"{"type":"heartbeat"}"#);
        let sent = self.0.send(beat).await;
        sent.map_err(|error| Trouble(format!("a socket broke: {error}")))
    }

    async fn text(&mut self) -> Result<String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
                Some(Ok(Message::Close(frame))) => {
                    return Err(Trouble(format!("a socket was closed: {frame:?}")));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(Trouble(format!("a socket broke: {error}"))),
                None => return Err(Trouble::new("a socket ended")),
            }
        }
    }
}

fn number(text: &str) -> Option<usize> {
    let (_, rest) = text.split_once(MARK)?;
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    rest.get(..digits)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn only_marked_messages_have_a_number() {
        assert_eq!(number(r#"{"body":"way-17 The quick"}"#), Some(17));
        assert_eq!(number(r#"{"body":"load The quick"}"#), None);
    }
}
