//! All scenarios on one kind of database, each figure beside its yardsticks and its aim.

mod federated;
mod sized;

use std::path::PathBuf;
use std::time::Duration;

use super::database::Database;
use super::delay::{self, Pace, Ways};
use super::federation::Pair;
use super::footprint;
use super::http::Form;
use super::plan::{Part, Plan, Yardsticks, timed, volley};
use super::report::Row;
use super::sends::{self, Rate};
use super::server::{Server, Settings};
use super::socket::Listener;
use super::stage::{self, People};
use super::trouble::Result;

/// Accounts on the server under load, all of them in each room.
const MEMBERS: usize = 16;
/// Rooms on the server under load.
const ROOMS: usize = 8;
/// Pace of the delay scenario, in messages a second.
const PACE: u32 = 500;
/// Pace of the delay scenario between two servers.
const FEDERATED_PACE: u32 = 200;

const MOST_FSYNCS: f64 = 3.0;
const LEAST_SENDS: f64 = 8000.0;
const MOST_DELAY_MS: f64 = 5.0;
const MOST_IDLE_MIB: f64 = 40.0;
const MOST_START_MS: f64 = 300.0;
const LEAST_FEDERATED: f64 = 3000.0;
const LEAST_CATCH_UP: f64 = 10_000.0;
const MOST_JOIN_MS: f64 = 1000.0;

/// A kind of database under measurement.
pub(super) struct Subject<'a> {
    plan: &'a Plan,
    name: &'static str,
    folder: PathBuf,
    commits: Rate,
    yardsticks: &'a Yardsticks,
    rows: &'a mut Vec<Row>,
}

impl<'a> Subject<'a> {
    /// `commits`: what the database does without a server, one row a commit.
    pub(super) fn new(
        plan: &'a Plan,
        name: &'static str,
        commits: Rate,
        yardsticks: &'a Yardsticks,
        rows: &'a mut Vec<Row>,
    ) -> Self {
        Self {
            plan,
            name,
            folder: plan.folder.join(name),
            commits,
            yardsticks,
            rows,
        }
    }

    /// Runs the chosen parts; what fails becomes a row that says why.
    pub(super) async fn measure(mut self) {
        let alone = [Part::Send, Part::Delay];
        if self.plan.parts.iter().any(|part| alone.contains(part)) {
            let done = self.one_server().await;
            self.explain("one server", done);
        }
        let of_two = [
            (Part::Federation, "two servers"),
            (Part::Join, "joining"),
            (Part::Rooms, "many rooms"),
        ];
        for (part, name) in of_two {
            if self.plan.parts.contains(&part) {
                let done = self.two_servers(part).await;
                self.explain(name, done);
            }
        }
        if self.plan.parts.contains(&Part::Peers) {
            let done = self.many_servers().await;
            self.explain("a room of many servers", done);
        }
        if self.plan.parts.contains(&Part::Sizes) {
            let done = self.sizes().await;
            self.explain("a large server", done);
        }
        if self.plan.parts.contains(&Part::Sockets) {
            let done = self.sockets().await;
            self.explain("many sockets", done);
        }
    }

    fn explain(&mut self, scenario: &str, done: Result<()>) {
        if let Err(trouble) = done {
            self.rows
                .push(Row::new(scenario, self.name, None, "").note(trouble.0));
        }
    }

    fn row(&self, scenario: impl Into<String>, value: f64, unit: &'static str) -> Row {
        Row::new(scenario, self.name, Some(value), unit)
    }

    fn timed(&self, scenario: impl Into<String>, rate: Rate, unit: &'static str) -> Row {
        timed(scenario, self.name, rate, unit)
    }

