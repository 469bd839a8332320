//! A room as the client specification tells of it (sections 6.3 to 8), read a second time and as plainly as possible.

use std::collections::{BTreeMap, BTreeSet};

pub(super) use super::command::{Command, Effect, Said, Who};

pub(super) const OWNER: u8 = 100;

pub(super) const NOT_MEMBER: &str = "SW_NOT_MEMBER";
pub(super) const FORBIDDEN: &str = "SW_ROOM_FORBIDDEN";
pub(super) const FROZEN: &str = "SW_ROOM_FROZEN";
pub(super) const NOT_FOUND: &str = "SW_NOT_FOUND";
pub(super) const NO_EVENT: &str = "SW_EVENT_NOT_FOUND";
pub(super) const REDACT_FORBIDDEN: &str = "SW_REDACT_FORBIDDEN";

#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) membership: &'static str,
    pub(super) level: u8,
    /// When they came in, counted in effects.
    joined: usize,
    invited_by: Who,
    /// What all messages said at the last leave, where it was one out of the room: so much may be read still.
    pub(super) read_until: Option<Vec<String>>,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) sender: Who,
    pub(super) text: String,
    pub(super) is_redacted: bool,
    pub(super) reactions: BTreeSet<(&'static str, Who)>,
}

#[derive(Clone, Debug)]
pub(super) struct Model {
    pub(super) is_public: bool,
    pub(super) creator: Who,
    pub(super) state: &'static str,
    pub(super) name: String,
    pub(super) topic: Option<String>,
    pub(super) thresholds: BTreeMap<&'static str, u8>,
    pub(super) members: BTreeMap<Who, Member>,
    pub(super) messages: Vec<Message>,
    /// Oldest first.
    pub(super) pins: Vec<Said>,
    effects: usize,
}

type Decision = Result<Vec<Effect>, &'static str>;

impl Model {
    pub(super) fn new(creator: Who, name: &str, is_public: bool) -> Model {
        let mut thresholds = BTreeMap::from([
            ("send", 0),
            ("react", 0),
            ("invite", 0),
            ("pin", 0),
            ("topic", 0),
            ("redact", 50),
            ("kick", 50),
            ("ban", 50),
            ("name", 50),
            ("archive", 50),
            ("power", 100),
            ("default", 0),
        ]);
        if is_public {
            thresholds.extend([("pin", 50), ("topic", 50)]);
        }
        let mut model = Model {
            is_public,
            creator,
            state: "open",
            name: name.to_owned(),
            topic: None,
            thresholds,
            members: BTreeMap::new(),
            messages: Vec::new(),
            pins: Vec::new(),
            effects: 0,
        };
        model.apply(&Effect::Member {
            who: creator,
            to: "join",
            level: OWNER,
            by: creator,
        });
        model
    }

