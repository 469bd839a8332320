//! Two servers on loopback that share a room: events a second from one to the other, their delay, and catching up after
//! one of them was down.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::delay::{self, Pace, Ways};
use super::http::{self, Connection, Form};
use super::sends::fire_count;
use super::server::{Server, Settings};
use super::socket::Listener;
use super::stage::{self, People};
use super::trouble::{Result, Trouble};
use crate::cast::person::Person;
use crate::cast::room::Room;

/// Connections that write on the first server.
const SENDERS: usize = 64;
/// Accounts that write on the first server.
const AUTHORS: usize = 8;
/// How often the second server is asked for its newest message; each answer is one row.
const POLL: Duration = Duration::from_millis(10);
/// How long the second server may take for what one scenario wrote.
const PATIENCE: Duration = Duration::from_secs(300);

/// Two servers, and a room with people of both.
pub struct Pair {
    pub(super) first: Server,
    pub(super) first_settings: Settings,
    pub(super) second: Server,
    pub(super) second_settings: Settings,
    forms: Vec<Form>,
    room: Room,
    /// The administrator of the first server.
    pub(super) host: Person,
    /// Somebody of the second server.
    pub(super) reader: Person,
    runs: usize,
}

/// How fast a number of events went from the first server to the second.
#[derive(Clone, Copy, Debug)]
pub struct Flow {
    /// Events a second until the second server had all.
    pub per_second: f64,
    /// Acknowledged messages a second on the first server meanwhile.
    pub sent_per_second: f64,
}

/// How the second server caught up.
#[derive(Clone, Copy, Debug)]
pub struct CatchUp {
    /// Events a second, from `/health` saying 200 until it had all.
    pub per_second: f64,
    /// From the start of its process until it had all.
    pub time: Duration,
    /// How long the second server took to verify one event, in seconds, by its own measure.
    pub verification: f64,
    /// Processor time of the second server for one event, its start included, in seconds.
    pub processor: f64,
}

impl Pair {
    /// Starts both, lets each allow the other, and brings people of both into a room of the first.
    pub async fn start(binary: &Path, folder: &Path, databases: [Option<&str>; 2]) -> Result<Self> {
        let [first_database, second_database] = databases;
        let mut first_settings = Settings::new(binary, &folder.join("first"), first_database)?;
        let mut second_settings = Settings::new(binary, &folder.join("second"), second_database)?;
        first_settings.knows(&second_settings);
        second_settings.knows(&first_settings);
        let (first, _) = first_settings.start().await?;
        let (second, _) = second_settings.start().await?;
        let authors = People::gather(&first_settings, AUTHORS).await?;
        let readers = People::gather(&second_settings, 1).await?;
        allow(&authors.admin, &second_settings).await?;
        allow(&readers.admin, &first_settings).await?;
        let rooms = authors.rooms(1).await?;
        let nobody = || Trouble::new("a server without people");
        let room = rooms.first().cloned().ok_or_else(nobody)?;
        let reader = readers.members.first().cloned().ok_or_else(nobody)?;
        enter(&authors.admin, &room, &reader).await?;
        Ok(Self {
            forms: stage::send_forms(&first_settings, &authors.members, &rooms).await?,
            first,
            first_settings,
            second,
            second_settings,
            room,
            host: authors.admin,
            reader,
            runs: 0,
        })
    }

    /// Writes `count` messages on the first server while the second one runs.
    pub async fn flow(&mut self, count: usize) -> Result<Flow> {
        let last = self.last_mark();
        let began = Instant::now();
        let sending = fire_count(self.first.address, &self.forms, SENDERS, count, &last);
        let (sent, arrived) = tokio::join!(sending, self.has(&last));
        arrived?;
        Ok(Flow {
            per_second: count as f64 / began.elapsed().as_secs_f64(),
            sent_per_second: count as f64 / sent?.as_secs_f64(),
        })
    }

    /// The way of a message from a client of the first server to a WebSocket of the second.
    pub async fn delay(&self, pace: Pace) -> Result<Ways> {
        let token = stage::token(&self.reader).await?;
        let listener = Listener::open(self.second.address, &token).await?;
        delay::measure(self.first.address, &self.forms, vec![listener], pace).await
    }

    /// Stops the second server, writes `count` messages on the first one, and starts the second again.
    pub async fn catch_up(mut self, count: usize) -> Result<CatchUp> {
        let last = self.last_mark();
        self.second.stop().await?;
        fire_count(self.first.address, &self.forms, SENDERS, count, &last).await?;
        let (second, start) = self.second_settings.start().await?;
        self.second = second;
        let began = Instant::now();
        self.has(&last).await?;
        let time = began.elapsed();
        let name = "scaiwave_events_appended_total";
        let received = self.second.counter(name, "federated").await?;
        if received < count as f64 {
            return Err(Trouble(format!(
                "{received} events arrived instead of {count}"
            )));
        }
        let [spent, verified] =
            ["sum", "count"].map(|part| format!("scaiwave_federation_verify_seconds_{part}"));
        let spent = self.second.counter(&spent, "").await?;
        let verified = self.second.counter(&verified, "").await?;
        Ok(CatchUp {
            per_second: count as f64 / time.as_secs_f64(),
            time: start + time,
            verification: spent / verified.max(1.0),
            processor: self.second.processor()?.as_secs_f64() / count as f64,
        })
    }

    fn last_mark(&mut self) -> String {
        self.runs += 1;
        format!("last-{}", self.runs)
    }

    /// Waits until the newest message on the second server begins with `mark`. The first server's log has no gaps and the
    /// marked message is its last, so by then all before it are there.
    async fn has(&self, mark: &str) -> Result<()> {
        let token = stage::token(&self.reader).await?;
        let path = self.room.at("/messages?limit=1");
        let request = http::get(self.second.address, &path, Some(&token));
        let mut connection = Connection::open(self.second.address).await?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let reply = connection.exchange(&request).await?;
            let found = String::from_utf8_lossy(reply.body).contains(&format!("\"{mark} "));
            reply.ok()?;
            if found {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Trouble::new("the second server did not get all events"))
    }
}

async fn allow(admin: &Person, peer: &Settings) -> Result<()> {
    let policy = json!({"allowed_peers": [peer.server_name()]});
    admin
        .put("/v1/admin/federation/policy", policy)
        .await?
        .ok()?;
    Ok(())
}

/// Invites somebody of the other server, who joins as soon as the invitation is there.
pub(super) async fn enter(inviter: &Person, room: &Room, guest: &Person) -> Result<()> {
    let request = json!({"fqid": guest.fqid()});
    inviter.post(room.at("/invite"), request).await?.ok()?;
    let began = Instant::now();
    loop {
        match guest.post(room.at("/join"), json!({})).await?.ok() {
            Ok(_) => return Ok(()),
            Err(stop) if began.elapsed() > Duration::from_secs(30) => return Err(stop.into()),
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}
