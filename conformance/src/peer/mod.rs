//! The other server: the suite plays a whole peer with a name, keys, an address and logs of its own.
//!
//! [`Peer`] answers what the server under test asks of it, writes down every request with the verdict on its signature, and sends
//! what a check wants sent, lawful or not. It can be used as a library by other tests.

mod answers;
pub mod descriptor;
pub mod hosting;
pub mod mischief;
pub mod outgoing;
pub mod people;
pub mod policy;
pub mod received;
pub mod room;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::check::{Stop, failed};
use crate::client::Agent;
use crate::client::socket::PATIENCE;
use crate::judge;
use crate::protocol::key::{Key, PublicKey};
use received::Received;
use room::RoomCopy;

/// Where federation requests begin.
pub const FEDERATION: &str = "/_scaiwave/federation/v1";

/// The played server.
#[derive(Clone)]
pub struct Peer(Arc<Inner>);

struct Inner {
    name: String,
    key: Key,
    subject_name: String,
    subject_key: PublicKey,
    down: AtomicBool,
    rooms: Mutex<BTreeMap<String, RoomCopy>>,
    received: Mutex<Vec<Received>>,
    complaints: Mutex<Vec<String>>,
    rules: Mutex<Vec<Arc<mischief::Rule>>>,
    changed: Notify,
}

impl Peer {
    /// Learns who the server under test is; the peer does not listen yet.
    pub async fn introduce(name: &str, stranger: &Agent) -> Result<Self, Stop> {
        let config = stranger.get("/v1/auth/config").await?.ok()?;
        let subject_name = judge::text(&config, "/server_name")?;
        let call = stranger
            .call("GET", descriptor::PATH)
            .header("Host", subject_name.as_str());
        let answer = call.send().await?;
        let document = answer.body()?;
        let subject_key = judge::text(document, "/public_key")?;
        let subject_key = PublicKey::from_text(&subject_key).map_err(failed)?;
        Ok(Self(Arc::new(Inner {
            name: name.to_owned(),
            key: Key::random(),
            subject_name,
            subject_key,
            down: AtomicBool::new(false),
            rooms: Mutex::default(),
            received: Mutex::default(),
            complaints: Mutex::default(),
            rules: Mutex::default(),
            changed: Notify::new(),
        })))
    }

    /// Listens at `address` until the process ends.
    pub async fn listen(&self, address: SocketAddr) -> std::io::Result<()> {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let router = received::router(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(())
    }

    /// The peer's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The key that it signs with.
    pub fn key(&self) -> &Key {
        &self.0.key
    }

    /// The name of the server under test.
    pub fn subject_name(&self) -> &str {
        &self.0.subject_name
    }

    /// The key of the server under test.
    pub fn subject_key(&self) -> &PublicKey {
        &self.0.subject_key
    }

    /// Whether it is down: then every request gets a 503.
    pub fn is_down(&self) -> bool {
        self.0.down.load(Ordering::SeqCst)
    }

    /// Goes down or comes up.
    pub fn set_down(&self, down: bool) {
        self.0.down.store(down, Ordering::SeqCst);
    }

    /// Everything it was asked so far.
    pub fn requests(&self) -> Vec<Received> {
        self.received().clone()
    }

    /// The first request that fits, already there or still to come; `patience` may be longer than usual where the other server may
    /// be backing off.
    pub async fn wait(
        &self,
        patience: Duration,
        what: &str,
        fits: impl Fn(&Received) -> bool,
    ) -> Result<Received, Stop> {
        let waiting = async {
            loop {
                let changed = self.0.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(found) = self
                    .received()
                    .iter()
                    .find(|request| fits(request))
                    .cloned()
                {
                    return found;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, waiting)
            .await
            .map_err(|_| failed(format!("the played peer got no {what} within {patience:?}")))
    }

    /// The same with the usual patience.
    pub async fn gets(
        &self,
        what: &str,
        fits: impl Fn(&Received) -> bool,
    ) -> Result<Received, Stop> {
        self.wait(PATIENCE, what, fits).await
    }

    /// Begins or replaces the peer's copy of a room.
    pub fn keep_room(&self, room: RoomCopy) {
        let mut rooms = self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.insert(room.room_id.clone(), room);
    }

    /// Does something with the peer's copy of a room; none if it has none.
    pub fn with_room<T>(&self, room_id: &str, work: impl FnOnce(&mut RoomCopy) -> T) -> Option<T> {
        let mut rooms = self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.get_mut(room_id).map(work)
    }

    /// What the server under test sent that is not lawful.
    pub fn complaints(&self) -> Vec<String> {
        self.0
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn complain(&self, reason: String) {
        self.0
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reason);
    }

    fn note(&self, request: Received) {
        self.received().push(request);
        self.0.changed.notify_waiters();
    }

    fn rules(&self) -> MutexGuard<'_, Vec<Arc<mischief::Rule>>> {
        self.0.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn received(&self) -> MutexGuard<'_, Vec<Received>> {
        self.0
            .received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
