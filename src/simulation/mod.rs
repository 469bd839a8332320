//! Whole servers in one process, and a network that loses, doubles, reorders and delays, driven from a seed.
//!
//! Everything below the wire is the real thing: deciding, signing, the writer, the database. [`node`] is a server,
//! [`network`] carries pages of logs between them, [`script`] makes up what people, the network and a lying server do, and
//! [`outcome`] compares, once the network has healed, all servers with each other and with a second reading of the judgement
//! rule over the complete logs (`rooms::judgement_tests::oracle`).
//!
//! A second look at each room tells whether it would have shown that the rule is read wrongly: rooms that would not prove
//! nothing.
//!
//! `SCAIWAVE_SIMULATION_SEEDS` says how many seeds are played, from `SCAIWAVE_SIMULATION_FIRST` on. A seed that fails is
//! named; played by itself it does the same again.

mod healing;
mod liar;
mod network;
mod node;
mod outcome;
mod room;
mod script;

use std::collections::BTreeSet;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::script::Play;
use crate::rooms::judgement_tests::oracle::Misreading;

/// Seeds of an ordinary test run.
const SEEDS: u64 = 200;
/// Threads that play them.
const THREADS: u64 = 2;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

/// Plays one seed; which misreadings of the rule it would have shown.
fn play(seed: u64) -> BTreeSet<Misreading> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut play = Play::begin(StdRng::seed_from_u64(seed)).await;
        play.run().await;
        play.end().await
    })
}

#[test]
fn when_the_network_heals_all_servers_have_the_same_room() {
    let first = setting("SCAIWAVE_SIMULATION_FIRST", 1);
    let count = setting("SCAIWAVE_SIMULATION_SEEDS", SEEDS);
    let threads: Vec<_> = (0..THREADS)
        .map(|offset| {
            std::thread::spawn(move || {
                let seeds = (first..first + count).skip(usize::try_from(offset).unwrap());
                let mut shown = BTreeSet::new();
                for seed in seeds.step_by(usize::try_from(THREADS).unwrap()) {
                    let played = std::panic::catch_unwind(|| play(seed));
                    shown.extend(played.unwrap_or_else(|_| {
                        panic!(
                            "seed {seed} fails: SCAIWAVE_SIMULATION_FIRST={seed} SCAIWAVE_SIMULATION_SEEDS=1"
                        )
                    }));
                }
                shown
            })
        })
        .collect();
    let shown: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
    assert!(shown.iter().all(Result::is_ok), "a seed failed, see above");
    let shown: BTreeSet<_> = shown.into_iter().flatten().flatten().collect();
    // Rooms in which a fault would not show prove nothing.
    let is_enough = count >= SEEDS;
    assert!(
        !is_enough || shown.len() == Misreading::ALL.len(),
        "{shown:?}"
    );
}
