//! The scenarios of a server that holds much, and of one that many listen to.

use super::Subject;
use crate::load::footprint;
use crate::load::identity::Identity;
use crate::load::listeners;
use crate::load::server::Settings;
use crate::load::sizes::{self, SMALL, Timed};
use crate::load::town::{Scale, Town};
use crate::load::trouble::Result;

const MOST_GROWTH: f64 = 1.3;
const MOST_SOCKET_KIB: f64 = 20.0;
const MOST_SPREAD_MS: f64 = 250.0;

/// What is timed of a server of some size.
struct Figures {
    operations: Vec<Timed>,
    start_ms: f64,
    verified_per_second: f64,
}

impl Subject<'_> {
    /// The same server when it is small and when it is large.
    pub(super) async fn sizes(&mut self) -> Result<()> {
        let identity = Identity::start().await?;
        let (database, settings) = self.trusting("sizes", &identity).await?;
        let done = self.grown(&settings, identity).await;
        if let Some(database) = database {
            database.remove().await?;
        }
        done
    }

    /// Many people, a socket each, in one room.
    pub(super) async fn sockets(&mut self) -> Result<()> {
        let identity = Identity::start().await?;
        let (database, mut settings) = self.trusting("sockets", &identity).await?;
        settings.reads_little();
        let done = self.heard(&settings, identity).await;
        if let Some(database) = database {
            database.remove().await?;
        }
        done
    }

    async fn trusting(
        &self,
        folder: &str,
        identity: &Identity,
    ) -> Result<(Option<crate::load::database::Database>, Settings)> {
        let database = self.database().await?;
        let url = database.as_ref().map(|database| database.url.as_str());
        let mut settings = Settings::new(&self.plan.server, &self.folder.join(folder), url)?;
        settings.trusts(identity);
        Ok((database, settings))
    }

    async fn grown(&mut self, settings: &Settings, identity: Identity) -> Result<()> {
        let (mut server, _) = settings.start().await?;
        let mut town = Town::found(settings, identity).await?;
        town.grow(SMALL).await?;
        let small;
        (server, small) = self.figures(settings, server, &town, SMALL).await?;
        let scale = self.plan.scale;
        let (rate, time) = town.grow(scale).await?;
        let Scale {
            events,
            people,
            rooms,
            members,
        } = scale;
        let name =
            format!("{events} events, {people} people, {rooms} rooms, {members} in one of them");
        let row = self.row(format!("filling: {name}"), rate, "events/s");
        let note = format!(
            "{:.0} s for the events, by the API with 256 connections",
            time.as_secs_f64()
        );
        self.rows.push(row.note(note));
        let large;
        (server, large) = self.figures(settings, server, &town, scale).await?;
        let (now, most) = server.memory()?;
        let row = self.row("memory of the large server", now, "MiB");
        self.rows.push(row.note(format!(
            "after a start and these requests; most ever {most:.0} MiB"
        )));
        for ((operation, rate), (_, before)) in large.operations.into_iter().zip(small.operations) {
            let growth = rate.p50 / before.p50;
            let row = self
                .timed(format!("{operation}, {events} events"), rate, "/s")
                .ratio("p50 of the small server", rate.p50, before.p50)
                .aim(format!("p50 within {MOST_GROWTH} x"), growth <= MOST_GROWTH)
                .note(format!(
                    "small: p50 {:.2}, p99 {:.2} ms",
                    before.p50, before.p99
                ));
            self.rows.push(row);
        }
        let growth = large.start_ms / small.start_ms;
        let row = self
            .row(format!("start, {events} events"), large.start_ms, "ms")
            .ratio("the small server", large.start_ms, small.start_ms)
            .aim(format!("within {MOST_GROWTH} x"), growth <= MOST_GROWTH);
        self.rows.push(row);
        let (rate, before) = (large.verified_per_second, small.verified_per_second);
        let row = self
            .row(format!("admin verify, {events} events"), rate, "events/s")
            .ratio("the small server", rate, before)
            .aim(
                format!("at least 1/{MOST_GROWTH} x"),
                rate * MOST_GROWTH >= before,
            );
        self.rows.push(row);
        server.stop().await
    }

    /// Everything that is timed; the server starts anew for it.
    async fn figures(
        &self,
        settings: &Settings,
        server: crate::load::server::Server,
        town: &Town,
        scale: Scale,
    ) -> Result<(crate::load::server::Server, Figures)> {
        let (server, start_ms) = footprint::restart(settings, server).await?;
        let operations = sizes::operations(settings.address, town, scale, self.plan.time).await?;
        let (events, time) = settings.verify().await?;
        let figures = Figures {
            operations,
            start_ms,
            verified_per_second: events / time.as_secs_f64(),
        };
        Ok((server, figures))
    }

    async fn heard(&mut self, settings: &Settings, identity: Identity) -> Result<()> {
        let (count, reason) = listeners::allowed(self.plan.sockets).await?;
        let (server, _) = settings.start().await?;
        let mut town = Town::found(settings, identity).await?;
        let scale = Scale {
            events: 0,
            people: count,
            rooms: 0,
            members: count,
        };
        town.grow(scale).await?;
        let heard = listeners::measure(&server, &town, count).await?;
        let (open, after) = heard.memory;
        let (opened, quiet) = heard.opening;
        let mut note = format!(
            "{after:.1} KiB after the messages; all open after {:.1} s, everybody told who is there after {:.1} s",
            opened.as_secs_f64(),
            quiet.as_secs_f64()
        );
        note.extend(reason.map(|reason| format!("; {reason}")));
        let row = self
            .row(format!("memory of a socket, {count} of them"), open, "KiB")
            .aim(
                format!("under {MOST_SOCKET_KIB:.0}"),
                open < MOST_SOCKET_KIB && after < MOST_SOCKET_KIB,
            )
            .note(note);
        self.rows.push(row);
        let (middle, longest) = heard.all;
        let row = self
            .row(
                format!("a message to {count} sockets of one room, until all have it"),
                middle,
                "ms",
            )
            .durations(heard.each.p50, heard.each.p99)
            .aim(
                format!("under {MOST_SPREAD_MS:.0}"),
                middle < MOST_SPREAD_MS,
            )
            .note(format!(
                "the longest of several {longest:.0} ms; {:.0} ms of processor each",
                heard.processor.as_secs_f64() * 1e3
            ));
        self.rows.push(row);
        server.stop().await
    }
}
