//! One room that many servers take part in: what an event costs its own server for each of them.
//!
//! The others are stand-ins, since hundreds of real ones do not fit beside the server on one machine: they join by lawful
//! requests, under names and keys of their own, and answer deliveries without looking at signatures.

use std::collections::HashMap;

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures::stream::{self, StreamExt, TryStreamExt};
use hdrhistogram::Histogram;
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::http::Form;
use super::sends::{Rate, durations, fire_count, message, record};
use super::server::{Server, Settings};
use super::stage::{self, People};
use super::trouble::{Result, Trouble};
use crate::clock;
use crate::peer::{FEDERATION, Peer, descriptor};

/// Connections that write.
const SENDERS: usize = 64;
/// Peers that join at one time.
const JOINED_AT_ONCE: usize = 8;
/// How often the number of delivered events is looked at.
const POLL: Duration = Duration::from_millis(5);
/// How long the peers may wait for what was written.
const PATIENCE: Duration = Duration::from_secs(180);

/// What the stand-ins share.
struct Shared {
    peers: Mutex<HashMap<String, Peer>>,
    requests: AtomicU64,
    events: AtomicU64,
    lags: Mutex<Histogram<u64>>,
}

/// A server, a room of it, and the stand-ins in that room.
pub struct Crowd {
    server: Server,
    forms: Vec<Form>,
    shared: Arc<Shared>,
    peers: usize,
}

/// How a number of events went to all peers.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// Deliveries of one event to one peer a second, until the last peer had the last event.
    pub per_second: f64,
    /// Acknowledged messages a second meanwhile.
    pub sent_per_second: f64,
    /// Processor time of the server for each event and peer, in seconds.
    pub processor: f64,
    /// Requests to all peers together.
    pub requests: u64,
}

