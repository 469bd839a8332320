//! What becomes of servers: they stop, crash, are put back to a backup, and go over to another key.

use std::collections::BTreeSet;

use serde_json::json;

use super::network::Manner;
use super::script::Play;
use crate::events::core::event_type::EventType;
use crate::rooms::core::decide::Command;

impl Play {
    pub(super) async fn restart_one(&mut self) {
        let node = self.pick(self.nodes.len());
        if !self.nodes[node].is_behind {
            self.nodes[node].restart().await;
        }
    }

    pub(super) async fn rotate_one(&mut self) {
        let node = self.pick(self.nodes.len());
        if self.takes(node).await {
            self.nodes[node].rotate().await;
        }
    }

    /// A server dies while somebody's word waits to be written: nobody was told that it was, and it is gone.
    pub(super) async fn crash_one(&mut self) {
        let node = self.pick(self.nodes.len());
        if !self.takes(node).await {
            return;
        }
        let person = self.nodes[node].people[0].clone();
        let content = json!({"body": "never written"});
        let act = self.act_of(node, &person, Command::Send { content }, None);
        let app = self.nodes[node].app().clone();
        let mut sending = Box::pin(app.timeline().act(act));
        assert!(futures::poll!(sending.as_mut()).is_pending());
        self.nodes[node].crash().await;
    }

    pub(super) async fn back_one_up(&mut self) {
        let node = self.pick(self.nodes.len());
        if self.takes(node).await {
            self.nodes[node].back_up().await;
        }
    }

    /// A server is put back. It asks everybody for its own log before it writes on; what nobody has is lost.
    pub(super) async fn restore_one(&mut self) {
        let node = self.pick(self.nodes.len());
        // What began in the meantime with the host's consent would have no ground any more.
        let is_bound = node == 0 && self.nodes[0].wrote_since_backup(&EventType::ROOM_LOG);
        if is_bound || self.nodes[node].is_behind {
            return;
        }
        let mut others = BTreeSet::new();
        for other in (0..self.nodes.len()).filter(|other| *other != node) {
            for room in self.rooms() {
                if !self.nodes[other].ends(room).await.is_empty() {
                    others.insert(other);
                }
            }
        }
        let rooms = self.rooms();
        if !self.nodes[node].restore(rooms, others).await {
            return;
        }
        if node == 0 {
            // Which requests it has carried out it knows no more, but for those whose events come back.
            self.requests.clear();
            let elsewhere = self.elsewhere.iter_mut();
            elsewhere.for_each(|stage| stage.requests.clear());
        }
        self.the_restored_ask().await;
    }

    /// Restored servers ask whom they can reach for the host's log, which may admit an epoch that they do not remember, and
    /// for their own.
    pub(super) async fn the_restored_ask(&mut self) {
        for node in 0..self.nodes.len() {
            let reached: Vec<usize> = self.nodes[node].unheard.iter().copied().collect();
            for other in reached {
                if !self.can_reach(other, node) {
                    continue;
                }
                let (host, own) = (self.nodes[0].name.clone(), self.nodes[node].name.clone());
                for _ in self.rooms() {
                    for log in [&host, &own] {
                        while self.carry(other, node, log, Manner::Faithful).await {}
                    }
                    self.turn();
                }
                self.nodes[node].unheard.remove(&other);
            }
            let rooms = self.rooms();
            let restored = &mut self.nodes[node];
            if restored.is_behind && restored.unheard.is_empty() {
                restored.catch_up();
                restored.has_moved.set(true);
                for room in rooms {
                    restored.forget_lost(room).await;
                }
            }
        }
    }
}
