//! Thousands of open WebSockets: what each costs, and when everybody in a room has a message.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::http::Connection;
use super::sends::{Rate, durations, message, record};
use super::server::Server;
use super::socket::{Listener, MARK};
use super::town::Town;
use super::trouble::{Result, Trouble};

/// Sockets that are opened at one time.
const OPENED_AT_ONCE: usize = 32;
/// Sockets of one source address: each takes a port of it.
const PER_SOURCE: usize = 20_000;
/// Messages whose way is measured, one after the other.
const MESSAGES: usize = 20;
/// What lies between two of them.
const APART: Duration = Duration::from_millis(500);
/// How long a message may take to all of them.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a client says that somebody sits before it.
const BEAT_EVERY: Duration = Duration::from_secs(30);
/// Files of a process that are no sockets of a listener.
const OTHER_FILES: usize = 500;

/// What many listeners cost, and how long they wait.
#[derive(Clone, Copy, Debug)]
pub struct Heard {
    /// Until a listener has a message, over all of them.
    pub each: Rate,
    /// Until the last one has it: the middle and the longest of several messages, in ms.
    pub all: (f64, f64),
    /// Memory of the server for each socket, in KiB: when all were open, and after the messages.
    pub memory: (f64, f64),
    /// How long it took to open all of them, and until the server had told everybody who is there.
    pub opening: (Duration, Duration),
    /// Processor time of the server for each message.
    pub processor: Duration,
}

/// How many of `wanted` sockets both processes may open, and why not more.
pub async fn allowed(wanted: usize) -> Result<(usize, Option<String>)> {
    let pid = std::process::id().to_string();
    let (_, most) = file_limits()?;
    // Without the program the limit stays as it is. Servers inherit it.
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, &format!("--nofile={most}:{most}")])
        .output()
        .await;
    drop(raised);
    let (files, most) = file_limits()?;
    let count = wanted.min(files.saturating_sub(OTHER_FILES));
    let reason = (count < wanted).then(|| {
        format!("{wanted} were asked for, but a process may have {files} open files here (ulimit -n; {most} at most)")
    });
    Ok((count, reason))
}

fn file_limits() -> Result<(usize, usize)> {
    let limits = std::fs::read_to_string("/proc/self/limits")?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"));
    let mut fields = line.unwrap_or_default().split_whitespace();
    let mut next = || match fields.next() {
        Some("unlimited") => Ok(usize::MAX),
        field => field
            .and_then(|field| field.parse().ok())
            .ok_or_else(|| Trouble::new("no limit of open files in /proc")),
    };
    Ok((next()?, next()?))
}

/// Opens a socket for each of the first `count` people and writes in the hall, in which all of them are.
pub async fn measure(server: &Server, town: &Town, count: usize) -> Result<Heard> {
    server.rests().await?;
    let (before, _) = server.memory()?;
    let each_kib = |now: f64| (now - before) * 1024.0 / count as f64;
    let (tell, mut told) = mpsc::unbounded_channel();
    let mut watching = JoinSet::new();
    let began = Instant::now();
    let open = async |(number, token): (usize, &String)| {
        Listener::open_from(source(number), server.address, token).await
    };
    let people = town.tokens().iter().take(count).enumerate();
    let mut opening = stream::iter(people)
        .map(open)
        .buffer_unordered(OPENED_AT_ONCE);
    while let Some(listener) = opening.next().await {
        watching.spawn(listen(listener?, tell.clone()));
    }
    drop(opening);
    let opened = began.elapsed();
    server.rests().await?;
    let quiet = began.elapsed();
    let open = each_kib(server.memory()?.0);
    let form = town.hall_form();
    let mut connection = Connection::open(server.address).await?;
    let (mut request, mut each) = (Vec::new(), durations()?);
    let mut last = Vec::with_capacity(MESSAGES);
    let used = server.processor()?;
    for number in 0..MESSAGES {
        form.fill(&mut request, &message(&format!("{MARK}{number}")));
        let written = Instant::now();
        connection.exchange(&request).await?.ok()?;
        let everybody = async {
            let mut latest = Duration::ZERO;
            for _ in 0..count {
                let (heard, arrived) = told
                    .recv()
                    .await
                    .ok_or_else(|| Trouble::new("nobody listens"))?;
                if heard != number {
                    return Err(Trouble(format!("message {heard} came instead of {number}")));
                }
                record(&mut each, arrived - written);
                latest = latest.max(arrived - written);
            }
            Ok::<Duration, Trouble>(latest)
        };
        let everybody = tokio::select! {
            everybody = tokio::time::timeout(PATIENCE, everybody) => everybody,
            Some(ended) = watching.join_next() => return Err(ended?),
        };
        last.push(everybody.map_err(|_| Trouble::new("frames are missing at some WebSockets"))??);
        tokio::time::sleep(APART).await;
    }
    let processor = (server.processor()? - used) / u32::try_from(MESSAGES).unwrap_or(1);
    let after = each_kib(server.memory()?.0);
    last.sort();
    let ms = |at: usize| {
        last.get(at)
            .map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    };
    Ok(Heard {
        each: Rate::of(&each, began.elapsed()),
        all: (ms(MESSAGES / 2), ms(MESSAGES - 1)),
        memory: (open, after),
        opening: (opened, quiet),
        processor,
    })
}

/// An address of this machine from which few enough sockets come.
fn source(number: usize) -> SocketAddr {
    let host = u8::try_from(number / PER_SOURCE + 1).unwrap_or(u8::MAX);
    (Ipv4Addr::new(127, 0, 0, host), 0).into()
}

/// Listens as a client does until something breaks.
async fn listen(mut listener: Listener, tell: mpsc::UnboundedSender<(usize, Instant)>) -> Trouble {
    let first = tokio::time::Instant::now() + BEAT_EVERY.mul_f64(rand::random_range(0.1..1.0));
    let mut beats = interval_at(first, BEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let heard = tokio::select! {
            heard = listener.next() => heard,
            _ = beats.tick() => match listener.beat().await {
                Ok(()) => continue,
                Err(trouble) => return trouble,
            },
        };
        match heard {
            Ok(heard) if tell.send(heard).is_ok() => {}
            Ok(_) => return Trouble::new("nobody is told any more"),
            Err(trouble) => return trouble,
        }
    }
}
