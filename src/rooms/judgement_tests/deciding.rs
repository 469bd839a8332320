//! What a host lets people do: nobody does what their level does not allow, and nobody gives more than they have. The
//! thresholds are those of the client specification's section 7, looked up here by their names.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::world::{PEOPLE, START, World, person, server};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::Fqid;
use crate::events::core::sign::KeyPair;
use crate::events::core::verified::{Draft, Verified};
use crate::events::model::Placed;
use crate::rooms::core::content::{Action, SettingsChange};
use crate::rooms::core::decide::{Command, Context, Intent, Invitee, Joining, TargetFacts, decide};
use crate::rooms::core::judge::Verdict;
use crate::rooms::core::levels::LevelKey;
use crate::rooms::core::view::RoomView;
use crate::rooms::timeline::place;

/// A request to the host, with numbers for people and messages.
#[derive(Clone, Debug)]
enum Ask {
    Invite(usize),
    Join,
    Leave,
    Kick(usize),
    Ban(usize),
    Unban(usize),
    Level(usize, u8),
    Threshold(LevelKey, u8),
    Name(usize),
    Topic(usize),
    EditWindow(u64),
    Archive,
    Close,
    Rejoin,
    Send,
    Edit(usize),
    Redact(usize),
    React(usize, bool),
}

fn ask() -> impl Strategy<Value = Ask> {
    let (who, level) = (
        0..5_usize,
        prop_oneof![Just(0_u8), Just(10), Just(50), Just(100)],
    );
    let key = prop::sample::select(LevelKey::ALL.to_vec());
    let about = 0..20_usize;
    prop_oneof![
        2 => who.clone().prop_map(Ask::Invite),
        3 => Just(Ask::Join),
        1 => Just(Ask::Leave),
        2 => who.clone().prop_map(Ask::Kick),
        2 => who.clone().prop_map(Ask::Ban),
        2 => who.clone().prop_map(Ask::Unban),
        5 => (who, level.clone()).prop_map(|(who, level)| Ask::Level(who, level)),
        5 => (key, level).prop_map(|(key, level)| Ask::Threshold(key, level)),
        1 => about.clone().prop_map(Ask::Name),
        1 => about.clone().prop_map(Ask::Topic),
        1 => (0..9_u64).prop_map(Ask::EditWindow),
        1 => Just(Ask::Archive),
        1 => prop::bool::weighted(0.2).prop_map(|closes| if closes { Ask::Close } else { Ask::Send }),
        1 => Just(Ask::Rejoin),
        4 => Just(Ask::Send),
        3 => about.clone().prop_map(Ask::Edit),
        3 => about.clone().prop_map(Ask::Redact),
        4 => (about, any::<bool>()).prop_map(|(about, adds)| Ask::React(about, adds)),
    ]
}

fn power() -> impl Strategy<Value = u8> {
    prop_oneof![Just(0_u8), Just(50), Just(100)]
}

/// A message that was sent.
struct Sent {
    id: EventId,
    by: Fqid,
    ts: i64,
    redacted: bool,
}

/// A room on its host.
struct Host {
    view: RoomView,
    placed: BTreeMap<EventId, Placed>,
    messages: Vec<Sent>,
    room_id: RoomId,
    now: i64,
}

impl Host {
    /// The owner has let everybody from level `power` on change levels.
    fn begin(power: u8) -> Host {
        let world = World::play("deciding", &[]);
        let (create, rest) = world.logs[0].split_first().unwrap();
        let mut view = place::begin(create, create.hash()).unwrap();
        for event in rest {
            place::next(&mut view, event, 1, None, None);
        }
        let mut host = Host {
            view,
            placed: BTreeMap::new(),
            messages: Vec::new(),
            room_id: world.room_id,
            now: START,
        };
        let lowered = Command::SetLevels(BTreeMap::from([(LevelKey::Power, power)]));
        host.carry_out(&person(0), &lowered);
        host
    }

    fn message(&self, about: usize) -> Option<&Sent> {
        self.messages.get(about % self.messages.len().max(1))
    }

