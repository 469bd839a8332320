//! What people, the network and the liar do, one step after another, as the seed has it.

use std::collections::BTreeSet;

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;
use uuid::Uuid;

use super::healing::log_of;
use super::liar::Liar;
use super::network::{self, Manner};
use super::node::Node;
use super::room::{invitee, is_joined, make_room, said};
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, ServerName};
use crate::rooms::core::content::{Action, LogPosition, SettingsChange};
use crate::rooms::core::decide::{Command, Joining};
use crate::rooms::core::levels::LevelKey;
use crate::rooms::error::RoomError;
use crate::rooms::timeline::{Act, Asked};

/// When everything begins, in ms.
pub(super) const START: i64 = 1_780_000_000_000;

/// One seed's play.
pub(super) struct Play {
    pub(super) rng: StdRng,
    /// The servers that keep the rules; the first one is the room's host.
    pub(super) nodes: Vec<Node>,
    pub(super) liar: Option<Liar>,
    pub(super) room: RoomId,
    /// Pairs that cannot reach each other, the smaller number first.
    pub(super) cut: BTreeSet<(usize, usize)>,
    people: Vec<Fqid>,
}

impl Play {
    /// Two to five servers, sometimes with a liar, and a room that everybody is asked into.
    pub(super) async fn begin(mut rng: StdRng) -> Play {
        let count = rng.random_range(2..=5);
        let mut nodes = Vec::new();
        for letter in "hbcdefg".chars().take(count) {
            let skew = rng.random_range(-30_000..30_000);
            nodes.push(Node::start(letter, START + skew).await);
        }
        let liar = rng.random_bool(0.5).then(Liar::new);
        let mut people: Vec<Fqid> = nodes.iter().flat_map(|node| node.people.clone()).collect();
        people.extend(liar.iter().map(|liar| liar.person.clone()));
        let room = make_room(&nodes[0]).await;
        let mut play = Play {
            rng,
            nodes,
            liar,
            room,
            cut: BTreeSet::new(),
            people,
        };
        for person in play.people.clone() {
            play.ask_in(&person).await;
        }
        let creator = play.people[0].clone();
        for moderator in 1..3 {
            let target = Some(play.people[moderator].clone());
            play.act(0, &creator, Command::SetLevel { target, level: 50 })
                .await;
        }
        play
    }

    async fn ask_in(&mut self, person: &Fqid) {
        let creator = self.people[0].clone();
        if *person == creator {
            return;
        }
        let target = Some(invitee(person));
        let invite = Command::Invite {
            target,
            reason: None,
        };
        self.act(0, &creator, invite).await;
        if self.rng.random_bool(0.9) {
            self.join(person).await;
        }
    }

    pub(super) async fn run(&mut self) {
        for _ in 0..self.rng.random_range(20..70) {
            self.step().await;
            self.note_written().await;
        }
    }

    async fn step(&mut self) {
        match self.rng.random_range(0..100) {
            0..=29 => self.somebody_speaks().await,
            30..=44 => self.somebody_changes_state().await,
            45..=74 => self.something_arrives().await,
            75..=79 => self.cut_or_mend(),
            80..=84 => self.time_passes(),
            85..=86 => self.restart_one().await,
            87 => self.back_one_up().await,
            88 => self.restore_one().await,
            89 | 90 => self.a_moderator_is_removed_while_it_redacts().await,
            _ => self.the_liar_acts().await,
        }
    }

    fn pick(&mut self, below: usize) -> usize {
        self.rng.random_range(0..below)
    }

    fn somebody(&mut self) -> Fqid {
        let index = self.pick(self.people.len());
        self.people[index].clone()
    }

