//! The end of a play: the network heals, and everybody hears everything.

use std::collections::BTreeSet;

use super::network::{self, Manner};
use super::node::Node;
use super::outcome;
use super::script::{Play, START};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::rooms::judgement_tests::oracle::Misreading;

/// Rounds of the network after it has healed, at most.
const ROUNDS: usize = 60;

impl Play {
    /// The network heals: everybody hears everything from everybody, until nothing changes any more. Then all must agree.
    pub(super) async fn end(&mut self) -> BTreeSet<Misreading> {
        self.cut.clear();
        let latest = self.nodes.iter().map(|node| node.clock.now_ms()).max();
        for node in &self.nodes {
            let behind = latest.unwrap_or(START) - node.clock.now_ms();
            node.clock.advance(behind + 200_000);
        }
        let mut rounds = 0;
        while self.everybody_tells_everybody().await {
            rounds += 1;
            assert!(rounds < ROUNDS, "the servers never come to rest");
        }
        self.note_written().await;
        let shown = outcome::compare(self).await;
        for node in &mut self.nodes {
            node.stop().await;
        }
        shown
    }

    async fn everybody_tells_everybody(&mut self) -> bool {
        let mut moved = false;
        for to in 0..self.nodes.len() {
            if !self.is_here(to).await {
                continue;
            }
            if let Some(liar) = &self.liar {
                let log: Vec<Event> = liar.log.iter().map(|event| (**event).clone()).collect();
                let (name, to, rng) = (&liar.name, &self.nodes[to], &mut self.rng);
                let manner = Manner::Faithful;
                moved |= network::deliver(to, self.room, name, &log, manner, rng).await;
                moved |= network::bring_contents(to, self.room, name, &[log]).await;
            }
            for from in 0..self.nodes.len() {
                if from == to {
                    continue;
                }
                let mut logs = Vec::new();
                for (origin, _) in self.nodes[from].ends(self.room).await {
                    moved |= self.carry(from, to, &origin, Manner::Faithful).await;
                    logs.push(log_of(&self.nodes[from], self.room, &origin).await);
                }
                let (holder, to) = (&self.nodes[from].name, &self.nodes[to]);
                moved |= network::bring_contents(to, self.room, holder, &logs).await;
            }
        }
        moved
    }
}

/// One origin's log as somebody holds it.
pub(super) async fn log_of(holder: &Node, room: RoomId, origin: &ServerName) -> Vec<Event> {
    let log = holder.log(room, origin, 0).await;
    log.iter().map(|placed| (*placed.event).clone()).collect()
}
