//! A loopback TCP proxy whose cable can be pulled, and that can be slow, silent or lossy.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// What is read at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// Chunks under way in one direction; a sender waits when there are more.
const UNDER_WAY: usize = 256;

/// How a line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Line {
    /// Everything passes at once.
    #[default]
    Whole,
    /// Open connections break and new ones are dropped at once.
    Cut,
    /// Connections stay open and new ones are taken, but nothing passes until the line is another one.
    Silent,
    /// Everything passes later by so much.
    Slow(Duration),
    /// One in so many chunks is lost for good, and its connection is reset.
    Lossy(u32),
}

/// Forwards connections to one target, as its line lets it.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    line: watch::Sender<Line>,
}

impl Proxy {
    /// Listens on a free port; connections are dropped until a target is known.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("a bound address"),
            target: Arc::default(),
            line: watch::Sender::default(),
        };
        tokio::spawn(accept(
            listener,
            proxy.target.clone(),
            proxy.line.subscribe(),
        ));
        proxy
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn set_target_port(&self, port: u16) {
        let target = SocketAddr::from(([127, 0, 0, 1], port));
        self.target.set(target).expect("one target a proxy");
    }

    /// Changes the line, for open connections too.
    pub(crate) fn set_line(&self, line: Line) {
        self.line.send_replace(line);
    }

    pub(crate) fn cut(&self) {
        self.set_line(Line::Cut);
    }

    pub(crate) fn restore(&self) {
        self.set_line(Line::Whole);
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<OnceLock<SocketAddr>>,
    line: watch::Receiver<Line>,
) {
    loop {
        let Ok((incoming, _)) = listener.accept().await else {
            return;
        };
        let is_cut = *line.borrow() == Line::Cut;
        let Some(target) = target.get().copied().filter(|_| !is_cut) else {
            continue;
        };
        let mut cut = line.clone();
        let line = line.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = forward(incoming, target, line) => {}
                // Also when the proxy itself is gone.
                _ = cut.wait_for(|line| *line == Line::Cut) => {}
            }
        });
    }
}

async fn forward(mut incoming: TcpStream, target: SocketAddr, line: watch::Receiver<Line>) {
    let Ok(mut outgoing) = TcpStream::connect(target).await else {
        return;
    };
    // What is small is not held back: a slow line is slow by the time that the test says.
    let _best_effort = (incoming.set_nodelay(true), outgoing.set_nodelay(true));
    let both = {
        let (from_caller, to_caller) = incoming.split();
        let (from_target, to_target) = outgoing.split();
        tokio::try_join!(
            pass(from_caller, to_target, line.clone()),
            pass(from_target, to_caller, line)
        )
    };
    if both.is_err() {
        // Both ends get a reset, in the middle of whatever they were saying.
        drop(incoming.set_zero_linger());
        drop(outgoing.set_zero_linger());
    }
}

/// One direction of a connection, until its sender has said everything. An error: the connection is lost.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    line: watch::Receiver<Line>,
) -> std::io::Result<()> {
    let (under_way, mut arriving) = mpsc::channel(UNDER_WAY);
    let state = line.clone();
    let taking = async move {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            let length = from.read(&mut chunk).await?;
            chunk.truncate(length);
            let line = *state.borrow();
            let delay = match line {
                Line::Slow(delay) => delay,
                Line::Lossy(one_in) if rand::random_range(0..one_in) == 0 => {
                    return Err(std::io::ErrorKind::ConnectionReset.into());
                }
                _ => Duration::ZERO,
            };
            let is_last = chunk.is_empty();
            let sent = under_way.send((Instant::now() + delay, chunk)).await;
            if is_last || sent.is_err() {
                return Ok(());
            }
        }
    };
    let mut line = line;
    let bringing = async move {
        while let Some((due, chunk)) = arriving.recv().await {
            tokio::time::sleep_until(due).await;
            let passes = line.wait_for(|line| *line != Line::Silent).await.is_ok();
            if !passes {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
            to.write_all(&chunk).await?;
        }
        to.shutdown().await
    };
    tokio::try_join!(taking, bringing).map(|_| ())
}
