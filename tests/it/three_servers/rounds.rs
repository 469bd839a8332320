//! Rounds in which the weather between the servers changes and one of them is killed.
//!
//! `TEST_KILL_ROUNDS` says how many, `TEST_KILL_SEED` what happens in them. Every ten rounds begin with fresh servers and the
//! next seed; a seed plays the same round after round, though never at quite the same moments.

use std::fmt::Debug;
use std::str::FromStr;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::{A, B, BACKENDS, C, PACE, Stage};
use crate::fleet::Fleet;
use crate::support::{Line, PrivateCa};

/// Rounds that each test run plays.
const ROUNDS: usize = 6;
/// Rounds that are played with the same servers.
const PLAY: usize = 10;

/// What becomes of the lines between the servers.
#[derive(Clone, Copy, Debug)]
enum Weather {
    Fine,
    /// Between two servers.
    Pair(usize, usize, Line),
    /// Around one server, which is alone then.
    Alone(usize, Line),
    All(Line),
}

impl Weather {
    fn any(random: &mut StdRng) -> Self {
        let line = match random.random_range(0..5) {
            0 | 1 => Line::Cut,
            2 => Line::Silent,
            3 => Line::Slow(Duration::from_millis(random.random_range(20..400))),
            _ => Line::Lossy(random.random_range(5..40)),
        };
        let one = random.random_range(A..=C);
        match random.random_range(0..6) {
            0 => Self::Fine,
            1 | 2 => Self::Pair(one, (one + random.random_range(1..=2)) % 3, line),
            3 => Self::Alone(one, line),
            _ => Self::All(line),
        }
    }

    fn comes_over(self, fleet: &Fleet) {
        match self {
            Self::Fine => fleet.set_all(Line::Whole),
            Self::Pair(one, other, line) => fleet.set_between(one, other, line),
            Self::Alone(server, line) => fleet.set_around(server, line),
            Self::All(line) => fleet.set_all(line),
        }
    }
}

/// What happens in one round.
#[derive(Debug)]
struct Round {
    weather: Weather,
    victim: usize,
    /// Messages that every server acknowledges before the kill.
    before: usize,
    /// How long the kill then waits, so that it meets anything that a server does.
    moment: Duration,
    /// The life of a second start that is cut off as well.
    short_life: Option<Duration>,
    /// Messages that the others acknowledge while one is away.
    meanwhile: usize,
    clears_up: bool,
}

impl Round {
    fn any(random: &mut StdRng) -> Self {
        Self {
            weather: Weather::any(random),
            victim: random.random_range(A..=C),
            before: random.random_range(1..15),
            moment: Duration::from_micros(random.random_range(0..50_000)),
            short_life: random
                .random_bool(0.25)
                .then(|| Duration::from_millis(random.random_range(1..400))),
            meanwhile: random.random_range(1..15),
            clears_up: random.random_bool(0.5),
        }
    }

    async fn play(&self, stage: &mut Stage) {
        self.weather.comes_over(&stage.fleet);
        // A message never waits for another server.
        stage.progress(&[A, B, C], self.before).await;
        tokio::time::sleep(self.moment).await;
        let victim = &mut stage.fleet.servers[self.victim];
        tokio::task::block_in_place(|| {
            victim.kill();
            if let Some(life) = self.short_life {
                victim.launch_and_kill_after(life);
            }
        });
        let others = [A, B, C].into_iter().filter(|one| *one != self.victim);
        let others: Vec<_> = others.collect();
        stage.progress(&others, self.meanwhile).await;
        tokio::task::block_in_place(|| stage.fleet.servers[self.victim].launch());
        if self.clears_up {
            Weather::Fine.comes_over(&stage.fleet);
        }
    }
}

/// A number from the environment.
fn setting<T: FromStr<Err: Debug>>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|error| panic!("{name}: {error:?}")),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_killed_and_cut_off_all_three_end_with_the_same_room() {
    let rounds = setting("TEST_KILL_ROUNDS").unwrap_or(ROUNDS);
    let first_seed: u64 =
        setting("TEST_KILL_SEED").unwrap_or_else(|| rand::random_range(0..1 << 32));
    let mut played = 0;
    for seed in first_seed.. {
        let of_play = PLAY.min(rounds - played);
        if of_play == 0 {
            return;
        }
        eprintln!("TEST_KILL_SEED={seed} TEST_KILL_ROUNDS={of_play}");
        let began = Instant::now();
        play(seed, of_play).await;
        played += of_play;
        eprintln!(
            "{played} of {rounds} rounds, this play in {:?}",
            began.elapsed()
        );
    }
}

async fn play(seed: u64, rounds: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    let ca = PrivateCa::new();
    let fleet = Fleet::prepare(&BACKENDS, &ca).await;
    let mut stage = Stage::open(fleet, &ca, PACE).await;
    for _ in 0..rounds {
        let round = Round::any(&mut random);
        eprintln!("{round:?}");
        round.play(&mut stage).await;
    }
    stage.close().await;
}
