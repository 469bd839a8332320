//! Two servers that share thousands of rooms: what it takes until both have the same after one of them was away, and what
//! comparing costs when nothing has happened.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use serde_json::json;

use super::federation::{Pair, enter};
use super::server::Server;
use super::trouble::{Result, Trouble};
use crate::cast::room::Room;

/// Rooms that are made, entered or written to at one time.
const AT_ONCE: usize = 16;
/// How often the servers are asked how far they are.
const POLL: Duration = Duration::from_millis(20);
/// For how long nothing may happen until it is over.
const QUIET: Duration = Duration::from_millis(1500);
/// How long it may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// How the second server got up to date.
#[derive(Clone, Copy, Debug)]
pub struct Return {
    /// From its `/health` saying 200 until it had every event.
    pub until_equal: Duration,
    /// From then until neither server asked the other anything any more.
    pub until_quiet: Duration,
    /// Federation requests that both answered.
    pub requests: f64,
    /// Processor time of both for all of it, the start included.
    pub processor: Duration,
}

impl Pair {
    /// So many more rooms of the first server that somebody of the second is in.
    pub async fn share(&self, count: usize) -> Result<Vec<Room>> {
        let make = async |number: usize| {
            let room = self.host.creates(json!({"name": format!("Room {number}")}));
            let room = room.await?;
            enter(&self.host, &room, &self.reader).await?;
            Ok::<Room, Trouble>(room)
        };
        stream::iter(0..count)
            .map(make)
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await
    }

    /// The second server is stopped, one message is written in each of these rooms, and it comes back.
    pub async fn comes_back(&mut self, rooms: &[Room]) -> Result<Return> {
        self.settles().await?;
        self.second.end().await?;
        let says = async |room: &Room| {
            self.host.says(room, "while you were away").await?;
            Ok::<(), Trouble>(())
        };
        stream::iter(rooms)
            .map(says)
            .buffer_unordered(AT_ONCE)
            .try_collect::<()>()
            .await?;
        let used = self.first.processor()?;
        let answered = answered(&self.first).await?;
        let (second, _) = self.second_settings.start().await?;
        self.second = second;
        let began = Instant::now();
        let name = "scaiwave_events_appended_total";
        while self.second.counter(name, "federated").await? < rooms.len() as f64 {
            if began.elapsed() > PATIENCE {
                return Err(Trouble::new("the second server did not get all events"));
            }
            tokio::time::sleep(POLL).await;
        }
        let until_equal = began.elapsed();
        let until_quiet = self.settles().await?;
        let both = [&self.first, &self.second];
        Ok(Return {
            until_equal,
            until_quiet,
            requests: both_answered(both).await? - answered,
            processor: self.first.processor()? - used + self.second.processor()?,
        })
    }

    /// Waits until neither asks the other anything; how long it took until the last request.
    async fn settles(&self) -> Result<Duration> {
        let began = Instant::now();
        let both = [&self.first, &self.second];
        let (mut before, mut last) = (both_answered(both).await?, Instant::now());
        while last.elapsed() < QUIET {
            if began.elapsed() > PATIENCE {
                return Err(Trouble::new("the servers do not stop asking each other"));
            }
            tokio::time::sleep(POLL).await;
            let now = both_answered(both).await?;
            if now > before {
                (before, last) = (now, Instant::now());
            }
        }
        Ok(last - began)
    }
}

async fn both_answered([first, second]: [&Server; 2]) -> Result<f64> {
    Ok(answered(first).await? + answered(second).await?)
}

/// Federation requests that a server has answered since it started.
async fn answered(server: &Server) -> Result<f64> {
    let name = "scaiwave_http_requests_total";
    server.counter(name, "/_scaiwave/federation/").await
}
