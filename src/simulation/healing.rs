//! The end of a play: the network heals, and everybody hears everything.

use sqlx::Row;

use super::delivery::log_of;
use super::lies::plain;
use super::network::{self, Manner};
use super::node::Node;
use super::outcome::{self, Outcome};
use super::script::{Play, START};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;

/// Rounds of the network after it has healed, at most.
const ROUNDS: usize = 60;

impl Play {
    /// The network heals: everybody hears everything from everybody, until nothing changes any more. A log that is frozen
    /// then begins anew, as the host's admin agrees. Then all must agree.
    pub(super) async fn end(&mut self) -> Outcome {
        self.cut.clear();
        self.groups.clear();
        // Some clocks were put right after something had been written by them.
        let clocks = self.nodes.iter().map(|node| node.clock.now_ms());
        let written = self.nodes.iter().flat_map(Node::all_written);
        let latest = clocks.chain(written.map(|event| event.ts)).max();
        for node in &self.nodes {
            let behind = latest.unwrap_or(START) - node.clock.now_ms();
            node.clock.advance(behind + 200_000);
        }
        self.the_restored_ask().await;
        for _ in self.rooms() {
            self.come_to_rest().await;
            if self.all_have_frozen().await {
                self.settle().await;
                self.come_to_rest().await;
            }
            self.turn();
        }
        self.note_written().await;
        let mut outcome = Outcome::default();
        for _ in self.rooms() {
            outcome::show(self).await;
            self.turn();
        }
        for _ in self.rooms() {
            outcome::compare(self, &mut outcome).await;
            self.turn();
        }
        for node in &mut self.nodes {
            node.stop().await;
        }
        outcome
    }

    async fn come_to_rest(&mut self) {
        let mut rounds = 0;
        while self.everybody_tells_everybody().await {
            rounds += 1;
            assert!(rounds < ROUNDS, "the servers never come to rest");
        }
    }

    async fn everybody_tells_everybody(&mut self) -> bool {
        let mut moved = false;
        for to in 0..self.nodes.len() {
            if !self.is_here(to).await {
                continue;
            }
            moved |= self.the_liar_tells(to).await;
            for from in (0..self.nodes.len()).filter(|from| *from != to) {
                moved |= self.tell(from, to).await;
            }
        }
        moved
    }

    async fn tell(&mut self, from: usize, to: usize) -> bool {
        let mut moved = false;
        if self.liar.is_some() {
            moved |= network::tell_evidence(&self.nodes[from], &self.nodes[to]).await;
        }
        let held = self.nodes[to].ends(self.room).await;
        for end in self.nodes[from].ends(self.room).await {
            if !held.contains(&end) {
                let log = log_of(&self.nodes[from], self.room, &end.origin).await;
                moved |= self.bring(&self.nodes[from].name.clone(), to, &log).await;
            }
        }
        let host = &self.nodes[0].name;
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        moved |= network::fill_gaps(to, from, self.room, host).await;
        let mut logs = Vec::new();
        for origin in network::lacks_contents_of(to, self.room, &from.name).await {
            logs.push(log_of(from, self.room, &origin).await);
        }
        moved | network::bring_contents(to, self.room, &from.name, &logs).await
    }

    /// It gives everything that it has ever signed to everybody.
    async fn the_liar_tells(&mut self, to: usize) -> bool {
        let Some(liar) = &self.liar else {
            return false;
        };
        let name = liar.name.clone();
        let branches: Vec<Vec<Event>> = liar.all().map(|branch| plain(branch)).collect();
        let mut moved = false;
        for branch in &branches {
            moved |= self.bring(&name, to, branch).await;
        }
        moved | network::bring_contents(&self.nodes[to], self.room, &name, &branches).await
    }

    /// Brings a log to its end, or to where it parts from the one that is there.
    async fn bring(
        &mut self,
        by: &crate::events::core::names::ServerName,
        to: usize,
        log: &[Event],
    ) -> bool {
        let mut moved = false;
        let to = &self.nodes[to];
        loop {
            let manner = Manner::Faithful;
            while network::deliver(to, self.room, by, log, manner, &mut self.rng).await {
                moved = true;
            }
            if !network::compare(to, self.room, by, log).await {
                return moved;
            }
            moved = true;
        }
    }

    /// Whether the liar's log is forked. Then all have frozen it, and show nothing of it from there on.
    async fn all_have_frozen(&self) -> bool {
        let Some(liar) = self.liar.as_ref().filter(|liar| !liar.branches.is_empty()) else {
            return false;
        };
        // As long as it has not joined, nobody knows the liar's key, and nothing of it is taken.
        if self.nodes[0].log_end(self.room, &liar.name).await.is_none() {
            return false;
        }
        for node in &self.nodes {
            if let Some(end) = node.log_end(self.room, &liar.name).await {
                let forked_at = end.forked_at.expect("a log is forked and not frozen");
                assert_eq!(
                    counting(node, self.room, (end.epoch, forked_at)).await,
                    0,
                    "{}",
                    node.name
                );
            }
        }
        true
    }

    async fn settle(&mut self) {
        if let Some(liar) = &self.liar {
            let restart = liar.restart(&mut self.rng);
            self.it_begins_anew(restart).await;
        }
        let settled = self.liar.as_ref().map(|liar| liar.branches.is_empty());
        assert_eq!(settled, Some(true), "the fork is not settled");
    }
}

/// How many events of the liar's timeline count or wait from a place on.
async fn counting(node: &Node, room: RoomId, (epoch, seq): (i64, i64)) -> i64 {
    let sql = "SELECT COUNT(*) AS many FROM events WHERE origin = 'z.example' AND room_id = $3 AND kind = 0
        AND (epoch > $1 OR (epoch = $1 AND seq >= $2)) AND (shown <> 0 OR verdict IN ('valid', 'wait'))";
    let row = sqlx::query(sql)
        .bind(epoch)
        .bind(seq)
        .bind(room.to_string());
    let row = row.fetch_one(node.app().db().reader()).await.unwrap();
    row.get("many")
}