    fn command(&self, ask: &Ask) -> Option<Command> {
        let joining = || Joining {
            profile: None,
            key: None,
            after: None,
            holds_role: false,
        };
        let target = |who: &usize| Some(person(*who));
        Some(match ask {
            Ask::Invite(who) => Command::Invite {
                target: Some(Invitee {
                    person: person(*who),
                    profile: None,
                    holds_role: false,
                }),
                reason: None,
            },
            Ask::Join => Command::Join(joining()),
            Ask::Leave => Command::Leave { reason: None },
            Ask::Kick(who) => Command::Kick {
                target: target(who),
                reason: None,
            },
            Ask::Ban(who) => Command::Ban {
                target: target(who),
                reason: None,
            },
            Ask::Unban(who) => Command::Unban {
                target: target(who),
            },
            Ask::Level(who, level) => Command::SetLevel {
                target: target(who),
                level: *level,
            },
            Ask::Threshold(key, level) => Command::SetLevels(BTreeMap::from([(*key, *level)])),
            Ask::Name(name) => Command::SetName(format!("Name {name}")),
            Ask::Topic(topic) => Command::SetTopic(Some(format!("Topic {topic}"))),
            Ask::EditWindow(seconds) => Command::ChangeSettings(SettingsChange {
                edit_window_seconds: Some(*seconds),
                ..SettingsChange::default()
            }),
            Ask::Archive => Command::Archive,
            Ask::Close => Command::Close,
            Ask::Rejoin => Command::Rejoin(joining()),
            Ask::Send => Command::Send {
                content: json!({"body": "hello"}),
            },
            Ask::Edit(about) => Command::Edit {
                target: self.message(*about)?.id,
                content: json!({"body": "changed"}),
            },
            Ask::Redact(about) => Command::Redact {
                target: self.message(*about)?.id,
                reason: None,
            },
            Ask::React(about, adds) => Command::React {
                target: self.message(*about)?.id,
                emoji: "x".to_owned(),
                action: if *adds { Action::Add } else { Action::Remove },
            },
        })
    }

    fn facts(&self, command: &Command) -> Option<TargetFacts> {
        let id = command.target()?;
        let sent = self.messages.iter().find(|sent| sent.id == id)?;
        Some(TargetFacts {
            sender: Some(sent.by.clone()),
            event_type: EventType::ROOM_MESSAGE,
            ts: sent.ts,
            visible: true,
            redacted: sent.redacted,
            emoji_kinds: 0,
            has_emoji: false,
            has_own_emoji: matches!(
                command,
                Command::React {
                    action: Action::Remove,
                    ..
                }
            ),
            pins: 0,
            is_pinned: false,
        })
    }

    /// What comes of a request: the events, if any, and their verdicts.
    fn carry_out(&mut self, actor: &Fqid, command: &Command) -> Vec<(Verified<Event>, Verdict)> {
        let facts = self.facts(command);
        let context = Context {
            now: self.now,
            writes_at: self.now,
            max_participants: None,
            max_foreign: 50,
            federates: true,
            state_waits: false,
            target: facts.as_ref(),
        };
        let intents = decide(&self.view, actor, command, &context).unwrap_or_default();
        intents
            .into_iter()
            .map(|intent| self.append(intent))
            .collect()
    }

    fn append(&mut self, intent: Intent) -> (Verified<Event>, Verdict) {
        let host = server(0);
        let head = self.view.head(&host);
        let (state_seq, state_hash) = self.view.state_claim();
        let event = Draft {
            room_id: self.room_id,
            origin: host,
            sender: intent.sender,
            event_type: intent.event_type,
            content: intent.content,
            epoch: 1,
            seq: head.seq + 1,
            prev: head.hash,
            ts: self.now,
            state_seq,
            state_hash: Some(state_hash),
            salt: [1; 16],
        }
        .sign(&KeyPair::from_seed(&[1; 32]))
        .unwrap();
        let about = content_of(&event)["event_id"]
            .as_str()
            .map(|id| id.parse().unwrap());
        let target = about.and_then(|id: EventId| self.placed.get(&id)).cloned();
        let landing = place::next(&mut self.view, &event, 1, target.as_ref(), None);
        if event.event_type == EventType::ROOM_MESSAGE {
            self.messages.push(Sent {
                id: event.event_id,
                by: event.sender.clone().unwrap(),
                ts: event.ts,
                redacted: false,
            });
        }
        if event.event_type == EventType::ROOM_REDACTION {
            let redacted = self.messages.iter_mut().find(|sent| Some(sent.id) == about);
            redacted.unwrap().redacted = true;
        }
        self.placed.insert(event.event_id, landing.placed);
        (event, landing.verdict)
    }

    fn level(&self, person: &Fqid) -> Option<u8> {
        self.view.joined(person).map(|member| member.power_level)
    }

    fn threshold(&self, name: &str) -> u8 {
        let levels = serde_json::to_value(self.view.history.levels()).unwrap();
        u8::try_from(levels[name].as_u64().unwrap()).unwrap()
    }

