//! The way of a message: from the moment its request is written until its frame is at somebody else's WebSocket, at a
//! steady rate that does not wait for answers.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::http::{Connection, Form};
use super::sends::{self, Rate, durations, message, record};
use super::socket::{Listener, MARK};
use super::trouble::{Result, Trouble};

/// Connections that take turns, so that a slow answer does not hold up the next message.
const SENDERS: usize = 16;
/// How long the last frames may take after the last answer.
const STRAGGLERS: Duration = Duration::from_secs(10);

/// At which pace, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Messages a second.
    pub per_second: u32,
    /// Counted.
    pub time: Duration,
}

impl Pace {
    fn count(self) -> usize {
        (self.time.as_secs_f64() * f64::from(self.per_second)) as usize
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug)]
pub struct Ways {
    /// Until the sender's answer.
    pub acknowledged: Rate,
    /// Until a listener's frame, over all listeners.
    pub seen: Rate,
}

/// When each message's request was written.
type Departures = Arc<Vec<OnceLock<Instant>>>;

/// Sends with `forms` to `address`; `listeners` must see every message.
pub async fn measure(
    address: SocketAddr,
    forms: &[Form],
    listeners: Vec<Listener>,
    pace: Pace,
) -> Result<Ways> {
    let departures: Departures = Arc::new((0..pace.count()).map(|_| OnceLock::new()).collect());
    let mut watching = JoinSet::new();
    for listener in listeners {
        watching.spawn(listen(listener, Arc::clone(&departures)));
    }
    let began = Instant::now();
    let acknowledged = send_all(address, forms, pace, &departures).await?;
    let time = began.elapsed();
    let mut seen = durations()?;
    let all_seen = async {
        while let Some(listener) = watching.join_next().await {
            seen.add(listener??)
                .map_err(|error| Trouble(error.to_string()))?;
        }
        Ok(())
    };
    tokio::time::timeout(STRAGGLERS, all_seen)
        .await
        .map_err(|_| Trouble::new("frames are missing at a WebSocket"))
        .and_then(|result| result)?;
    Ok(Ways {
        acknowledged: Rate::of(&acknowledged, time),
        seen: Rate::of(&seen, time),
    })
}

async fn send_all(
    address: SocketAddr,
    forms: &[Form],
    pace: Pace,
    departures: &Departures,
) -> Result<Histogram<u64>> {
    let (due, queue) = mpsc::unbounded_channel();
    let queue = Arc::new(Mutex::new(queue));
    let mut senders = JoinSet::new();
    for form in forms.iter().cycle().take(SENDERS) {
        let connection = Connection::open(address).await?;
        let departures = Arc::clone(departures);
        senders.spawn(send(
            connection,
            form.clone(),
            Arc::clone(&queue),
            departures,
        ));
    }
    let mut clock = tokio::time::interval(Duration::from_secs(1) / pace.per_second);
    clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..pace.count() {
        clock.tick().await;
        due.send((number, Instant::now()))
            .map_err(|_| Trouble::new("nobody sends any more"))?;
    }
    drop(due);
    let mut all = durations()?;
    while let Some(sent) = senders.join_next().await {
        all.add(sent??)
            .map_err(|error| Trouble(error.to_string()))?;
    }
    Ok(all)
}

async fn send(
    mut connection: Connection,
    form: Form,
    queue: Arc<Mutex<mpsc::UnboundedReceiver<(usize, Instant)>>>,
    departures: Departures,
) -> Result<Histogram<u64>> {
    let mut durations = durations()?;
    let mut request = Vec::new();
    loop {
        // The time counts from when the message was due: waiting for a free connection is part of its way.
        let next = queue.lock().await.recv().await;
        let Some((number, due)) = next else {
            return Ok(durations);
        };
        form.fill(&mut request, &message(&format!("{MARK}{number}")));
        if let Some(departure) = departures.get(number) {
            departure.get_or_init(|| due);
        }
        connection.exchange(&request).await?.ok()?;
        record(&mut durations, due.elapsed());
    }
}

async fn listen(mut listener: Listener, departures: Departures) -> Result<Histogram<u64>> {
    let mut durations = durations()?;
    let mut missing = departures.len();
    while missing > 0 {
        let (number, arrived) = listener.next().await?;
        if let Some(departure) = departures.get(number).and_then(OnceLock::get) {
            sends::record(&mut durations, arrived - *departure);
            missing -= 1;
        }
    }
    Ok(durations)
}
