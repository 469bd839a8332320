//! The scenarios of many servers and of many rooms.

use std::time::Duration;

use super::{Row, Subject};
use crate::load::federation::Pair;
use crate::load::many_rooms::Return;
use crate::load::peers::{Crowd, Spread};
use crate::load::trouble::Result;

/// Messages that are spread over many servers as fast as they are acknowledged.
const SPREAD: usize = 500;
/// Messages a second that are written in a room of many servers at a steady pace.
const PACE: u32 = 5;

impl Subject<'_> {
    /// A room of many servers, and one of a quarter of them: what an event costs for each must not depend on their number.
    pub(super) async fn many_servers(&mut self) -> Result<()> {
        let few = self.with_peers(self.plan.peers / 4).await?;
        let many = self.with_peers(self.plan.peers).await?;
        let (first, paced) = many;
        let peers = self.plan.peers;
        let (row, few_spread) = (self.spread(peers, first), few.0);
        let row = row.ratio(
            "the processor time with a quarter of them",
            first.processor,
            few_spread.processor,
        );
        self.rows.push(row);
        let (rate, processor) = paced;
        let row = self
            .timed(
                format!("one room, {peers} stand-in peers, {PACE} msg/s until each has it"),
                rate,
                "deliveries/s",
            )
            .note(format!(
                "{:.0} us of processor for each event and peer",
                processor * 1e6
            ));
        self.rows.push(row);
        Ok(())
    }

    async fn with_peers(
        &mut self,
        peers: usize,
    ) -> Result<(Spread, (crate::load::sends::Rate, f64))> {
        let database = self.database().await?;
        let url = database.as_ref().map(|database| database.url.as_str());
        let folder = self.folder.join(format!("peers-{peers}"));
        let done = async {
            let crowd = Crowd::gather(&self.plan.server, &folder, url, peers).await?;
            let paced = crowd.pace(PACE, self.plan.time).await?;
            let spread = crowd.spread(SPREAD).await?;
            crowd.stop().await?;
            Ok((spread, paced))
        };
        let done = done.await;
        if let Some(database) = database {
            database.remove().await?;
        }
        done
    }

    fn spread(&self, peers: usize, spread: Spread) -> Row {
        let deliveries = ((SPREAD + 1) * peers) as f64;
        self.row(
            format!("one room, {peers} stand-in peers, {SPREAD} events at once"),
            spread.per_second,
            "deliveries/s",
        )
        .note(format!(
            "{:.0} us of processor for each event and peer, {:.1} events a request, acknowledged meanwhile {:.0} msg/s",
            spread.processor * 1e6,
            deliveries / spread.requests.max(1) as f64,
            spread.sent_per_second
        ))
    }

    /// Two servers with many rooms in common, after one was away, and when nothing happened meanwhile.
    pub(super) async fn rooms(&mut self, urls: [Option<&str>; 2]) -> Result<()> {
        let folder = self.folder.join("rooms");
        let mut pair = Pair::start(&self.plan.server, &folder, urls).await?;
        let rooms = pair.share(self.plan.rooms).await?;
        let count = rooms.len();
        let back = pair.comes_back(&rooms).await?;
        let idle = pair.comes_back(&[]).await?;
        let name = format!("{count} shared rooms, a message in each while one server was away");
        self.came_back(name, back.until_equal, back);
        let name = format!("{count} shared rooms, compared although nothing happened");
        self.came_back(name, idle.until_equal + idle.until_quiet, idle);
        Ok(())
    }

    fn came_back(&mut self, name: String, time: Duration, back: Return) {
        let row = self.row(name, time.as_secs_f64(), "s").note(format!(
            "{:.0} requests between the two, the last one after {:.1} s; {:.2} s of processor in both",
            back.requests,
            (back.until_equal + back.until_quiet).as_secs_f64(),
            back.processor.as_secs_f64()
        ));
        self.rows.push(row);
    }
}