    /// A new database, where the subject has one outside the data folder.
    async fn database(&self) -> Result<Option<Database>> {
        match &self.plan.postgres {
            Some(server) if self.name == "postgres" => Database::create(server).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn one_server(&mut self) -> Result<()> {
        let database = self.database().await?;
        let url = database.as_ref().map(|database| database.url.as_str());
        let settings = Settings::new(&self.plan.server, &self.folder.join("one"), url)?;
        let done = self.scenarios(&settings).await;
        if let Some(database) = database {
            database.remove().await?;
        }
        done
    }

    async fn scenarios(&mut self, settings: &Settings) -> Result<()> {
        let (mut server, first_start) = settings.start().await?;
        let sends = self.plan.parts.contains(&Part::Send);
        if sends {
            let ms = first_start.as_secs_f64() * 1000.0;
            self.rows
                .push(self.row("first start, creates everything", ms, "ms"));
            server = self.start(settings, server, "start, empty").await?;
            self.idle(&server).await?;
        }
        let people = People::gather(settings, MEMBERS).await?;
        let rooms = people.rooms(ROOMS).await?;
        let forms = stage::send_forms(settings, &people.members, &rooms).await?;
        if self.plan.parts.contains(&Part::Delay) {
            // The last member sends, the others listen.
            let sender = people.members.get(MEMBERS - 1..).unwrap_or_default();
            let forms = stage::send_forms(settings, sender, &rooms).await?;
            for listeners in [1, MEMBERS - 1] {
                self.delay(&server, &people, &forms, listeners).await?;
            }
        }
        if sends {
            for &connections in &self.plan.connections {
                self.sends(&server, &forms, connections).await?;
            }
            self.loaded(&server)?;
            server = self
                .start(settings, server, "start, after the load")
                .await?;
        }
        server.stop().await
    }

    async fn start(
        &mut self,
        settings: &Settings,
        server: Server,
        scenario: &str,
    ) -> Result<Server> {
        let (server, ms) = footprint::restart(settings, server).await?;
        let row = self
            .row(scenario, ms, "ms")
            .aim(format!("under {MOST_START_MS:.0}"), ms < MOST_START_MS);
        self.rows.push(row);
        Ok(server)
    }

    async fn idle(&mut self, server: &Server) -> Result<()> {
        let mib = footprint::idle_memory(server).await?;
        let row = self
            .row("memory, idle", mib, "MiB")
            .aim(format!("under {MOST_IDLE_MIB:.0}"), mib < MOST_IDLE_MIB);
        self.rows.push(row);
        Ok(())
    }

    fn loaded(&mut self, server: &Server) -> Result<()> {
        let (now, most) = server.memory()?;
        let row = self
            .row("memory, after the load", now, "MiB")
            .note(format!("most ever {most:.0} MiB"));
        self.rows.push(row);
        Ok(())
    }

    async fn sends(&mut self, server: &Server, forms: &[Form], connections: usize) -> Result<()> {
        let used = server.processor()?;
        let rate = sends::fire(server.address, forms, volley(self.plan, connections)).await?;
        let used = server.processor()? - used;
        let mut row = self
            .timed(format!("send, {connections} connections"), rate, "msg/s")
            .ratio("one row a commit", rate.per_second, self.commits.per_second)
            .note(processor_note(used, rate, self.plan));
        if let Some(floor) = self.yardsticks.http(connections) {
            row = row.ratio("loopback HTTP", rate.per_second, floor.per_second);
            if connections == 1 {
                let least = self.yardsticks.fsync.p50 + floor.p50;
                let times = rate.p50 / least;
                row = row.ratio("p50 of fdatasync + HTTP", rate.p50, least).aim(
                    format!("p50 within {MOST_FSYNCS:.0} x"),
                    times <= MOST_FSYNCS,
                );
            }
        }
        if connections == 64 {
            row = row.aim(
                format!("at least {LEAST_SENDS:.0}"),
                rate.per_second >= LEAST_SENDS,
            );
        }
        self.rows.push(row);
        Ok(())
    }

    async fn delay(
        &mut self,
        server: &Server,
        people: &People,
        forms: &[Form],
        listeners: usize,
    ) -> Result<()> {
        let mut open = Vec::with_capacity(listeners);
        for person in people.members.iter().take(listeners) {
            let token = stage::token(person).await?;
            open.push(Listener::open(server.address, &token).await?);
        }
        let pace = Pace {
            per_second: PACE,
            time: self.plan.time,
        };
        let ways = delay::measure(server.address, forms, open, pace).await?;
        let scenario = format!("send to WebSocket, {PACE} msg/s, {listeners} sockets");
        let p99 = ways.seen.p99;
        let row = self.way(scenario, ways);
        let row = row.aim(
            format!("p99 under {MOST_DELAY_MS:.0} ms"),
            p99 < MOST_DELAY_MS,
        );
        self.rows.push(row);
        Ok(())
    }

    fn way(&self, scenario: String, ways: Ways) -> Row {
        let row = self.timed(scenario, ways.seen, "frames/s").note(format!(
            "acknowledged p50 {:.2}, p99 {:.2} ms",
            ways.acknowledged.p50, ways.acknowledged.p99
        ));
        match self.yardsticks.http(1) {
            Some(floor) => {
                let least = self.yardsticks.fsync.p50 + floor.p50;
                row.ratio("p50 of fdatasync + HTTP", ways.seen.p50, least)
            }
            None => row,
        }
    }

    async fn two_servers(&mut self, part: Part) -> Result<()> {
        let databases = [self.database().await?, self.database().await?];
        let urls = databases
            .each_ref()
            .map(|database| database.as_ref().map(|database| database.url.as_str()));
        let done = match part {
            Part::Join => self.join(urls).await,
            Part::Rooms => self.rooms(urls).await,
            _ => self.pair(urls).await,
        };
        for database in databases.into_iter().flatten() {
            database.remove().await?;
        }
        done
    }

    async fn join(&mut self, urls: [Option<&str>; 2]) -> Result<()> {
        let folder = self.folder.join("join");
        let pair = Pair::start(&self.plan.server, &folder, urls).await?;
        let (people, events) = (self.plan.people, self.plan.history);
        let [young, old] = pair.joins(people, [0, events]).await?;
        let [young, old] = [young, old].map(|time| time.as_secs_f64() * 1e3);
        let scenario = format!("join a room of {people} people and {events} more messages");
        let row = self
            .row(scenario, old, "ms")
            .ratio("the same without those", old, young)
            .aim(format!("under {MOST_JOIN_MS:.0} ms"), old < MOST_JOIN_MS);
        self.rows.push(row);
        Ok(())
    }

    async fn pair(&mut self, urls: [Option<&str>; 2]) -> Result<()> {
        let folder = self.folder.join("pair");
        let mut pair = Pair::start(&self.plan.server, &folder, urls).await?;
        let pace = Pace {
            per_second: FEDERATED_PACE,
            time: self.plan.time,
        };
        let ways = pair.delay(pace).await?;
        let scenario = format!("send to WebSocket of a peer, {FEDERATED_PACE} msg/s");
        self.rows.push(self.way(scenario, ways));
        let events = self.plan.events;
        let flow = pair.flow(events).await?;
        let verify = self.yardsticks.verify.per_second;
        let row = self
            .row(
                format!("federated flow, {events} events"),
                flow.per_second,
                "events/s",
            )
            .ratio("Ed25519 strict verify", flow.per_second, verify)
            .aim(
                format!("at least {LEAST_FEDERATED:.0}"),
                flow.per_second >= LEAST_FEDERATED,
            )
            .note(format!(
                "acknowledged meanwhile {:.0} msg/s",
                flow.sent_per_second
            ));
        self.rows.push(row);
        let events = self.plan.absence;
        let caught = pair.catch_up(events).await?;
        let verifies = caught.verification * verify;
        let row = self
            .row(
                format!("catch-up, {events} events"),
                caught.per_second,
                "events/s",
            )
            .ratio("Ed25519 strict verify", caught.per_second, verify)
            .aim(
                format!("at least {LEAST_CATCH_UP:.0}"),
                caught.per_second >= LEAST_CATCH_UP,
            )
            .note(format!(
                "{:.2} s from the start of the process; {:.0} us of processor each, {:.0} of them to verify: {verifies:.2} \
                 strict verifications",
                caught.time.as_secs_f64(),
                caught.processor * 1e6,
                caught.verification * 1e6,
            ));
        self.rows.push(row);
        Ok(())
    }
}

/// What the server's own processor time comes to for each message, warm-up included.
fn processor_note(used: Duration, rate: Rate, plan: &Plan) -> String {
    let whole = plan.time + volley(plan, 1).warm_up;
    let messages = rate.per_second * whole.as_secs_f64();
    let each = used.as_secs_f64() * 1e6 / messages.max(1.0);
    format!("{each:.0} us of processor each in the server")
}
