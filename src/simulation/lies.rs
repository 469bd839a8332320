//! What the liar does with what it makes up.

use rand::RngExt;
use serde_json::json;
use uuid::Uuid;

use super::liar::Gossip;
use super::network::{self, Manner};
use super::room::said;
use super::script::Play;
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::rooms::core::decide::{Command, Restart};
use crate::rooms::timeline::Asked;

/// Forks in one play, at most: a server keeps evidence of sixteen.
const MOST_FORKS: usize = 5;

impl Play {
    pub(super) async fn the_liar_acts(&mut self) {
        if self.liar.is_none() {
            return;
        }
        match self.rng.random_range(0..25) {
            0..=6 => self.it_lies(),
            7 | 8 => self.it_forks(),
            9 => self.it_floods(),
            10 => self.it_asks_to_begin_anew().await,
            11 => self.it_counterfeits().await,
            12 => self.it_replays_a_request().await,
            13 | 14 => self.it_changes_what_it_relays().await,
            15 => self.it_keeps_back().await,
            _ => self.it_delivers().await,
        }
    }

    /// The host's state events, in their order.
    fn state(&self) -> Vec<(i64, Hash)> {
        let written = self.nodes[0].written(self.room).iter();
        written
            .filter(|event| event.event_type.is_state())
            .map(|event| (event.seq, event.hash()))
            .collect()
    }

    fn with_gossip(
        &mut self,
        act: impl FnOnce(&mut super::liar::Liar, &Gossip<'_>, &mut rand::rngs::StdRng),
    ) {
        // Now and then of another room.
        let said = match self.rng.random_bool(0.1) {
            true => self
                .rooms()
                .into_iter()
                .flat_map(|room| said(&self.nodes, room, None))
                .collect(),
            false => self.said(),
        };
        let gossip = Gossip {
            room_id: self.room,
            state: self.state(),
            said,
            others: &self.people,
            now: self.nodes[0].clock.now_ms(),
        };
        if let Some(liar) = self.liar.as_mut().filter(|_| !gossip.state.is_empty()) {
            act(liar, &gossip, &mut self.rng);
        }
    }

    fn it_lies(&mut self) {
        self.with_gossip(|liar, gossip, rng| liar.say(gossip, rng));
    }

    fn it_floods(&mut self) {
        self.with_gossip(|liar, gossip, rng| liar.flood(gossip, rng));
    }

    fn it_forks(&mut self) {
        self.with_gossip(|liar, gossip, rng| {
            if liar.all().count() > MOST_FORKS || rng.random_bool(0.3) {
                liar.switch(rng);
            } else {
                liar.fork(rng);
            }
            liar.say(gossip, rng);
        });
    }

    /// Nobody has heard what it said lately when a server is put back to a backup, or when it is banned. Then it tells.
    async fn it_keeps_back(&mut self) {
        for _ in 0..self.rng.random_range(1..6) {
            self.it_lies();
        }
        match self.rng.random_bool(0.5) {
            true => self.restore_one().await,
            false => {
                let (owner, liar) = (self.people[0].clone(), self.liar.as_ref());
                let ban = Command::Ban {
                    target: liar.map(|liar| liar.person.clone()),
                    reason: None,
                };
                self.act(0, &owner, ban).await;
            }
        }
        for _ in 0..self.nodes.len() {
            self.it_delivers().await;
        }
    }

    /// Somebody there asks the host to begin the log anew, and the host's admin agrees.
    async fn it_asks_to_begin_anew(&mut self) {
        let Some(liar) = &self.liar else { return };
        if self.nodes[0].is_behind {
            return;
        }
        let restart = liar.restart(&mut self.rng);
        let (person, origin) = (liar.person.clone(), liar.name.clone());
        let asked = Asked {
            server: origin.clone(),
            request_id: Uuid::from_u128(self.rng.random()),
            document: json!({}),
        };
        let ask = Command::AskRestart(restart.clone());
        if self.carry_out(0, &person, ask, Some(asked)).await.is_none() {
            return;
        }
        self.it_begins_anew(restart).await;
    }

    /// The host's admin agrees that the log begins anew.
    pub(super) async fn it_begins_anew(&mut self, restart: Restart) {
        let Some(origin) = self.liar.as_ref().map(|liar| liar.name.clone()) else {
            return;
        };
        let stands_by = restart.stands_by.clone();
        let Some(by) = self.agree(origin, restart).await else {
            return;
        };
        self.note_written().await;
        let mut state = self.state();
        // What rests on a state before counts for nothing there.
        if self.rng.random_bool(0.8) {
            state.retain(|(seq, _)| *seq >= by);
        }
        if let Some(liar) = self.liar.as_mut() {
            liar.begin_anew(self.room, &stands_by, state[0], &mut self.rng);
        }
    }

    /// It signs the next event of an honest log.
    async fn it_counterfeits(&mut self) {
        let (of, to) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        let last = self.nodes[of].written(self.room).last();
        let last = last.filter(|last| last.sender.is_some());
        let (Some(liar), Some(last)) = (&self.liar, last) else {
            return;
        };
        let event = liar.counterfeit(last, &mut self.rng);
        if self.takes(to).await {
            network::receive(&self.nodes[to], self.room, &liar.name, vec![event]).await;
        }
    }

    async fn it_changes_what_it_relays(&mut self) {
        let (of, to) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        let manner = match self.rng.random_bool(0.5) {
            true => Manner::Forged,
            false => Manner::Tampered,
        };
        let is_known = !self.nodes[of].is_behind && to != of;
        if let Some(liar) = self.liar.as_ref().filter(|_| is_known) {
            let log: Vec<Event> = plain(self.nodes[of].written(self.room));
            let name = liar.name.clone();
            self.deliver_to(to, &name, &log, manner).await;
        }
    }

    async fn it_delivers(&mut self) {
        let Some(liar) = &self.liar else { return };
        let branches = liar.all().count();
        let which = match self.rng.random_bool(0.6) {
            true => 0,
            false => self.rng.random_range(0..branches),
        };
        let manner = match self.rng.random_range(0..10) {
            0 => Manner::Forged,
            1 => Manner::Gapped,
            2 => Manner::Bare,
            3 => Manner::Tampered,
            4 => Manner::Repeating,
            5 => Manner::Shuffled,
            _ => Manner::Faithful,
        };
        let log: Vec<Event> = liar
            .all()
            .nth(which)
            .map_or_else(Vec::new, |log| plain(log));
        let name = liar.name.clone();
        let to = self.pick(self.nodes.len());
        self.deliver_to(to, &name, &log, manner).await;
        // Some ask what it has of its log, too, and see where that parts from what they hold.
        if self.rng.random_bool(0.3) && self.takes(to).await {
            network::compare(&self.nodes[to], self.room, &name, &log).await;
        }
    }

    async fn deliver_to(
        &mut self,
        to: usize,
        by: &crate::events::core::names::ServerName,
        log: &[Event],
        manner: Manner,
    ) {
        if self.takes(to).await {
            let to = &self.nodes[to];
            network::deliver(to, self.room, by, log, manner, &mut self.rng).await;
        }
    }
}

/// Events as they travel.
pub(super) fn plain(log: &[crate::events::core::verified::Verified<Event>]) -> Vec<Event> {
    log.iter().map(|event| (**event).clone()).collect()
}