impl Crowd {
    /// Starts a server and brings one person of each of so many peers into a room of it.
    pub async fn gather(
        binary: &Path,
        folder: &Path,
        database: Option<&str>,
        peers: usize,
    ) -> Result<Self> {
        let shared = Arc::new(Shared {
            peers: Mutex::default(),
            requests: AtomicU64::new(0),
            events: AtomicU64::new(0),
            lags: Mutex::new(durations()?),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = router(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let names: Vec<String> = (0..peers)
            .map(|number| format!("peer-{number}.example"))
            .collect();
        let mut settings = Settings::new(binary, folder, database)?;
        settings.knows_at(&names, address);
        let (server, _) = settings.start().await?;
        let people = People::gather(&settings, 0).await?;
        let policy =
            json!({"allowed_peers": names, "max_foreign_participants_per_room": names.len()});
        let admin = &people.admin;
        admin
            .put("/v1/admin/federation/policy", policy)
            .await?
            .ok()?;
        let request =
            json!({"name": "A room of many servers", "room_type": "public", "is_public": true});
        let room = admin.creates(request).await?;
        let stranger = stage::stranger(&settings)?;
        let enters = async |name: &String| {
            let peer = Peer::introduce(name, &stranger).await?;
            lock(&shared.peers).insert(name.clone(), peer.clone());
            let document = peer.ask_to_join(&room.id, &peer.fqid("guest"));
            let path = format!("/rooms/{}/join", room.id);
            let answer = peer.post(&stranger, &path, &document).await?;
            match answer.status {
                200 => Ok(()),
                _ => Err(Trouble(format!(
                    "{name} may not join: {}",
                    answer.outline()
                ))),
            }
        };
        stream::iter(&names)
            .map(enters)
            .buffer_unordered(JOINED_AT_ONCE)
            .try_collect::<()>()
            .await?;
        let authors = std::slice::from_ref(admin);
        Ok(Self {
            forms: stage::send_forms(&settings, authors, &[room]).await?,
            server,
            shared,
            peers,
        })
    }

    /// Writes so many messages as fast as they are acknowledged.
    pub async fn spread(&self, count: usize) -> Result<Spread> {
        self.server.rests().await?;
        let (events, requests) = (self.events(), self.requests());
        let used = self.server.processor()?;
        let began = Instant::now();
        let senders = SENDERS.min(count);
        let sent = fire_count(self.server.address, &self.forms, senders, count, "last").await?;
        // `fire_count` adds one message.
        let deliveries = ((count + 1) * self.peers) as u64;
        self.until(events + deliveries).await?;
        let time = began.elapsed();
        self.server.rests().await?;
        let used = self.server.processor()? - used;
        Ok(Spread {
            per_second: deliveries as f64 / time.as_secs_f64(),
            sent_per_second: count as f64 / sent.as_secs_f64(),
            processor: used.as_secs_f64() / deliveries as f64,
            requests: self.requests() - requests,
        })
    }

    /// From when a message was written to when each peer got it, at a steady pace; and the processor time of the server for
    /// each event and peer, in seconds.
    pub async fn pace(&self, per_second: u32, time: Duration) -> Result<(Rate, f64)> {
        self.server.rests().await?;
        let events = self.events();
        let used = self.server.processor()?;
        lock(&self.shared.lags).reset();
        let form = self.forms.first().ok_or_else(|| Trouble::new("no room"))?;
        let mut connection = super::http::Connection::open(self.server.address).await?;
        let mut request = Vec::new();
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
        let (began, mut count) = (Instant::now(), 0_u64);
        while began.elapsed() < time {
            ticks.tick().await;
            form.fill(&mut request, &message("paced"));
            connection.exchange(&request).await?.ok()?;
            count += 1;
        }
        let deliveries = count * self.peers as u64;
        self.until(events + deliveries).await?;
        let rate = Rate::of(&lock(&self.shared.lags), began.elapsed());
        self.server.rests().await?;
        let used = self.server.processor()? - used;
        Ok((rate, used.as_secs_f64() / deliveries as f64))
    }

    /// Ends the server.
    pub async fn stop(self) -> Result<()> {
        self.server.stop().await
    }

    fn events(&self) -> u64 {
        self.shared.events.load(Ordering::SeqCst)
    }

    fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    async fn until(&self, events: u64) -> Result<()> {
        let began = Instant::now();
        while self.events() < events {
            if began.elapsed() > PATIENCE {
                return Err(Trouble(format!(
                    "the peers got {} of {events} events",
                    self.events()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route(descriptor::PATH, get(own_descriptor))
        .route(&format!("{FEDERATION}/send"), post(take))
        .route(&format!("{FEDERATION}/{{*path}}"), any(other))
        .with_state(shared)
}

async fn own_descriptor(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    let name = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let peer = name.and_then(|name| lock(&shared.peers).get(name).cloned());
    match peer {
        Some(peer) => answer(&descriptor::document(
            peer.name(),
            peer.key(),
            clock::now_ms(),
        )),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// What is read of a delivery.
#[derive(Deserialize)]
struct Delivery<'a> {
    #[serde(borrow)]
    events: Vec<Delivered<'a>>,
}

#[derive(Deserialize)]
struct Delivered<'a> {
    event_id: &'a str,
    ts: i64,
}

async fn take(State(shared): State<Arc<Shared>>, body: Bytes) -> Response {
    let Ok(delivery) = serde_json::from_slice::<Delivery<'_>>(&body) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let now = clock::now_ms();
    let mut lags = lock(&shared.lags);
    for event in &delivery.events {
        let lag = u64::try_from(now - event.ts).unwrap_or(0);
        record(&mut lags, Duration::from_millis(lag));
    }
    drop(lags);
    shared.requests.fetch_add(1, Ordering::SeqCst);
    let count = delivery.events.len() as u64;
    shared.events.fetch_add(count, Ordering::SeqCst);
    let results: Vec<Value> = delivery
        .events
        .iter()
        .map(|event| json!({"event_id": event.event_id, "status": "accepted"}))
        .collect();
    answer(&json!({ "results": results }))
}

async fn other() -> Response {
    answer(&json!({"ok": true, "heads": {}}))
}

fn answer(body: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        body.to_string(),
    )
        .into_response()
}
