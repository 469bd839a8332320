//! Bytes over a connection, as no library would send them.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::Server;

/// Longest wait for the end of a connection: longer than the server waits for anything that is tried here.
const PATIENCE: Duration = Duration::from_secs(60);
/// What is read of an answer, at most.
const MOST: u64 = 4 << 20;

pub(super) async fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).await;
    stream.expect("the server listens")
}

/// All that comes back for these bytes until the server closes the connection.
pub(super) async fn said_to(server: &Server, bytes: &[u8]) -> String {
    let mut stream = connect(server).await;
    // The server may close before it has read everything.
    drop(stream.write_all(bytes).await);
    until_closed(stream).await
}

/// What still comes until the server closes the connection, in whatever way.
pub(super) async fn until_closed(stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut bounded = stream.take(MOST);
    let read = tokio::time::timeout(PATIENCE, bounded.read_to_end(&mut bytes)).await;
    drop(read.unwrap_or_else(|_| panic!("open after {PATIENCE:?}")));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The statuses that a large body gets, whose sender does not wait for the answer; none if the server has only hung up.
pub(super) async fn posted(server: &Server, token: &str, path: &str, body: &str) -> Vec<u16> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    statuses(
        &said_to(
            server,
            [head.as_bytes(), body.as_bytes()].concat().as_slice(),
        )
        .await,
    )
}

/// The statuses of the answers in what came back. The server's bodies hold no line that begins like one.
pub(super) fn statuses(text: &str) -> Vec<u16> {
    let mut found = Vec::new();
    for rest in text.split("HTTP/1.1 ").skip(1) {
        found.extend(rest.get(..3).and_then(|status| status.parse::<u16>().ok()));
    }
    found
}
