//! An address on the loopback that nobody may be led to: it counts who comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::check::{Stop, Verdict, failed};
use crate::judge::must;

/// A listener that takes connections and drops them.
pub(super) struct Trap {
    address: SocketAddr,
    visits: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Trap {
    /// Listens at a free port.
    pub(super) async fn set() -> Result<Self, Stop> {
        let listener = TcpListener::bind("127.0.0.1:0").await;
        let listener = listener.map_err(|error| failed(format!("no listener: {error}")))?;
        let address = listener
            .local_addr()
            .map_err(|error| failed(format!("no address: {error}")))?;
        let visits = Arc::new(AtomicU64::new(0));
        let counter = visits.clone();
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counter.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Self {
            address,
            visits,
            task,
        })
    }

    /// Where it listens.
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Nobody came.
    pub(super) fn must_be_unvisited(&self, by: &str) -> Verdict {
        let visits = self.visits.load(Ordering::SeqCst);
        must(visits == 0, || {
            format!("{by} led the server to the loopback, {visits} times")
        })
    }
}

impl Drop for Trap {
    fn drop(&mut self) {
        self.task.abort();
    }
}
