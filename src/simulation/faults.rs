//! Faults put in on purpose, to see that the simulation finds them. How the judgement rule could be misread is with its
//! second reading (`rooms::judgement_tests::oracle::Misreading`); these are about where an event takes its place.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Template, play};
use crate::events::core::chain::ChainError;

/// Seeds in which a fault has to show.
const SEEDS: u64 = 20;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// Whether an event follows the last one of its log is not looked at.
    ChecksNoChain,
    /// What is here already takes a place once more.
    AppliesTwice,
}

thread_local! {
    /// The fault that the servers of this thread have.
    static PUT_IN: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// Whether the servers of this thread place an event all the same.
pub(crate) fn overlooks(error: &ChainError) -> bool {
    match PUT_IN.get() {
        None => false,
        Some(Fault::ChecksNoChain) => matches!(
            error,
            ChainError::Gap { .. } | ChainError::OtherBranch { .. } | ChainError::TimeGoesBack
        ),
        Some(Fault::AppliesTwice) => matches!(error, ChainError::Duplicate),
    }
}

fn is_found(fault: Option<Fault>) -> bool {
    let template = Template::default();
    PUT_IN.set(fault);
    let fails = |seed| catch_unwind(AssertUnwindSafe(|| play(&template, seed))).is_err();
    let is_found = (1..=SEEDS).any(fails);
    PUT_IN.set(None);
    is_found
}

#[test]
fn a_chain_that_is_not_checked_is_found() {
    assert!(is_found(Some(Fault::ChecksNoChain)));
}

#[test]
fn a_duplicate_that_is_applied_twice_is_found() {
    assert!(is_found(Some(Fault::AppliesTwice)));
}

#[test]
fn without_a_fault_nothing_is_found() {
    assert!(!is_found(None));
}
