//! A whole run: the machine first, then each database, scenario after scenario.

use std::path::PathBuf;
use std::time::Duration;

use super::baseline;
use super::database::Database;
use super::floor::Floor;
use super::report::Row;
use super::sends::{Rate, Volley};
use super::subject::Subject;
use super::town::Scale;
use super::trouble::Result;
use super::verification;

/// What to run.
pub struct Plan {
    /// The server's executable.
    pub server: PathBuf,
    /// A Postgres whose user may create databases; none: SQLite only.
    pub postgres: Option<String>,
    /// Where data goes: on the disk that is to be measured.
    pub folder: PathBuf,
    /// How long each figure is measured.
    pub time: Duration,
    /// Connections in the scenarios of acknowledged messages, one after the other.
    pub connections: Vec<usize>,
    /// Events of the federated flow.
    pub events: usize,
    /// Events that a server misses before it catches up.
    pub absence: usize,
    /// Messages in the history of a room that is joined, beside one from each of its people.
    pub history: usize,
    /// People in the room that is joined.
    pub people: usize,
    /// Servers in one room.
    pub peers: usize,
    /// Rooms that two servers share.
    pub rooms: usize,
    /// What a large server holds.
    pub scale: Scale,
    /// WebSockets that are open at one time.
    pub sockets: usize,
    /// Parts that are run.
    pub parts: Vec<Part>,
}

/// What can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Start-up, idle memory, acknowledged messages, loaded memory.
    Send,
    /// From a send to a WebSocket.
    Delay,
    /// Two servers.
    Federation,
    /// Joining a room of another server.
    Join,
    /// What it costs to believe an event.
    Verify,
    /// A room of many servers.
    Peers,
    /// Two servers with many rooms.
    Rooms,
    /// A server that holds much, beside the same when it was small.
    Sizes,
    /// Many open WebSockets.
    Sockets,
}

/// The yardsticks of the run.
pub(super) struct Yardsticks {
    pub(super) fsync: Rate,
    pub(super) verify: Rate,
    http: Vec<(usize, Rate)>,
}

impl Yardsticks {
    /// The loopback HTTP floor with so many connections.
    pub(super) fn http(&self, connections: usize) -> Option<Rate> {
        let found = self.http.iter().find(|(count, _)| *count == connections);
        found.map(|(_, rate)| *rate)
    }
}

/// Runs everything; what fails becomes a row that says why, and the rest goes on.
pub async fn run(plan: &Plan, rows: &mut Vec<Row>) -> Result<()> {
    let yardsticks = machine(plan, rows).await?;
    let rate = baseline::sqlite(&plan.folder, plan.time).await?;
    rows.push(timed("one row a commit", "sqlite", rate, "commits/s"));
    Subject::new(plan, "sqlite", rate, &yardsticks, rows)
        .measure()
        .await;
    let Some(server) = &plan.postgres else {
        return Ok(());
    };
    let database = Database::create(server).await?;
    let rate = baseline::postgres(&database.url, plan.time).await;
    database.remove().await?;
    let rate = rate?;
    rows.push(timed("one row a commit", "postgres", rate, "commits/s"));
    Subject::new(plan, "postgres", rate, &yardsticks, rows)
        .measure()
        .await;
    Ok(())
}

/// A rate with its durations.
pub(super) fn timed(
    scenario: impl Into<String>,
    subject: &str,
    rate: Rate,
    unit: &'static str,
) -> Row {
    Row::new(scenario, subject, Some(rate.per_second), unit).durations(rate.p50, rate.p99)
}

/// So many connections for the time of the plan.
pub(super) fn volley(plan: &Plan, connections: usize) -> Volley {
    Volley {
        connections,
        warm_up: plan.time / 4,
        time: plan.time,
    }
}

async fn machine(plan: &Plan, rows: &mut Vec<Row>) -> Result<Yardsticks> {
    let fsync = baseline::fsync(&plan.folder, plan.time)?;
    rows.push(timed("append 300 bytes, fdatasync", "machine", fsync, "/s"));
    let (sign, verify) = baseline::ed25519(plan.time / 2)?;
    for (name, rate) in [("Ed25519 sign", sign), ("Ed25519 strict verify", verify)] {
        rows.push(Row::new(name, "machine", Some(rate.per_second), "/s"));
    }
    if plan.parts.contains(&Part::Verify) {
        match verification::rows(&plan.server).await {
            Ok(steps) => rows.extend(steps),
            Err(trouble) => {
                rows.push(Row::new("one event", "machine", None, "us").note(trouble.0));
            }
        }
    }
    let floor = Floor::start().await?;
    let mut http = Vec::new();
    for &connections in &plan.connections {
        let rate = baseline::http(&floor, volley(plan, connections)).await?;
        let name = format!("loopback HTTP, {connections} connections");
        rows.push(timed(name, "machine", rate, "/s"));
        http.push((connections, rate));
    }
    Ok(Yardsticks {
        fsync,
        verify,
        http,
    })
}