    /// The level that a request needs by the specification's table; none where membership alone decides.
    fn needed(&self, actor: &Fqid, ask: &Ask) -> u8 {
        let is_creator = *actor == person(0);
        let is_own = |about: &usize| self.message(*about).is_some_and(|sent| sent.by == *actor);
        match ask {
            Ask::Archive if is_creator => 0,
            Ask::Close if is_creator => 0,
            Ask::Close => 100,
            Ask::Redact(about) if is_own(about) => 0,
            Ask::Edit(about) if !is_own(about) => 101,
            Ask::Invite(_) => self.threshold("invite"),
            Ask::Kick(_) => self.threshold("kick"),
            Ask::Ban(_) | Ask::Unban(_) => self.threshold("ban"),
            Ask::Level(..) | Ask::Threshold(..) => self.threshold("power"),
            Ask::Name(_) => self.threshold("name"),
            Ask::Topic(_) => self.threshold("topic"),
            Ask::EditWindow(_) => self.threshold("settings"),
            Ask::Archive => self.threshold("archive"),
            Ask::Send => self.threshold("send"),
            Ask::React(_, true) => self.threshold("react"),
            Ask::Redact(_) => self.threshold("redact"),
            Ask::Join | Ask::Leave | Ask::Rejoin | Ask::Edit(_) | Ask::React(_, false) => 0,
        }
    }
}

fn content_of(event: &Event) -> &Value {
    event.content.as_ref().unwrap()
}

proptest! {
    #[test]
    fn nobody_does_what_their_level_does_not_allow(power in power(), asks in vec((0..5_usize, ask()), 0..60)) {
        let mut host = Host::begin(power);
        for (who, ask) in &asks {
            let Some(command) = host.command(ask) else { continue };
            let actor = person(*who);
            let (held, needed) = (host.level(&actor), host.needed(&actor, ask));
            let may = matches!(ask, Ask::Join | Ask::Rejoin | Ask::Leave) || held.is_some_and(|held| held >= needed);
            let events = host.carry_out(&actor, &command);
            prop_assert!(may || events.is_empty(), "{actor} at {held:?} did {ask:?}, which needs {needed}");
        }
    }

    #[test]
    fn nobody_gives_a_level_or_threshold_above_their_own(power in power(), asks in vec((0..5_usize, ask()), 0..60)) {
        let mut host = Host::begin(power);
        for (who, ask) in &asks {
            let Some(command) = host.command(ask) else { continue };
            let actor = person(*who);
            let held = host.level(&actor).unwrap_or(0);
            let levels: Vec<Option<u8>> = (0..PEOPLE.len()).map(|who| host.level(&person(who))).collect();
            let before = host.view.history.levels();
            let default = host.threshold("default");
            let events = host.carry_out(&actor, &command);
            for (event, _) in events.iter().filter(|(event, _)| event.sender.is_some()) {
                let content = content_of(event);
                let given = content["power_level"].as_u64().filter(|_| content["membership"] == "join");
                let returns = matches!(ask, Ask::Join | Ask::Rejoin);
                prop_assert!(returns || given.is_none_or(|given| given <= u64::from(held)));
                prop_assert!(!matches!(ask, Ask::Join) || given == Some(u64::from(default)) || events.len() > 1);
                if let (Ask::Level(who, _) | Ask::Kick(who) | Ask::Ban(who), true) = (ask, person(*who) != actor) {
                    prop_assert!(levels[*who].is_none_or(|of_target| of_target < held));
                }
            }
            let after = host.view.history.levels();
            for key in LevelKey::ALL {
                let (old, new) = (before.get(key), after.get(key));
                prop_assert!(old == new || (old <= held && new <= held), "{key:?}: {old} to {new} by {held}");
            }
        }
    }

    #[test]
    fn a_room_with_people_has_an_owner(power in power(), asks in vec((0..5_usize, ask()), 0..60)) {
        let mut host = Host::begin(power);
        for (who, ask) in &asks {
            let Some(command) = host.command(ask) else { continue };
            host.carry_out(&person(*who), &command);
            let levels: Vec<u8> = host.view.joined_members().map(|(_, member)| member.power_level).collect();
            prop_assert!(levels.is_empty() || levels.contains(&100), "after {ask:?}: {levels:?}");
        }
    }

    #[test]
    fn what_a_server_lets_its_people_do_always_counts(power in power(), asks in vec((0..5_usize, ask()), 0..60)) {
        let mut host = Host::begin(power);
        for (who, ask) in &asks {
            host.now += 1000;
            // A server decides messages for its own people alone.
            let is_timeline = matches!(ask, Ask::Send | Ask::Edit(_) | Ask::Redact(_) | Ask::React(..));
            let actor = if is_timeline { person(who % 2) } else { person(*who) };
            let Some(command) = host.command(ask) else { continue };
            for (event, verdict) in host.carry_out(&actor, &command) {
                prop_assert_eq!(verdict, Verdict::Valid, "{} by {}", event.event_type, actor);
            }
        }
    }
}
