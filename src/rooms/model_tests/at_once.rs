//! Several people at the same time: whatever was acknowledged stands in the room once, in one order that explains it all.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use futures::future::join_all;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::Value;

use super::house::{House, Room, code, list};
use super::model::{Command, Effect, Model, OWNER, Who};
use super::{EMOJI, PEOPLE, any_command, seeds};

/// Rooms of an ordinary run.
const SEEDS: u64 = 6;
/// Rounds of a play; in each everybody asks for a few things, one after the other.
const ROUNDS: usize = 6;
const IN_A_ROUND: usize = 4;

/// What somebody was told.
struct Told {
    actor: Who,
    command: Command,
    code: String,
    /// The event that an acknowledged message became.
    event: Option<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_order_explains_what_many_did_at_once() {
    let house = Arc::new(House::build().await);
    for seed in seeds(SEEDS) {
        eprintln!("seed {seed}");
        let mut rng = StdRng::seed_from_u64(seed);
        let (mut room, mut model) = house.room(seed % 2 == 0).await;
        let mut told = Vec::new();
        for round in 0..ROUNDS {
            let asked = PEOPLE.iter().enumerate().map(|(actor, name)| {
                let commands = commands(&mut rng, &model, &format!("{round} by {name}"), actor);
                let (house, room) = (Arc::clone(&house), Arc::new(copy(&room)));
                tokio::spawn(async move { ask(&house, &room, actor, commands).await })
            });
            for answers in join_all(asked.collect::<Vec<_>>()).await {
                told.extend(answers.unwrap());
            }
            model = replayed(&house, &mut room, seed % 2 == 0).await;
            for who in 0..PEOPLE.len() {
                house.compare(&model, &room, who).await;
            }
        }
        judge(&house, &room, &model, &told).await;
    }
}

fn copy(room: &Room) -> Room {
    Room {
        id: room.id.clone(),
        said: room.said.clone(),
    }
}

/// What somebody asks for in one round. The creator stays and gives the others levels: who sees everything from the first
/// event on can tell of all of it.
fn commands(rng: &mut StdRng, model: &Model, text: &str, actor: Who) -> Vec<Command> {
    let mut commands = Vec::new();
    while commands.len() < IN_A_ROUND {
        let text = format!("text {} of round {text}", commands.len());
        let command = any_command(rng, model, &text);
        let ends = matches!(command, Command::Close | Command::Leave | Command::Archive);
        let gives_up = matches!(command, Command::Level(0, _));
        if actor > 0 || !(ends || gives_up) {
            commands.push(command);
        }
    }
    commands
}

async fn ask(house: &House, room: &Room, actor: Who, commands: Vec<Command>) -> Vec<Told> {
    let mut told = Vec::new();
    for command in commands {
        let answer = house.order(room, actor, &command).await;
        let code = code(&answer).to_owned();
        let is_message = matches!(command, Command::Send(_)) && code.is_empty();
        told.push(Told {
            actor,
            event: is_message.then(|| answer.data("id")),
            command,
            code,
        });
    }
    told
}

/// The model after everything that the creator is shown, event by event. Fails at an event that nothing which anybody may
/// ask for explains.
async fn replayed(house: &House, room: &mut Room, is_public: bool) -> Model {
    let mut model = Model::new(0, "Room 0", is_public);
    room.said.clear();
    let mut following: VecDeque<Effect> = VecDeque::new();
    let stream = house.stream(0, room).await;
    let ids: BTreeSet<&str> = stream
        .iter()
        .filter_map(|event| event["id"].as_str())
        .collect();
    assert_eq!(ids.len(), stream.len(), "each event once");
    // The room's first two events: that it was made, and the creator's join.
    for event in stream.iter().skip(2) {
        let sender = house.who(&event["sender_id"]);
        let Some(effect) = effect(house, room, &model, event, sender) else {
            continue;
        };
        match following.pop_front() {
            Some(expected) => assert_eq!(effect, expected, "{event}"),
            None => {
                let explained = causes(&model, &effect).into_iter().find_map(|command| {
                    let effects = model.decide(sender, &command).ok()?;
                    (effects.first() == Some(&effect)).then_some(effects)
                });
                let effects = explained
                    .unwrap_or_else(|| panic!("nothing explains {effect:?} by {sender}: {event}"));
                following.extend(effects.into_iter().skip(1));
            }
        }
        if matches!(effect, Effect::Message(..)) {
            room.said.push(event["id"].as_str().unwrap().to_owned());
        }
        model.apply(&effect);
    }
    assert!(following.is_empty(), "{following:?} did not follow");
    model
}

/// What an event says. Nothing: that it once was, before its message was redacted.
fn effect(house: &House, room: &Room, model: &Model, event: &Value, sender: Who) -> Option<Effect> {
    let content = &event["content"];
    let said = || room.said.iter().position(|id| content["event_id"] == *id);
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Some(match event["event_type"].as_str()? {
        "swp.room.member" => Effect::Member {
            who: house.who(&content["participant_id"]),
            to: ["join", "leave", "invite", "ban"]
                .into_iter()
                .find(|word| content["membership"] == *word)?,
            level: u8::try_from(content["power_level"].as_u64()?).ok()?,
            by: house.who(&content["changed_by"]),
        },
        "swp.room.state" => {
            let states = ["open", "archived", "closed"].into_iter();
            Effect::State(states.clone().find(|word| content["state"] == *word)?)
        }
        "swp.room.power_levels" => {
            let levels = &content["power_levels"];
            let mut changed = model.thresholds.iter().filter_map(|(key, before)| {
                let now = u8::try_from(levels[key].as_u64()?).ok()?;
                (now != *before).then_some((*key, now))
            });
            let (key, level) = changed.next()?;
            assert_eq!(changed.next(), None, "one threshold at a time");
            Effect::Threshold(key, level)
        }
        "swp.room.name" => Effect::Name(text(&content["name"])?),
        "swp.room.topic" => Effect::Topic(text(&content["topic"])),
        "swp.room.message" => {
            // What was edited or redacted since is compared in the history.
            let body = text(&content["body"]).unwrap_or_default();
            Effect::Message(sender, body)
        }
        "swp.room.message.edit" => Effect::Edit(
            said()?,
            text(&content["content"]["body"]).unwrap_or_default(),
        ),
        "swp.room.redaction" => Effect::Redaction(said()?),
        "swp.room.reaction" => {
            let mut kinds = EMOJI.into_iter();
            let emoji = kinds.find(|emoji| content["emoji"] == *emoji)?;
            match content["action"] == "add" {
                true => Effect::Reaction(said()?, emoji, sender),
                false => Effect::NoReaction(said()?, emoji, sender),
            }
        }
        "swp.room.pin" => match content["action"] == "add" {
            true => Effect::Pin(said()?),
            false => Effect::NoPin(said()?),
        },
        _ => return None,
    })
}

/// Commands that may have come to this.
fn causes(model: &Model, effect: &Effect) -> Vec<Command> {
    match effect {
        Effect::Member { who, to, level, by } => match *to {
            "invite" => vec![Command::Invite(*who)],
            "ban" => vec![Command::Ban(*who)],
            "join" if model.is_in(*who) => vec![Command::Level(*who, *level)],
            "join" => vec![Command::Join],
            _ if who == by => vec![Command::Leave],
            _ => vec![
                Command::Kick(*who),
                Command::Unban(*who),
                Command::Withdraw(*who),
            ],
        },
        Effect::State("open") => vec![Command::Rejoin],
        Effect::State("archived") => vec![Command::Archive],
        Effect::State(_) => vec![Command::Close],
        Effect::Threshold(key, level) => vec![Command::Threshold(key, *level)],
        Effect::Name(name) => vec![Command::Rename(name.clone())],
        Effect::Topic(topic) => vec![Command::Topic(topic.clone())],
        Effect::Message(_, text) => vec![Command::Send(text.clone())],
        Effect::Edit(said, text) => vec![Command::Edit(*said, text.clone())],
        Effect::Redaction(said) => vec![Command::Redact(*said)],
        Effect::Reaction(said, emoji, _) => vec![Command::React(*said, emoji)],
        Effect::NoReaction(said, emoji, _) => vec![Command::Unreact(*said, emoji)],
        Effect::Pin(said) => vec![Command::Pin(*said)],
        Effect::NoPin(said) => vec![Command::Unpin(*said)],
    }
}

/// What has to hold after everybody was answered.
async fn judge(house: &House, room: &Room, model: &Model, told: &[Told]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for id in &room.said {
        *counts.entry(id).or_default() += 1;
    }
    let acknowledged: Vec<&str> = told
        .iter()
        .filter_map(|told| told.event.as_deref())
        .collect();
    for id in &acknowledged {
        assert_eq!(counts.get(id), Some(&1), "{id} was acknowledged");
    }
    assert_eq!(counts.len(), acknowledged.len(), "nothing else was said");

    let given: BTreeSet<u8> = told
        .iter()
        .filter(|told| told.code.is_empty())
        .filter_map(|told| match &told.command {
            Command::Level(_, level) | Command::Threshold("default", level) => Some(*level),
            _ => None,
        })
        .collect();
    let highest = given.iter().max().copied().unwrap_or_default();
    let mut has_owner = false;
    for (who, member) in model.joined() {
        has_owner |= member.level == OWNER;
        // The creator has been the owner from the beginning, and is never without that level.
        assert!(who == 0 || member.level <= highest, "{who}: {member:?}");
    }
    assert!(has_owner, "{:?}", model.members);

    let (mut shown, mut texts) = (String::new(), BTreeSet::new());
    for who in 0..PEOPLE.len() {
        let history = house.get(who, room, "/messages?limit=200").await.body;
        shown.push_str(&history.to_string());
        shown.push_str(&serde_json::to_string(&house.stream(who, room).await).unwrap());
    }
    let messages = told.iter().filter(|told| told.event.is_some());
    for told in messages {
        let id = told.event.as_ref().unwrap();
        let place = room.said.iter().position(|said| said == id).unwrap();
        assert_eq!(model.messages[place].sender, told.actor);
        if let (Command::Send(text), true) = (&told.command, model.messages[place].is_redacted) {
            texts.insert(text.clone());
        }
    }
    for text in texts {
        assert!(!shown.contains(&format!("\"{text}\"")), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_owners_who_all_go_down_at_once_one_stays() {
    let house = Arc::new(House::build().await);
    for round in 0..6 {
        let (room, _) = house.room(true).await;
        let room = Arc::new(room);
        for who in 1..PEOPLE.len() {
            house.order(&room, who, &Command::Join).await.ok();
            let level = Command::Level(who, OWNER);
            house.order(&room, 0, &level).await.ok();
        }
        let going = |who: Who| {
            let (house, room) = (Arc::clone(&house), Arc::clone(&room));
            // Going down, and going, by turns.
            let command = match (who + round) % 2 {
                0 => Command::Leave,
                _ => Command::Level(who, 0),
            };
            tokio::spawn(async move {
                let answer = house.order(&room, who, &command).await;
                code(&answer).to_owned()
            })
        };
        let answers = join_all((0..PEOPLE.len()).map(going)).await;
        let answers: Vec<String> = answers.into_iter().map(Result::unwrap).collect();
        let refused = answers.iter().filter(|code| *code == "SW_ROOM_FORBIDDEN");
        assert!(refused.count() <= 1, "{answers:?}");
        let mut owners = 0;
        for who in 0..PEOPLE.len() {
            let answer = house.get(who, &room, "/members").await;
            if code(&answer).is_empty() {
                let members = answer.ok();
                owners = list(&members)
                    .filter(|member| member["power_level"] == OWNER)
                    .count();
            }
        }
        assert!(owners >= 1, "{answers:?}");
    }
}