    pub(super) fn membership(&self, who: Who) -> Option<&'static str> {
        self.members.get(&who).map(|member| member.membership)
    }

    pub(super) fn is_in(&self, who: Who) -> bool {
        self.membership(who) == Some("join")
    }

    pub(super) fn joined(&self) -> impl Iterator<Item = (Who, &Member)> {
        let members = self.members.iter();
        members
            .filter(|(_, member)| member.membership == "join")
            .map(|(who, member)| (*who, member))
    }

    fn threshold(&self, key: &str) -> u8 {
        self.thresholds.get(key).copied().unwrap_or(OWNER)
    }

    fn level_of(&self, who: Who) -> u8 {
        self.members.get(&who).map_or(0, |member| member.level)
    }

    /// The actor's level, where it reaches the threshold.
    fn level(&self, actor: Who, key: &str) -> Result<u8, &'static str> {
        let own = self.own_level(actor)?;
        match own >= self.threshold(key) {
            true => Ok(own),
            false => Err(FORBIDDEN),
        }
    }

    fn own_level(&self, actor: Who) -> Result<u8, &'static str> {
        match self.is_in(actor) {
            true => Ok(self.level_of(actor)),
            false => Err(NOT_MEMBER),
        }
    }

    fn open(&self, effects: Vec<Effect>) -> Decision {
        match self.state {
            "open" => Ok(effects),
            _ => Err(FROZEN),
        }
    }

    /// A message that can be spoken of.
    fn message(&self, said: Said) -> Result<&Message, &'static str> {
        self.messages.get(said).ok_or(NO_EVENT)
    }

    fn standing(&self, said: Said) -> Result<&Message, &'static str> {
        let message = self.message(said)?;
        match message.is_redacted {
            true => Err(NO_EVENT),
            false => Ok(message),
        }
    }

    /// What becomes of a command, or the code that refuses it. Nothing: it is so already.
    pub(super) fn decide(&self, actor: Who, command: &Command) -> Decision {
        let changes = |who: Who, to: &'static str, level: u8| {
            vec![Effect::Member {
                who,
                to,
                level,
                by: actor,
            }]
        };
        match command {
            Command::Join => self.join(actor),
            Command::Leave => self.leave(actor),
            Command::Rejoin => self.rejoin(actor),
            Command::Archive => {
                let own = self.own_level(actor)?;
                if actor != self.creator && own < self.threshold("archive") {
                    return Err(FORBIDDEN);
                }
                match self.state {
                    "open" => Ok(vec![Effect::State("archived")]),
                    "archived" => Ok(Vec::new()),
                    _ => Err(FROZEN),
                }
            }
            Command::Close => {
                let own = self.own_level(actor)?;
                match self.state {
                    _ if actor != self.creator && own < OWNER => Err(FORBIDDEN),
                    "closed" => Ok(Vec::new()),
                    _ => Ok(vec![Effect::State("closed")]),
                }
            }
            Command::Invite(who) => {
                self.level(actor, "invite")?;
                match self.membership(*who) {
                    Some("ban") => Err(FORBIDDEN),
                    Some("join") => Ok(Vec::new()),
                    _ => self.open(changes(*who, "invite", self.threshold("default"))),
                }
            }
            Command::Withdraw(who) => {
                self.own_level(actor)?;
                let invited = self.members.get(who);
                let invited = invited.filter(|member| member.membership == "invite");
                if invited.is_none_or(|member| member.invited_by != actor) {
                    self.level(actor, "kick")?;
                }
                invited.ok_or(NOT_FOUND)?;
                self.open(changes(*who, "leave", 0))
            }
            Command::Kick(who) => self.remove(actor, *who, "kick", "leave"),
            Command::Ban(who) => self.remove(actor, *who, "ban", "ban"),
            Command::Unban(who) => {
                self.level(actor, "ban")?;
                match self.membership(*who) {
                    None => Err(NOT_FOUND),
                    Some("ban") => self.open(changes(*who, "leave", 0)),
                    Some(_) => Ok(Vec::new()),
                }
            }
            Command::Level(who, level) => {
                let own = self.level(actor, "power")?;
                if !self.is_in(*who) {
                    return Err(NOT_FOUND);
                }
                let held = self.level_of(*who);
                let owners = self.joined().filter(|(_, member)| member.level == OWNER);
                let is_last = who == &actor && held == OWNER && owners.count() == 1;
                let too_high = *level > own || (who != &actor && held >= own);
                if too_high || (is_last && *level < OWNER) {
                    return Err(FORBIDDEN);
                }
                let effects = changes(*who, "join", *level);
                self.open(if held == *level { Vec::new() } else { effects })
            }
            Command::Threshold(key, level) => {
                let own = self.level(actor, "power")?;
                let before = self.threshold(key);
                if before > own || *level > own {
                    return Err(FORBIDDEN);
                }
                let effect = Effect::Threshold(key, *level);
                self.open((before != *level).then_some(effect).into_iter().collect())
            }
            Command::Rename(name) => {
                self.level(actor, "name")?;
                let effect = Effect::Name(name.clone());
                self.open((self.name != *name).then_some(effect).into_iter().collect())
            }
            Command::Topic(topic) => {
                self.level(actor, "topic")?;
                let effect = Effect::Topic(topic.clone());
                self.open(
                    (self.topic != *topic)
                        .then_some(effect)
                        .into_iter()
                        .collect(),
                )
            }
            Command::Send(text) => {
                self.level(actor, "send")?;
                self.open(vec![Effect::Message(actor, text.clone())])
            }
            Command::Edit(said, text) => {
                self.own_level(actor)?;
                match self.standing(*said)?.sender == actor {
                    true => self.open(vec![Effect::Edit(*said, text.clone())]),
                    false => Err(FORBIDDEN),
                }
            }
            Command::Redact(said) => {
                let own = self.own_level(actor)?;
                let message = self.message(*said)?;
                if message.sender != actor && own < self.threshold("redact") {
                    return Err(REDACT_FORBIDDEN);
                }
                let effect = (!message.is_redacted).then_some(Effect::Redaction(*said));
                self.open(effect.into_iter().collect())
            }
            Command::React(said, emoji) => {
                self.level(actor, "react")?;
                let is_there = self.standing(*said)?.reactions.contains(&(emoji, actor));
                let effect = Effect::Reaction(*said, emoji, actor);
                self.open((!is_there).then_some(effect).into_iter().collect())
            }
            Command::Unreact(said, emoji) => {
                self.own_level(actor)?;
                let is_there = self.standing(*said)?.reactions.contains(&(emoji, actor));
                let effect = Effect::NoReaction(*said, emoji, actor);
                self.open(is_there.then_some(effect).into_iter().collect())
            }
            Command::Pin(said) => {
                self.level(actor, "pin")?;
                self.standing(*said)?;
                let effect = (!self.pins.contains(said)).then_some(Effect::Pin(*said));
                self.open(effect.into_iter().collect())
            }
            Command::Unpin(said) => {
                self.level(actor, "pin")?;
                self.standing(*said)?;
                let effect = self.pins.contains(said).then_some(Effect::NoPin(*said));
                self.open(effect.into_iter().collect())
            }
        }
    }

    fn join(&self, actor: Who) -> Decision {
        match self.membership(actor) {
            Some("join") => return Ok(Vec::new()),
            Some("ban") => return Err(FORBIDDEN),
            Some("invite") => {}
            _ if self.is_public => {}
            _ => return Err(FORBIDDEN),
        }
        self.open(vec![Effect::Member {
            who: actor,
            to: "join",
            level: self.threshold("default"),
            by: actor,
        }])
    }

    fn leave(&self, actor: Who) -> Decision {
        match self.membership(actor) {
            None | Some("ban") => return Err(NOT_MEMBER),
            Some("leave") => return Ok(Vec::new()),
            _ => {}
        }
        let level = self.level_of(actor);
        let mut effects = vec![Effect::Member {
            who: actor,
            to: "leave",
            level,
            by: actor,
        }];
        if !self.is_in(actor) {
            return Ok(effects);
        }
        let others = self.joined().filter(|(who, _)| *who != actor);
        // The highest, and of several the one who has been there longest.
        let next =
            others.min_by_key(|(_, member)| (std::cmp::Reverse(member.level), member.joined));
        match next {
            None if self.state == "open" => effects.push(Effect::State("archived")),
            Some((who, highest)) if level == OWNER && highest.level < OWNER => {
                effects.push(by_itself(who));
            }
            _ => {}
        }
        Ok(effects)
    }

    fn rejoin(&self, actor: Who) -> Decision {
        let member = self.members.get(&actor).ok_or(NOT_MEMBER)?;
        if member.membership == "ban" {
            return Err(FORBIDDEN);
        }
        match self.state {
            "open" => return self.join(actor),
            "closed" => return Err(FROZEN),
            _ => {}
        }
        let may_reopen = actor == self.creator || member.level >= self.threshold("archive");
        if member.membership == "invite" || !may_reopen {
            return Err(FORBIDDEN);
        }
        let mut effects = vec![Effect::State("open")];
        if member.membership != "join" {
            effects.push(Effect::Member {
                who: actor,
                to: "join",
                level: member.level,
                by: actor,
            });
            if self.joined().next().is_none() && member.level < OWNER {
                effects.push(by_itself(actor));
            }
        }
        Ok(effects)
    }

    fn remove(&self, actor: Who, who: Who, key: &str, to: &'static str) -> Decision {
        let own = self.level(actor, key)?;
        let before = self.membership(who);
        if before.is_none() && to == "leave" {
            return Err(NOT_FOUND);
        }
        let is_there = matches!(before, Some("join" | "invite"));
        let held = self.level_of(who);
        if who == actor || (is_there && held >= own) {
            return Err(FORBIDDEN);
        }
        if before == Some("ban") || before == Some(to) {
            return Ok(Vec::new());
        }
        let level = if is_there { held } else { 0 };
        self.open(vec![Effect::Member {
            who,
            to,
            level,
            by: actor,
        }])
    }

    pub(super) fn apply(&mut self, effect: &Effect) {
        self.effects += 1;
        let now = self.effects;
        match effect {
            Effect::Member { who, to, level, by } => {
                let before = self.members.get(who);
                let was_in = before.is_some_and(|member| member.membership == "join");
                let joined = before
                    .filter(|_| was_in)
                    .map_or(now, |member| member.joined);
                let texts = || self.messages.iter().map(|message| message.text.clone());
                let read_until = match *to {
                    "leave" if was_in => Some(texts().collect()),
                    // Whoever was put out of an invitation reads what the earlier stay allows; a ban ends that.
                    "leave" | "invite" => before.and_then(|member| member.read_until.clone()),
                    _ => None,
                };
                let member = Member {
                    membership: to,
                    level: *level,
                    joined,
                    invited_by: *by,
                    read_until,
                };
                self.members.insert(*who, member);
            }
            Effect::State(state) => self.state = state,
            Effect::Threshold(key, level) => drop(self.thresholds.insert(key, *level)),
            Effect::Name(name) => self.name.clone_from(name),
            Effect::Topic(topic) => self.topic.clone_from(topic),
            Effect::Message(sender, text) => self.messages.push(Message {
                sender: *sender,
                text: text.clone(),
                is_redacted: false,
                reactions: BTreeSet::new(),
            }),
            Effect::Edit(said, text) => self.messages[*said].text.clone_from(text),
            Effect::Redaction(said) => {
                let message = &mut self.messages[*said];
                message.is_redacted = true;
                message.reactions.clear();
                self.pins.retain(|pin| pin != said);
            }
            Effect::Reaction(said, emoji, who) => {
                self.messages[*said].reactions.insert((emoji, *who));
            }
            Effect::NoReaction(said, emoji, who) => {
                self.messages[*said].reactions.remove(&(*emoji, *who));
            }
            Effect::Pin(said) => self.pins.push(*said),
            Effect::NoPin(said) => self.pins.retain(|pin| pin != said),
        }
    }
}

/// Becoming the owner because nobody else is.
fn by_itself(who: Who) -> Effect {
    Effect::Member {
        who,
        to: "join",
        level: OWNER,
        by: who,
    }
}
