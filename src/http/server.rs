//! The server itself: accepts connections, with or without TLS, and hands their requests to a router, until it is told to stop.
//!
//! Everything that a stranger could hold open is bounded: the number of connections, the time until the first request is
//! there (TLS handshake included), idle time, headers, streams, the time that an answer waits to be taken. The time of a request
//! is bounded by [`super::timeout`].

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::client_address::PeerAddress;
use super::stall::Stalling;

/// What bounds a listener.
#[derive(Clone, Debug)]
pub struct Bounds {
    /// Most open connections; further ones wait in the system's queue.
    pub connections: usize,
    /// Time from the connection to the end of the first request's headers, TLS handshake included.
    pub first_request: Duration,
    /// Time between two requests of a connection. Longer than load balancers keep idle connections (75 to 90 seconds), so that they
    /// close first.
    pub idle: Duration,
    /// Time in which a client takes something of what is sent to it.
    pub stall: Duration,
    /// Time for requests under way once the server stops.
    pub grace: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 16_384,
            first_request: Duration::from_secs(15),
            idle: Duration::from_secs(100),
            stall: Duration::from_secs(60),
            grace: Duration::from_millis(2_500),
        }
    }
}

/// Serves `router` until `stop` is cancelled, then ends requests under way within the grace period and returns.
///
/// Upgraded connections (WebSockets) are no longer this function's business: their owners watch `stop` themselves.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    router: Router,
    bounds: Bounds,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(bounds.connections));
    let graceful = GracefulShutdown::new();
    let handler = Arc::new(Handler {
        protocol: protocol(bounds.idle),
        tls,
        router,
        first_request: bounds.first_request,
        stall: bounds.stall,
    });
    while let Some((stream, peer, permit)) = next_connection(&listener, &permits, &stop).await {
        let handler = Arc::clone(&handler);
        let watcher = graceful.watcher();
        tokio::spawn(async move {
            handler.connection(stream, peer, watcher).await;
            drop(permit);
        });
    }
    drop(listener);
    if timeout(bounds.grace, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still under way when the server stopped");
    }
}

/// HTTP/1.1 and HTTP/2 with bounds. A header block is bounded by hyper's own limits on size and number.
fn protocol(idle: Duration) -> Builder<TokioExecutor> {
    let mut protocol = Builder::new(TokioExecutor::new());
    protocol
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(idle)
        .max_buf_size(64 * 1024);
    protocol
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20))
        .max_concurrent_streams(100)
        .max_header_list_size(32 * 1024);
    protocol
}

/// The next connection, once there is room for it; `None` when the server stops.
async fn next_connection(
    listener: &TcpListener,
    permits: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let accepted = async {
        let permit = Arc::clone(permits).acquire_owned().await.ok()?;
        loop {
            match listener.accept().await {
                Ok((stream, peer)) => return Some((stream, peer, permit)),
                Err(error) => wait_after(&error).await,
            }
        }
    };
    tokio::select! {
        accepted = accepted => accepted,
        () = stop.cancelled() => None,
    }
}

/// A client that gave up is nothing to wait for; without file descriptors, trying at once would only burn the processor.
async fn wait_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    ) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

struct Handler {
    protocol: Builder<TokioExecutor>,
    tls: Option<TlsAcceptor>,
    router: Router,
    first_request: Duration,
    stall: Duration,
}

impl Handler {
    async fn connection(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        // Small frames must not wait for each other; failing to say so costs only time.
        let _ = stream.set_nodelay(true);
        let stream = Stalling::new(stream, self.stall);
        let deadline = tokio::time::Instant::now() + self.first_request;
        let result = match &self.tls {
            None => self.requests(stream, peer, watcher, deadline).await,
            Some(tls) => match tokio::time::timeout_at(deadline, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.requests(stream, peer, watcher, deadline).await,
                Ok(Err(error)) => Err(error.into()),
                Err(_) => Err("no TLS handshake in time".into()),
            },
        };
        if let Err(error) = result {
            tracing::debug!(%peer, error, "connection ended");
        }
    }

    async fn requests<IO>(
        &self,
        stream: IO,
        peer: SocketAddr,
        watcher: Watcher,
        deadline: tokio::time::Instant,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>>
    where
        IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let first_request = CancellationToken::new();
        let service = service_fn(|mut request: hyper::Request<Incoming>| {
            first_request.cancel();
            request.extensions_mut().insert(PeerAddress(peer));
            self.router.clone().oneshot(request.map(Body::new))
        });
        let connection = self
            .protocol
            .serve_connection_with_upgrades(TokioIo::new(stream), service);
        let connection = watcher.watch(connection);
        tokio::pin!(connection);
        tokio::select! {
            result = &mut connection => return result,
            () = first_request.cancelled() => {}
            () = tokio::time::sleep_until(deadline) => return Err("no request in time".into()),
        }
        connection.await
    }
}