    fn home_of(&self, person: &Fqid) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.name == *person.server_name())
    }

    fn can_reach(&self, one: usize, other: usize) -> bool {
        one == other || !self.cut.contains(&(one.min(other), one.max(other)))
    }

    async fn somebody_speaks(&mut self) {
        let person = self.somebody();
        let Some(home) = self.home_of(&person) else {
            return;
        };
        let said = self.said();
        if said.is_empty() {
            let content = json!({"body": "the first word"});
            return self.act(home, &person, Command::Send { content }).await;
        }
        let target = said[self.pick(said.len())];
        let command = match self.pick(12) {
            0..=5 => Command::Send {
                content: json!({"body": "hello"}),
            },
            6 => Command::Edit {
                target,
                content: json!({"body": "changed"}),
            },
            7 | 8 => Command::Redact {
                target,
                reason: None,
            },
            9 | 10 => Command::React {
                target,
                emoji: "x".to_owned(),
                action: if self.rng.random_bool(0.7) {
                    Action::Add
                } else {
                    Action::Remove
                },
            },
            _ => Command::Leave { reason: None },
        };
        self.act(home, &person, command).await;
    }

    async fn somebody_changes_state(&mut self) {
        // Mostly who may.
        let person = match self.pick(3) {
            0 => self.somebody(),
            _ => {
                let who = [0, 0, 1, 2][self.pick(4)];
                self.people[who].clone()
            }
        };
        let target = self.somebody();
        if self.rng.random_bool(0.35) {
            return self.join(&target).await;
        }
        let level = [0, 10, 50, 100][self.pick(4)];
        let command = match self.pick(14) {
            0 => Command::Invite {
                target: Some(invitee(&target)),
                reason: None,
            },
            1 | 2 => Command::Kick {
                target: Some(target),
                reason: None,
            },
            3 | 4 => Command::Ban {
                target: Some(target),
                reason: None,
            },
            5 => Command::Unban {
                target: Some(target),
            },
            6 | 7 => Command::SetLevel {
                target: Some(target),
                level,
            },
            8 => {
                let key = [LevelKey::Send, LevelKey::React, LevelKey::Redact][self.pick(3)];
                Command::SetLevels([(key, level)].into())
            }
            9 => Command::SetName("Renamed".to_owned()),
            10 => Command::ChangeSettings(SettingsChange {
                edit_window_seconds: Some(self.rng.random_range(0..4)),
                ..SettingsChange::default()
            }),
            11 => {
                let node = self.pick(self.nodes.len());
                let denied = self.nodes[node].name.clone();
                let denied = match self.rng.random_bool(0.5) {
                    true => vec![denied],
                    false => Vec::new(),
                };
                Command::ChangeSettings(SettingsChange {
                    allowed_servers: Some(Vec::new()),
                    denied_servers: Some(denied),
                    ..SettingsChange::default()
                })
            }
            12 => Command::Archive,
            _ => return self.rejoin(&person).await,
        };
        if let Some(home) = self.home_of(&person) {
            self.act(home, &person, command).await;
        }
    }

    /// The host takes the right away before it hears of the redaction, which some other server may have heard of.
    async fn a_moderator_is_removed_while_it_redacts(&mut self) {
        let (owner, moderator) = (self.people[0].clone(), self.people[2].clone());
        let said = self.said();
        if said.is_empty() {
            return;
        }
        let target = said[self.pick(said.len())];
        let redact = Command::Redact {
            target,
            reason: None,
        };
        self.act(1, &moderator, redact).await;
        let target = Some(moderator);
        let kick = Command::Kick {
            target,
            reason: None,
        };
        self.act(0, &owner, kick).await;
    }

    async fn join(&mut self, person: &Fqid) {
        let joining = self.joining(person).await;
        self.ask_host(person, Command::Join(joining)).await;
    }

    async fn rejoin(&mut self, person: &Fqid) {
        let joining = self.joining(person).await;
        self.ask_host(person, Command::Rejoin(joining)).await;
    }

    async fn joining(&self, person: &Fqid) -> Joining {
        let (key, after) = match self.home_of(person) {
            Some(0) => (None, None),
            Some(home) => {
                let node = &self.nodes[home];
                let ends = node.ends(self.room).await;
                let own = ends.into_iter().find(|(origin, _)| *origin == node.name);
                let after = own.map_or(LogPosition::START, |(_, end)| end);
                (Some(node.public()), Some(after))
            }
            None => {
                let liar = self.liar.as_ref();
                (liar.map(Liar::public), liar.map(Liar::end))
            }
        };
        Joining {
            profile: None,
            key,
            after,
            holds_role: false,
        }
    }

    /// Somebody does something: at home, or through the host where that is who decides.
    async fn act(&mut self, home: usize, person: &Fqid, command: Command) {
        let is_own_affair = matches!(command, Command::Leave { .. }) || !command.is_for_host();
        match home == 0 || is_own_affair {
            true => self.carry_out(home, person, command, None).await,
            false => self.ask_host(person, command).await,
        }
    }

    /// The host's answer brings its log up to the change, and a join the room itself.
    async fn ask_host(&mut self, person: &Fqid, command: Command) {
        let home = self.home_of(person);
        if home == Some(0) {
            return self.carry_out(0, person, command, None).await;
        }
        if home.is_some_and(|home| !self.can_reach(home, 0)) {
            return;
        }
        let asked = Asked {
            server: person.server_name().clone(),
            request_id: Uuid::from_u128(self.rng.random()),
            document: json!({}),
        };
        let is_repeated = self.rng.random_bool(0.1);
        self.carry_out(0, person, command.clone(), Some(asked.clone()))
            .await;
        if is_repeated {
            self.carry_out(0, person, command, Some(asked)).await;
        }
        let Some(home) = home else { return };
        let (host, guest) = (&self.nodes[0], &self.nodes[home]);
        if guest.ends(self.room).await.is_empty() {
            if is_joined(host, self.room, person).await {
                network::begin(guest, self.room, host).await;
                self.nodes[home].drop_backup();
            }
            return;
        }
        let log = log_of(host, self.room, &host.name).await;
        while network::deliver(
            guest,
            self.room,
            &host.name,
            &log,
            Manner::Faithful,
            &mut self.rng,
        )
        .await
        {}
    }

    async fn carry_out(
        &mut self,
        home: usize,
        person: &Fqid,
        command: Command,
        asked: Option<Asked>,
    ) {
        let node = &self.nodes[home];
        let act = Act {
            tenant: node.tenant(),
            room_id: self.room,
            actor: person.clone(),
            command,
            sending: None,
            asked,
            max_foreign: 50,
        };
        // A refusal is an answer like any other.
        if let Err(RoomError::Db(error)) = node.app().timeline().act(act).await {
            panic!("{error}");
        }
    }

    async fn something_arrives(&mut self) {
        let (from, to) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        if from == to || !self.can_reach(from, to) || !self.is_here(to).await {
            return;
        }
        let mut logs = self.nodes[from].ends(self.room).await;
        if logs.is_empty() {
            return;
        }
        let (origin, _) = logs.swap_remove(self.pick(logs.len()));
        let manner = match self.pick(10) {
            0 => Manner::Repeating,
            1 => Manner::Gapped,
            2 | 3 if origin != self.nodes[from].name => Manner::Bare,
            _ => Manner::Faithful,
        };
        self.carry(from, to, &origin, manner).await;
    }

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

    pub(super) async fn is_here(&self, node: usize) -> bool {
        !self.nodes[node].ends(self.room).await.is_empty()
    }

    fn cut_or_mend(&mut self) {
        let (one, other) = (self.pick(self.nodes.len()), self.pick(self.nodes.len()));
        let pair = (one.min(other), one.max(other));
        if one != other && !self.cut.remove(&pair) {
            self.cut.insert(pair);
        }
    }

    /// Mostly for everybody alike; now and then one clock runs away, up to the limit and beyond.
    fn time_passes(&mut self) {
        let by = self.rng.random_range(0..3_000);
        self.nodes.iter().for_each(|node| node.clock.advance(by));
        if self.rng.random_bool(0.2) {
            let node = self.pick(self.nodes.len());
            let by = self.rng.random_range(-70_000..70_000);
            self.nodes[node].clock.advance(by);
        }
    }

    async fn restart_one(&mut self) {
        let node = self.pick(self.nodes.len());
        self.nodes[node].restart().await;
    }

    async fn back_one_up(&mut self) {
        let node = self.pick(self.nodes.len());
        if node != 0 && self.is_here(node).await {
            self.nodes[node].back_up().await;
        }
    }

    /// A restored server takes its own log back from everybody before it writes on. What nobody has is lost.
    async fn restore_one(&mut self) {
        let node = self.pick(self.nodes.len());
        if node == 0 || !self.nodes[node].restore().await {
            return;
        }
        let own = self.nodes[node].name.clone();
        for from in 0..self.nodes.len() {
            if from != node {
                while self.carry(from, node, &own, Manner::Faithful).await {}
            }
        }
        let end = self.nodes[node].end(self.room, &own).await;
        let kept = usize::try_from(end).unwrap();
        self.nodes[node].written.truncate(kept);
    }

    async fn the_liar_acts(&mut self) {
        let Some(liar) = self.liar.as_mut() else {
            return;
        };
        let manner = match self.rng.random_range(0..8) {
            0..=2 => {
                let state: Vec<(i64, Hash)> = self.nodes[0]
                    .written
                    .iter()
                    .filter(|event| event.event_type.is_state())
                    .map(|event| (event.seq, event.hash()))
                    .collect();
                if state.is_empty() {
                    return;
                }
                let said = said(&self.nodes, Some(liar));
                let now = self.nodes[0].clock.now_ms();
                liar.say(self.room, &state, &said, &self.people, now, &mut self.rng);
                return;
            }
            3 => Manner::Forged,
            4 => Manner::Gapped,
            5 => Manner::Bare,
            _ => Manner::Faithful,
        };
        let name = liar.name.clone();
        let own: Vec<Event> = liar.log.iter().map(|event| (**event).clone()).collect();
        let to = self.pick(self.nodes.len());
        if !self.is_here(to).await {
            return;
        }
        // What it relays of others it has changed.
        let (log, manner) = match self.rng.random_bool(0.3) {
            true => {
                let of = self.pick(self.nodes.len());
                let log = &self.nodes[of].written;
                let log = log.iter().map(|event| (**event).clone()).collect();
                (log, Manner::Forged)
            }
            false => (own, manner),
        };
        let to = &self.nodes[to];
        network::deliver(to, self.room, &name, &log, manner, &mut self.rng).await;
    }

    pub(super) async fn note_written(&mut self) {
        for node in &mut self.nodes {
            node.note_written(self.room).await;
        }
    }

    fn said(&self) -> Vec<EventId> {
        said(&self.nodes, self.liar.as_ref())
    }
}
