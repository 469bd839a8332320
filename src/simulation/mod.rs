//! Whole servers in one process, and a network that loses, doubles, reorders, delays and falls into parts, driven from a seed.
//!
//! Everything below the wire is the real thing: deciding, signing, the writer, the database. [`node`] is a server,
//! [`network`] carries pages of logs between them, [`script`] makes up a play of what people ([`people`]), the network
//! ([`delivery`]), the machines ([`failures`]) and a lying server ([`liar`], [`lies`]) do. [`healing`] lets everybody hear
//! everything, and [`outcome`] compares all servers with each other and with a second reading of the judgement rule over the
//! complete logs (`rooms::judgement_tests::oracle`). [`faults`] sees that it finds something.
//!
//! A second look at each room tells whether it would have shown that the rule is read wrongly: rooms that would not prove
//! nothing.
//!
//! `SCAIWAVE_SIMULATION_SEEDS` says how many seeds are played, from `SCAIWAVE_SIMULATION_FIRST` on, and
//! `SCAIWAVE_SIMULATION_THREADS` how many threads play them. A seed that fails is named; played again it does the
//! same, down to the last hash: all that is random in a server follows from the seed. `SCAIWAVE_SIMULATION_SHOW=1` prints what it
//! came to ([`show`]).

mod delivery;
mod failures;
pub(crate) mod faults;
mod healing;
mod liar;
mod lies;
mod network;
mod node;
mod outcome;
mod people;
mod room;
mod script;
mod show;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use self::node::Template;
use self::outcome::Outcome;
use self::script::Play;
use crate::rooms::judgement_tests::oracle::Misreading;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 200;
/// Seeds that are played twice.
const AGAIN: std::ops::RangeInclusive<u64> = 1..=6;
/// Threads that play seeds.
const THREADS: u64 = 2;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Plays one seed.
fn play(template: &Template, seed: u64) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut play = Play::begin(template, seed).await;
        play.run().await;
        play.end().await
    })
}

#[test]
fn when_the_network_heals_all_servers_have_the_same_room() {
    let first = setting("SCAIWAVE_SIMULATION_FIRST", 1);
    let count = setting("SCAIWAVE_SIMULATION_SEEDS", SEEDS);
    let threads = setting("SCAIWAVE_SIMULATION_THREADS", THREADS).max(1);
    let template = Arc::new(Template::default());
    let playing: Vec<_> = (0..threads)
        .map(|offset| {
            let template = Arc::clone(&template);
            std::thread::spawn(move || {
                let seeds = (first..first + count).skip(usize::try_from(offset).unwrap());
                let seeds = seeds.step_by(usize::try_from(threads).unwrap());
                let (mut shown, mut failed) = (BTreeSet::new(), Vec::new());
                for seed in seeds {
                    match catch_unwind(AssertUnwindSafe(|| play(&template, seed))) {
                        Ok(outcome) => shown.extend(outcome.shown),
                        Err(_) => {
                            println!(
                                "seed {seed} fails: SCAIWAVE_SIMULATION_FIRST={seed} SCAIWAVE_SIMULATION_SEEDS=1"
                            );
                            failed.push(seed);
                        }
                    }
                }
                (shown, failed)
            })
        })
        .collect();
    let (mut shown, mut failed) = (BTreeSet::new(), Vec::new());
    for thread in playing {
        let (of_thread, failed_there) = thread.join().unwrap();
        shown.extend(of_thread);
        failed.extend(failed_there);
    }
    assert!(failed.is_empty(), "these seeds fail: {failed:?}");
    // Rooms in which a fault would not show prove nothing.
    let is_enough = count >= SEEDS;
    assert!(
        !is_enough || shown.len() == Misreading::ALL.len(),
        "{shown:?}"
    );
}

#[test]
fn a_seed_does_the_same_again() {
    let template = Template::default();
    for seed in AGAIN {
        let (one, other) = (play(&template, seed), play(&template, seed));
        assert_eq!(one.digest(), other.digest(), "seed {seed}");
    }
}
