//! A loopback TCP proxy whose cable can be pulled.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to one target while it is whole; while cut, open ones break and new ones are dropped at once.
pub(crate) struct Proxy {
    address: SocketAddr,
    target: Arc<OnceLock<SocketAddr>>,
    whole: watch::Sender<bool>,
}

impl Proxy {
    /// Listens on a free port; connections are dropped until a target is known.
    pub(crate) async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("a bound address"),
            target: Arc::default(),
            whole: watch::Sender::new(true),
        };
        tokio::spawn(accept(
            listener,
            proxy.target.clone(),
            proxy.whole.subscribe(),
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

    pub(crate) fn cut(&self) {
        self.whole.send_replace(false);
    }

    pub(crate) fn restore(&self) {
        self.whole.send_replace(true);
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<OnceLock<SocketAddr>>,
    whole: watch::Receiver<bool>,
) {
    loop {
        let Ok((incoming, _)) = listener.accept().await else {
            return;
        };
        let Some(target) = target.get().copied().filter(|_| *whole.borrow()) else {
            continue;
        };
        let mut whole = whole.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = forward(incoming, target) => {}
                // Also when the proxy itself is gone.
                _ = whole.wait_for(|whole| !whole) => {}
            }
        });
    }
}

async fn forward(mut incoming: TcpStream, target: SocketAddr) {
    if let Ok(mut outgoing) = TcpStream::connect(target).await {
        drop(tokio::io::copy_bidirectional(&mut incoming, &mut outgoing).await);
    }
}
