//! What people do: they speak, come and go, and give and take rights, at home or by way of the room's host.

use rand::RngExt;
use serde_json::json;
use uuid::Uuid;

use super::liar::Liar;
use super::network::{self, Manner};
use super::room::{invitee, is_joined};
use super::script::Play;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::core::names::{Fqid, ServerName};
use crate::rooms::core::content::{Action, SettingsChange};
use crate::rooms::core::decide::{Command, Joining, Restart};
use crate::rooms::core::levels::LevelKey;
use crate::rooms::error::RoomError;
use crate::rooms::timeline::{Act, Asked, Outcome};

/// A request that the host has carried out, and the events that it answered with.
pub(super) struct Request {
    person: Fqid,
    command: Command,
    asked: Asked,
    events: Vec<EventId>,
}

fn ids(outcome: &Outcome) -> Vec<EventId> {
    let events = outcome.events.iter();
    events.map(|placed| placed.event.event_id).collect()
}

impl Play {
    pub(super) async fn ask_in(&mut self, person: &Fqid) {
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

    pub(super) async fn somebody_speaks(&mut self) {
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

    pub(super) async fn somebody_changes_state(&mut self) {
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
    pub(super) async fn a_moderator_is_removed_while_it_redacts(&mut self) {
        let (owner, moderator) = (self.people[0].clone(), self.people[2].clone());
        let content = json!({"body": "soon redacted"});
        let said = self.carry_out(0, &owner, Command::Send { content }, None);
        let Some(target) = said.await.and_then(|said| ids(&said).first().copied()) else {
            return;
        };
        if self.can_reach(0, 1) && self.takes(1).await {
            let host = self.nodes[0].name.clone();
            while self.carry(0, 1, &host, Manner::Faithful).await {}
        }
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
                let after = node.head(self.room, &node.name).await;
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
    pub(super) async fn act(&mut self, home: usize, person: &Fqid, command: Command) {
        let is_own_affair = matches!(command, Command::Leave { .. }) || !command.is_for_host();
        match home == 0 || is_own_affair {
            true => {
                self.carry_out(home, person, command, None).await;
            }
            false => {
                self.ask_host(person, command).await;
            }
        }
    }

    /// The host's answer brings its log up to the change, and a join the room itself. `true`: it is done.
    async fn ask_host(&mut self, person: &Fqid, command: Command) -> bool {
        let home = self.home_of(person);
        if home == Some(0) {
            return self.carry_out(0, person, command, None).await.is_some();
        }
        if home.is_some_and(|home| !self.can_reach(home, 0) || self.nodes[home].is_behind) {
            return false;
        }
        let asked = Asked {
            server: person.server_name().clone(),
            request_id: Uuid::from_u128(self.rng.random()),
            document: json!({}),
        };
        let is_done = self.request(person, command, asked).await;
        if self.rng.random_bool(0.1) {
            self.replay_a_request(self.requests.len().saturating_sub(1))
                .await;
        }
        let Some(home) = home else { return is_done };
        let (host, guest) = (&self.nodes[0], &self.nodes[home]);
        if guest.ends(self.room).await.is_empty() {
            if is_joined(host, self.room, person).await {
                let is_long = self.rng.random_bool(0.5);
                network::begin(guest, self.room, host, is_long).await;
                self.nodes[home].drop_backup();
            }
            return is_done;
        }
        while self
            .carry(0, home, &self.nodes[0].name.clone(), Manner::Faithful)
            .await
        {}
        is_done
    }

    async fn request(&mut self, person: &Fqid, command: Command, asked: Asked) -> bool {
        let done = self.carry_out(0, person, command.clone(), Some(asked.clone()));
        let Some(outcome) = done.await else {
            return false;
        };
        self.requests.push(Request {
            person: person.clone(),
            command,
            asked,
            events: ids(&outcome),
        });
        true
    }

    /// A request that was carried out comes again, however much later: nothing happens, and the answer is the first one.
    pub(super) async fn replay_a_request(&mut self, which: usize) {
        let Some(request) = self.requests.get(which) else {
            return;
        };
        let (person, asked) = (request.person.clone(), request.asked.clone());
        let (command, events) = (request.command.clone(), request.events.clone());
        let host = &self.nodes[0].name.clone();
        let before = self.nodes[0].head(self.room, host).await;
        if let Some(again) = self.carry_out(0, &person, command, Some(asked)).await {
            assert_eq!(ids(&again), events, "a repeated request is answered anew");
        }
        let after = self.nodes[0].head(self.room, host).await;
        assert_eq!(before, after, "a repeated request is carried out again");
    }

    pub(super) async fn it_replays_a_request(&mut self) {
        if !self.requests.is_empty() {
            let which = self.pick(self.requests.len());
            self.replay_a_request(which).await;
        }
    }

    /// A server's admin has the log begun anew, where the host has all of it; what is said before it hears of the host's
    /// admin's agreement has to be said again.
    pub(super) async fn somebody_begins_anew(&mut self) {
        let home = self.pick(self.nodes.len());
        if home == 0 || !self.can_reach(home, 0) || !self.takes(home).await || !self.takes(0).await
        {
            return;
        }
        let (name, person) = (
            self.nodes[home].name.clone(),
            self.nodes[home].people[0].clone(),
        );
        while self.carry(home, 0, &name, Manner::Faithful).await {}
        let stands_by = self.nodes[home].head(self.room, &name).await;
        if self.nodes[0].head(self.room, &name).await != stands_by || stands_by.seq == 0 {
            return;
        }
        let restart = Restart {
            stands_by,
            key: self.nodes[home].public(),
        };
        if self
            .ask_host(&person, Command::AskRestart(restart.clone()))
            .await
        {
            self.agree(name, restart).await;
        }
    }

    /// The host's admin lets a server begin its log anew. Where that stands in the host's log comes back.
    pub(super) async fn agree(&mut self, origin: ServerName, restart: Restart) -> Option<i64> {
        let creator = self.people[0].clone();
        let admit = Command::Admit {
            origin,
            restart,
            document: json!({}),
        };
        let outcome = self.carry_out(0, &creator, admit, None).await?;
        let mut events = outcome.events.iter().map(|placed| &placed.event);
        let admission = events.find(|event| event.event_type == EventType::ROOM_LOG);
        admission.map(|event| event.seq)
    }

    /// `None`: it is refused, which is an answer like any other.
    pub(super) async fn carry_out(
        &mut self,
        home: usize,
        person: &Fqid,
        command: Command,
        asked: Option<Asked>,
    ) -> Option<Outcome> {
        let node = &self.nodes[home];
        node.has_moved.set(true);
        let act = self.act_of(home, person, command, asked);
        match node.app().timeline().act(act).await {
            Ok(outcome) => Some(outcome.into_inner()),
            Err(RoomError::Db(error)) => panic!("{error}"),
            Err(_) => None,
        }
    }

    pub(super) fn act_of(
        &self,
        home: usize,
        person: &Fqid,
        command: Command,
        asked: Option<Asked>,
    ) -> Act {
        Act {
            tenant: self.nodes[home].tenant(),
            room_id: self.room,
            actor: person.clone(),
            command,
            sending: None,
            asked,
            max_foreign: 50,
        }
    }
}
