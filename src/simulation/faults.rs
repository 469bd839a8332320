//! Faults put into the servers on purpose, to see that the simulation finds each: what the judgement rule, the erasing of what
//! was redacted, and the taking of places ask whether they are to do wrongly.
//!
//! The other tests play the same seeds without a fault.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Template, play};
use crate::events::core::chain::ChainError;

/// Seeds in which a fault has to show.
const SEEDS: u64 = 40;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A right that was taken away voids nothing that was said before its taking was heard of, wherever the cut-off lies.
    IgnoresTakings,
    /// A right that was taken away voids everything that was said with it, wherever the cut-off lies.
    IgnoresCutoffs,
    /// What a moderator redacted is erased though a state event may still cut the redaction off.
    ErasesAtOnce,
    /// What rests on a state that is not here yet is judged by the state that is.
    JudgesByWhatIsHeld,
    /// Whether an event follows the last one of its log is not looked at.
    ChecksNoChain,
    /// What is here already takes a place once more.
    AppliesTwice,
}

thread_local! {
    /// The fault that the servers of this thread have.
    static PUT_IN: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Whether the servers of this thread have the fault.
pub(crate) fn is_put_in(fault: Fault) -> bool {
    PUT_IN.get() == Some(fault)
}

/// Whether the servers of this thread place an event all the same.
pub(crate) fn overlooks(error: &ChainError) -> bool {
    match error {
        ChainError::Gap { .. } | ChainError::OtherBranch { .. } | ChainError::TimeGoesBack => {
            is_put_in(Fault::ChecksNoChain)
        }
        ChainError::Duplicate => is_put_in(Fault::AppliesTwice),
        _ => false,
    }
}

/// The first seed that shows the fault.
fn found_by(fault: Fault) -> Option<u64> {
    let template = Template::default();
    PUT_IN.set(Some(fault));
    let fails = |seed: &u64| catch_unwind(AssertUnwindSafe(|| play(&template, *seed))).is_err();
    let found_by = (1..=SEEDS).find(fails);
    PUT_IN.set(None);
    println!("{fault:?} is found by seed {found_by:?}");
    found_by
}

#[test]
fn a_cut_off_that_is_ignored_is_found() {
    assert!(found_by(Fault::IgnoresTakings).is_some());
    assert!(found_by(Fault::IgnoresCutoffs).is_some());
}

#[test]
fn a_redaction_that_erases_before_it_is_settled_is_found() {
    assert!(found_by(Fault::ErasesAtOnce).is_some());
}

#[test]
fn a_judgement_by_the_state_that_is_held_is_found() {
    assert!(found_by(Fault::JudgesByWhatIsHeld).is_some());
}

#[test]
fn a_chain_that_is_not_checked_is_found() {
    assert!(found_by(Fault::ChecksNoChain).is_some());
}

#[test]
fn a_duplicate_that_is_applied_twice_is_found() {
    assert!(found_by(Fault::AppliesTwice).is_some());
}
