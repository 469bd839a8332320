//! One seed's play: what people, the network, the machines and the liar do, one step after another.

use std::collections::{BTreeSet, VecDeque};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::liar::Liar;
use super::node::{Node, Template};
use super::people::Request;
use super::room::{make_room, said};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::rooms::core::decide::Command;

/// When everything begins, in ms.
pub(super) const START: i64 = 1_780_000_000_000;

/// One seed's play.
pub(super) struct Play {
    pub(super) rng: StdRng,
    /// The servers that keep the rules; the first one is the room's host.
    pub(super) nodes: Vec<Node>,
    /// The room in which something happens now, with its liar.
    pub(super) room: RoomId,
    pub(super) liar: Option<Liar>,
    /// Pairs that cannot reach each other, the smaller number first.
    pub(super) cut: BTreeSet<(usize, usize)>,
    /// In a partition: each server's group.
    pub(super) groups: Vec<usize>,
    pub(super) people: Vec<Fqid>,
    /// What the host was asked there and has carried out.
    pub(super) requests: Vec<Request>,
    /// The other rooms of the same servers.
    pub(super) elsewhere: VecDeque<Stage>,
}

/// A room in which nothing happens for the moment.
pub(super) struct Stage {
    pub(super) room: RoomId,
    liar: Option<Liar>,
    pub(super) requests: Vec<Request>,
}

impl Play {
    /// Two to eight servers, sometimes with a liar, and a room or two that everybody is asked into.
    pub(super) async fn begin(template: &Template, seed: u64) -> Play {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = match rng.random_bool(0.85) {
            true => rng.random_range(2..=4),
            false => rng.random_range(5..=8),
        };
        let mut nodes = Vec::new();
        for letter in "hbcdefgi".chars().take(count) {
            let skew = skew(&mut rng);
            let node = Node::start(template, letter, START + skew, rng.random());
            nodes.push(node.await);
        }
        let liar = rng.random_bool(0.6).then(|| Liar::new(&mut rng));
        let mut people: Vec<Fqid> = nodes.iter().flat_map(|node| node.people.clone()).collect();
        people.extend(liar.iter().map(|liar| liar.person.clone()));
        let room = make_room(&nodes[0], 0).await;
        let mut elsewhere = VecDeque::new();
        if rng.random_bool(0.2) {
            elsewhere.push_back(Stage {
                room: make_room(&nodes[0], 1).await,
                liar: liar.clone(),
                requests: Vec::new(),
            });
        }
        let mut play = Play {
            rng,
            nodes,
            liar,
            room,
            cut: BTreeSet::new(),
            groups: Vec::new(),
            people,
            requests: Vec::new(),
            elsewhere,
        };
        for _ in play.rooms() {
            play.begin_room().await;
            play.turn();
        }
        play
    }

    async fn begin_room(&mut self) {
        for person in self.people.clone() {
            self.ask_in(&person).await;
        }
        let creator = self.people[0].clone();
        for moderator in 1..3 {
            let target = Some(self.people[moderator].clone());
            self.act(0, &creator, Command::SetLevel { target, level: 50 })
                .await;
        }
    }

    /// All rooms, the one in which something happens now first.
    pub(super) fn rooms(&self) -> Vec<RoomId> {
        let elsewhere = self.elsewhere.iter().map(|stage| stage.room);
        std::iter::once(self.room).chain(elsewhere).collect()
    }

    /// Goes on with the next room. After as many turns as there are rooms it is the same one again.
    pub(super) fn turn(&mut self) {
        let Some(mut stage) = self.elsewhere.pop_front() else {
            return;
        };
        std::mem::swap(&mut self.room, &mut stage.room);
        std::mem::swap(&mut self.liar, &mut stage.liar);
        std::mem::swap(&mut self.requests, &mut stage.requests);
        self.elsewhere.push_back(stage);
    }

    pub(super) async fn run(&mut self) {
        for _ in 0..self.rng.random_range(12..40) {
            if self.rng.random_bool(0.3) {
                self.turn();
            }
            self.step().await;
            self.the_restored_ask().await;
            self.note_written().await;
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..=26 => self.somebody_speaks().await,
            27..=39 => self.somebody_changes_state().await,
            40..=65 => self.something_arrives().await,
            66..=68 => self.cut_or_mend(),
            69 | 70 => self.part_or_unite(),
            71..=74 => self.time_passes(),
            75 => self.restart_one().await,
            76 => self.crash_one().await,
            77 => self.back_one_up().await,
            78 => self.restore_one().await,
            79 | 80 => self.a_moderator_is_removed_while_it_redacts().await,
            81 => self.somebody_begins_anew().await,
            82 => self.rotate_one().await,
            _ => self.the_liar_acts().await,
        }
    }

    pub(super) fn pick(&mut self, below: usize) -> usize {
        self.rng.random_range(0..below)
    }

    pub(super) fn somebody(&mut self) -> Fqid {
        let index = self.pick(self.people.len());
        self.people[index].clone()
    }

    pub(super) fn home_of(&self, person: &Fqid) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.name == *person.server_name())
    }

    pub(super) fn is_liars(&self, origin: &ServerName) -> bool {
        let liar = self.liar.as_ref();
        liar.is_some_and(|liar| liar.name == *origin)
    }

    /// Mostly for everybody alike; now and then one clock runs away, up to the limit and beyond, or is put right.
    fn time_passes(&mut self) {
        let by = self.rng.random_range(0..3_000);
        self.nodes.iter().for_each(|node| node.clock.advance(by));
        if self.rng.random_bool(0.3) {
            let (node, other) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
            let right = self.nodes[other].clock.now_ms();
            let by = match self.rng.random_bool(0.3) {
                true => right - self.nodes[node].clock.now_ms(),
                false => skew(&mut self.rng),
            };
            self.nodes[node].clock.advance(by);
        }
    }

    pub(super) async fn note_written(&mut self) {
        let rooms = self.rooms();
        for node in &mut self.nodes {
            node.note_written(&rooms).await;
        }
    }

    pub(super) fn said(&self) -> Vec<EventId> {
        said(&self.nodes, self.room, self.liar.as_ref())
    }
}

/// How far a clock may be off, in ms: others follow it by 5 s, and take nothing from more than 60 s ahead.
fn skew(rng: &mut StdRng) -> i64 {
    match rng.random_range(0..10) {
        0..=4 => rng.random_range(-5_000..5_000),
        5..=7 => rng.random_range(-61_000..61_000),
        8 => [-60_000, 59_999, 60_000, 60_001][rng.random_range(0..4)],
        _ => rng.random_range(-600_000..600_000),
    }
}
