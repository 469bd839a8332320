//! Telling how a run went: on the terminal, as JSON, as JUnit XML.

pub mod json;
pub mod junit;
pub mod terminal;

use crate::check::Stop;
use crate::runner::Outcome;

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// The rule holds.
    pub passed: usize,
    /// The rule does not hold.
    pub failed: usize,
    /// A precondition was not met.
    pub skipped: usize,
}

impl Totals {
    /// Counts outcomes.
    pub fn of(outcomes: &[Outcome]) -> Self {
        let mut totals = Self::default();
        for outcome in outcomes {
            match outcome.verdict {
                Ok(()) => totals.passed += 1,
                Err(Stop::Failed(_)) => totals.failed += 1,
                Err(Stop::Skipped(_)) => totals.skipped += 1,
            }
        }
        totals
    }

    /// The summary line.
    pub fn line(self) -> String {
        format!(
            "{} passed, {} failed, {} skipped",
            self.passed, self.failed, self.skipped
        )
    }
}
