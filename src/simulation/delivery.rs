//! What arrives where: from whoever can be reached, in partitions and between pairs that do not hear each other.

use rand::RngExt;

use super::network::{self, Manner};
use super::node::Node;
use super::script::Play;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;

impl Play {
    pub(super) fn can_reach(&self, one: usize, other: usize) -> bool {
        let is_parted = !self.groups.is_empty() && self.groups[one] != self.groups[other];
        one == other || !is_parted && !self.cut.contains(&(one.min(other), one.max(other)))
    }

    pub(super) async fn is_here(&self, node: usize) -> bool {
        !self.nodes[node].ends(self.room).await.is_empty()
    }

    /// Whether a server takes what comes: after a restore it does only once all have said what was written since.
    pub(super) async fn takes(&self, node: usize) -> bool {
        !self.nodes[node].is_behind && self.is_here(node).await
    }

    pub(super) async fn something_arrives(&mut self) {
        let (from, to) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        if from == to || !self.can_reach(from, to) || !self.takes(to).await {
            return;
        }
        let mut logs = self.nodes[from].ends(self.room).await;
        if logs.is_empty() {
            return;
        }
        let origin = logs.swap_remove(self.pick(logs.len())).origin;
        let manner = match self.pick(11) {
            0 => Manner::Repeating,
            1 => Manner::Gapped,
            2 => Manner::Shuffled,
            3 | 4 if origin != self.nodes[from].name => Manner::Bare,
            _ => Manner::Faithful,
        };
        self.carry(from, to, &origin, manner).await;
        if self.rng.random_bool(0.2) {
            let (from, to) = (&self.nodes[from], &self.nodes[to]);
            let log = log_of(from, self.room, &origin).await;
            network::compare(to, self.room, &from.name, &log).await;
            network::tell_evidence(from, to).await;
            network::fill_gaps(to, from, self.room, &self.nodes[0].name).await;
        }
    }

    /// The next page of what one server holds of a log. `true`: that log ends elsewhere at the other one now.
    pub(super) async fn carry(
        &mut self,
        from: usize,
        to: usize,
        origin: &ServerName,
        manner: Manner,
    ) -> bool {
        let log = log_of(&self.nodes[from], self.room, origin).await;
        let (deliverer, to) = (&self.nodes[from].name, &self.nodes[to]);
        network::deliver(to, self.room, deliverer, &log, manner, &mut self.rng).await
    }

    pub(super) fn cut_or_mend(&mut self) {
        let (one, other) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        let pair = (one.min(other), one.max(other));
        if one != other && !self.cut.remove(&pair) {
            self.cut.insert(pair);
        }
    }

    /// The network falls into groups that hear only each other, or becomes one again.
    pub(super) fn part_or_unite(&mut self) {
        match self.groups.is_empty() {
            true => {
                let parts = self.rng.random_range(2..=3);
                let groups = self.nodes.iter().map(|_| self.rng.random_range(0..parts));
                self.groups = groups.collect();
            }
            false => self.groups.clear(),
        }
    }
}

/// One origin's log as somebody holds it.
pub(super) async fn log_of(holder: &Node, room: RoomId, origin: &ServerName) -> Vec<Event> {
    let log = holder.log(room, origin).await;
    log.iter().map(|placed| (*placed.event).clone()).collect()
}
