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
//! `SCAIWAVE_SIMULATION_SEEDS` says how many seeds are played, from `SCAIWAVE_SIMULATION_FIRST` on. A seed that fails is
//! named; played by itself it does the same again.

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

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;

use self::node::Templates;
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
fn play(templates: &Templates, seed: u64) -> BTreeSet<Misreading> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut play = Play::begin(templates, StdRng::seed_from_u64(seed)).await;
        play.run().await;
        play.end().await
    })
}

#[test]
fn when_the_network_heals_all_servers_have_the_same_room() {
    let first = setting("SCAIWAVE_SIMULATION_FIRST", 1);
    let count = setting("SCAIWAVE_SIMULATION_SEEDS", SEEDS);
    let templates = Arc::new(Templates::default());
    let threads: Vec<_> = (0..THREADS)
        .map(|offset| {
            let templates = Arc::clone(&templates);
            std::thread::spawn(move || {
                let seeds = (first..first + count).skip(usize::try_from(offset).unwrap());
                let seeds = seeds.step_by(usize::try_from(THREADS).unwrap());
                let (mut shown, mut failed) = (BTreeSet::new(), Vec::new());
                for seed in seeds {
                    match catch_unwind(AssertUnwindSafe(|| play(&templates, seed))) {
                        Ok(of_seed) => shown.extend(of_seed),
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
    for thread in threads {
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
