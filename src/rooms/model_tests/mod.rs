//! One room, used at random over the client API, beside a second reading of the specification.
//!
//! [`model`] is that reading of what becomes of a [`command`], [`house`] the server with its people, and what they see. [`one_by_one`] compares each answer
//! and each resulting state with the model; [`at_once`] lets several ask at the same time, and then looks for the one order
//! in which all of it happened. A seed that fails is named; `SCAIWAVE_MODEL_FIRST` and `SCAIWAVE_MODEL_SEEDS` say which ones
//! are played.

mod at_once;
mod command;
mod house;
mod model;
mod one_by_one;

use rand::RngExt;
use rand::rngs::StdRng;

use self::model::{Command, Model};

/// People, the room's creator first.
const PEOPLE: [&str; 5] = ["alice", "bob", "carol", "dave", "erin"];
const EMOJI: [&str; 3] = ["👍", "❤️", "🌱"];
/// Levels that are given: the names of the specification, and others.
const LEVELS: [u8; 6] = [0, 10, 49, 50, 99, 100];

/// The seeds of a run.
fn seeds(otherwise: u64) -> std::ops::Range<u64> {
    let setting = |name: &str, otherwise: u64| {
        let text = std::env::var(name).ok();
        text.and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    let first = setting("SCAIWAVE_MODEL_FIRST", 1);
    first..first + setting("SCAIWAVE_MODEL_SEEDS", otherwise)
}

/// Something that somebody may ask for in this room. Texts are unlike each other.
fn any_command(rng: &mut StdRng, model: &Model, text: &str) -> Command {
    let who = rng.random_range(0..PEOPLE.len());
    let level = LEVELS[rng.random_range(0..LEVELS.len())];
    let emoji = EMOJI[rng.random_range(0..EMOJI.len())];
    // The latest ones the most often, and now and then one that is not there.
    let said = model.messages.len().saturating_sub(rng.random_range(0..6));
    match rng.random_range(0..100) {
        0..=7 => Command::Join,
        8..=11 => Command::Leave,
        12..=16 => Command::Rejoin,
        17 | 18 => Command::Archive,
        19 if rng.random_bool(0.3) => Command::Close,
        19..=25 => Command::Invite(who),
        26 | 27 => Command::Withdraw(who),
        28..=31 => Command::Kick(who),
        32..=34 => Command::Ban(who),
        35..=38 => Command::Unban(who),
        39..=48 => Command::Level(who, level),
        49..=54 => {
            let keys: Vec<_> = model.thresholds.keys().copied().collect();
            Command::Threshold(keys[rng.random_range(0..keys.len())], level)
        }
        55..=57 => Command::Rename(format!("Room {}", rng.random_range(0..3))),
        58 | 59 => Command::Topic(rng.random_bool(0.7).then(|| text.to_owned())),
        60..=73 => Command::Send(text.to_owned()),
        74..=79 => Command::Edit(said, text.to_owned()),
        80..=84 => Command::Redact(said),
        85..=91 => Command::React(said, emoji),
        92..=94 => Command::Unreact(said, emoji),
        95..=97 => Command::Pin(said),
        _ => Command::Unpin(said),
    }
}
