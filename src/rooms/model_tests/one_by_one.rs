//! Command after command, each answer and each resulting state as the model says.

use std::collections::BTreeSet;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::house::{House, code};
use super::model::{
    Command, Effect, FORBIDDEN, FROZEN, NO_EVENT, NOT_FOUND, NOT_MEMBER, REDACT_FORBIDDEN,
};
use super::{PEOPLE, any_command, seeds};

/// Rooms of an ordinary run.
const SEEDS: u64 = 24;
/// Commands of a play.
const STEPS: usize = 60;

#[tokio::test]
async fn every_answer_and_every_state_is_as_the_specification_says() {
    let house = House::build().await;
    let mut met = BTreeSet::new();
    for seed in seeds(SEEDS) {
        eprintln!("seed {seed}");
        play(&house, seed, &mut met).await;
    }
    let all = [
        "",
        NOT_MEMBER,
        FORBIDDEN,
        FROZEN,
        NOT_FOUND,
        NO_EVENT,
        REDACT_FORBIDDEN,
    ];
    assert_eq!(met, BTreeSet::from(all), "plays that would prove little");
}

/// One room. `met` gets the codes that came up.
async fn play(house: &House, seed: u64, met: &mut BTreeSet<&str>) {
    let mut rng = StdRng::seed_from_u64(seed);
    let (mut room, mut model) = house.room(rng.random_bool(0.5)).await;
    // Redacted texts: nobody may come across one again.
    let mut gone: Vec<String> = Vec::new();
    for step in 0..STEPS {
        // No two events have the same time.
        house.server.clock.advance(5);
        let actor = rng.random_range(0..PEOPLE.len());
        let text = format!("text {step} of {seed}");
        let command = any_command(&mut rng, &model, &text);
        let decided = model.decide(actor, &command);
        let answer = house.order(&room, actor, &command).await;
        let expected = decided.as_ref().err().copied().unwrap_or_default();
        met.insert(expected);
        let told = format!("seed {seed}, step {step}: {actor} asks for {command:?}");
        assert_eq!(code(&answer), expected, "{told}: {}", answer.body);
        for effect in decided.unwrap_or_default() {
            if let Effect::Redaction(said) = &effect {
                gone.push(model.messages[*said].text.clone());
            }
            model.apply(&effect);
        }
        if matches!(command, Command::Send(_)) && expected.is_empty() {
            room.said.push(answer.data("id"));
        }
        eprintln!("{told}: {expected}");
        let observer = rng.random_range(0..PEOPLE.len());
        house.compare(&model, &room, observer).await;
    }
    for who in 0..PEOPLE.len() {
        house.compare(&model, &room, who).await;
        let stream = house.stream(who, &room).await;
        let stream = serde_json::to_string(&stream).unwrap();
        let shown = house.get(who, &room, "/messages?limit=200").await.body;
        let shown = shown.to_string();
        for text in &gone {
            let quoted = format!("\"{text}\"");
            assert!(
                !stream.contains(&quoted) && !shown.contains(&quoted),
                "{text}"
            );
        }
    }
}
