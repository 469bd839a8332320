//! Acknowledged messages a second: some connections, each of which sends its next message once the last is answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::http::{Connection, Form};
use super::trouble::{Result, Trouble};

/// How many connections, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Volley {
    /// Connections, each with one request under way.
    pub connections: usize,
    /// Not counted: caches fill, the processor's clock settles.
    pub warm_up: Duration,
    /// Counted.
    pub time: Duration,
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Answered requests a second.
    pub per_second: f64,
    /// How many were counted.
    pub count: u64,
    /// Half of them were answered within this, in ms.
    pub p50: f64,
    /// 99 of 100 were answered within this, in ms.
    pub p99: f64,
}

impl Rate {
    /// Of so many durations in µs, measured within `time`.
    pub fn of(durations: &Histogram<u64>, time: Duration) -> Self {
        let ms = |quantile| durations.value_at_quantile(quantile) as f64 / 1000.0;
        Self {
            per_second: durations.len() as f64 / time.as_secs_f64(),
            count: durations.len(),
            p50: ms(0.5),
            p99: ms(0.99),
        }
    }
}

/// Durations in µs, up to a minute, to three digits.
pub fn durations() -> Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, 60_000_000, 3).map_err(|error| Trouble(error.to_string()))
}

/// Records one; what took over a minute counts as a minute.
pub fn record(durations: &mut Histogram<u64>, duration: Duration) {
    durations.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

/// A message of the usual length that begins with `mark`.
pub fn message(mark: &str) -> String {
    let id = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    format!(
        r#"{{"content":{{"msgtype":"swp.text","body":"{mark} The quick brown fox jumps over the lazy dog, and nobody minds: ein Satz wie viele."}},"event_uuid":"{id}"}}"#
    )
}

/// Fires; connection `i` uses form `i` modulo their number.
pub async fn fire(address: SocketAddr, forms: &[Form], volley: Volley) -> Result<Rate> {
    let ready = Arc::new(Barrier::new(volley.connections));
    let mut senders = JoinSet::new();
    for form in forms.iter().cycle().take(volley.connections) {
        senders.spawn(sender(address, form.clone(), volley, Arc::clone(&ready)));
    }
    let mut all = durations()?;
    while let Some(sent) = senders.join_next().await {
        all.add(sent??)
            .map_err(|error| Trouble(error.to_string()))?;
    }
    Ok(Rate::of(&all, volley.time))
}

async fn sender(
    address: SocketAddr,
    form: Form,
    volley: Volley,
    ready: Arc<Barrier>,
) -> Result<Histogram<u64>> {
    let mut connection = Connection::open(address).await?;
    let mut durations = durations()?;
    let mut request = Vec::new();
    ready.wait().await;
    let from = Instant::now() + volley.warm_up;
    let until = from + volley.time;
    loop {
        form.fill(&mut request, &message("load"));
        let began = Instant::now();
        connection.exchange(&request).await?.ok()?;
        let ended = Instant::now();
        if ended >= until {
            return Ok(durations);
        }
        if ended >= from {
            record(&mut durations, ended - began);
        }
    }
}

/// Sends exactly `count` messages over `connections` connections, then one more with `last` in it once all of them are
/// acknowledged. Answers how long the acknowledged ones took.
pub async fn fire_count(
    address: SocketAddr,
    forms: &[Form],
    connections: usize,
    count: usize,
    last: &str,
) -> Result<Duration> {
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for (index, form) in forms.iter().cycle().take(connections).enumerate() {
        let own = count / connections + usize::from(index < count % connections);
        senders.spawn(send_count(address, form.clone(), own));
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    let time = began.elapsed();
    let form = forms.first().ok_or_else(|| Trouble::new("no room"))?;
    let mut request = Vec::new();
    form.fill(&mut request, &message(last));
    Connection::open(address)
        .await?
        .exchange(&request)
        .await?
        .ok()?;
    Ok(time)
}

async fn send_count(address: SocketAddr, form: Form, count: usize) -> Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut request = Vec::new();
    for _ in 0..count {
        form.fill(&mut request, &message("load"));
        connection.exchange(&request).await?.ok()?;
    }
    Ok(())
}
