//! Runs checks: those that may run side by side a few at a time, then the others one by one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt;

use crate::check::{Check, Profile, Stop, Verdict, failed};
use crate::client::transcript::Exchange;
use crate::subject::Subject;
use crate::trial::Trial;

/// How many checks run side by side.
const SIDE_BY_SIDE: usize = 6;
/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(90);

/// How a check ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The check's name.
    pub name: &'static str,
    /// Its profile.
    pub profile: Profile,
    /// The specification's section.
    pub section: &'static str,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
    /// What was exchanged last; empty unless it failed.
    pub exchanges: Vec<Exchange>,
}

/// Runs all checks against the subject; outcomes come in the order of the checks.
pub async fn run(checks: Vec<Check>, subject: Arc<Subject>) -> Vec<Outcome> {
    let mut numbered: Vec<(usize, Check)> = checks.into_iter().enumerate().collect();
    numbered.sort_by_key(|(at, check)| (check.alone, !check.slow, *at));
    let (alone, together): (Vec<_>, Vec<_>) =
        numbered.into_iter().partition(|(_, check)| check.alone);
    let is_silent = AtomicBool::new(false);
    let mut outcomes: Vec<(usize, Outcome)> = futures::stream::iter(together)
        .map(|(at, check)| {
            let (subject, is_silent) = (subject.clone(), &is_silent);
            async move { (at, run_one(check, subject, is_silent).await) }
        })
        .buffer_unordered(SIDE_BY_SIDE)
        .collect()
        .await;
    for (at, check) in alone {
        outcomes.push((at, run_one(check, subject.clone(), &is_silent).await));
    }
    outcomes.sort_by_key(|(at, _)| *at);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Runs a check, unless the server has fallen silent: then all that is left fails at once instead of waiting in vain.
async fn run_one(check: Check, subject: Arc<Subject>, is_silent: &AtomicBool) -> Outcome {
    let trial = Trial::new(subject.clone());
    let begin = Instant::now();
    let verdict = match is_silent.load(Ordering::Relaxed) {
        true => Err(failed("not tried: the server does not answer any more")),
        false => verdict(&check, &trial).await,
    };
    if matches!(verdict, Err(Stop::Failed(_))) && subject.reachable().await.is_err() {
        is_silent.store(true, Ordering::Relaxed);
    }
    trial.finish(verdict.is_ok());
    let exchanges = match &verdict {
        Err(Stop::Failed(_)) => trial.transcript().exchanges(),
        _ => Vec::new(),
    };
    Outcome {
        name: check.name,
        profile: check.profile,
        section: check.section,
        verdict,
        took: begin.elapsed(),
        exchanges,
    }
}

async fn verdict(check: &Check, trial: &Trial) -> Verdict {
    // A task of its own, so that a fault of the suite ends one check and not the run.
    let running = tokio::spawn(check.start(trial.clone()));
    let stop = running.abort_handle();
    match tokio::time::timeout(CHECK_TIMEOUT, running).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(fault)) => Err(failed(format!("the suite itself failed: {fault}"))),
        Err(_) => {
            stop.abort();
            Err(failed(format!("not done after {CHECK_TIMEOUT:?}")))
        }
    }
}
