//! The report for people: checks by area, failures with what was exchanged, a summary line of its own.

use std::fmt::Write;

use super::Totals;
use crate::check::Stop;
use crate::runner::Outcome;

/// How many characters of a line are shown; the other reports have all of them.
const LINE_SHOWN: usize = 600;

/// The whole report as text.
pub fn render(outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    let mut heading = String::new();
    for outcome in outcomes {
        let now = heading_of(outcome);
        if now != heading {
            let _ = writeln!(text, "\n{now}");
            heading = now;
        }
        entry(&mut text, outcome);
    }
    let _ = writeln!(text, "\n{}", Totals::of(outcomes).line());
    text
}

fn heading_of(outcome: &Outcome) -> String {
    let area = outcome.name.split(['/', ':']).next().unwrap_or("");
    format!("{} / {area}", outcome.profile)
}

fn entry(text: &mut String, outcome: &Outcome) {
    let name = outcome.name;
    match &outcome.verdict {
        Ok(()) => {
            let _ = writeln!(text, "  ok      {name}");
        }
        Err(Stop::Skipped(reason)) => {
            let _ = writeln!(text, "  skipped {name}\n            {reason}");
        }
        Err(Stop::Failed(reason)) => {
            let _ = writeln!(
                text,
                "  FAILED  {name}\n            ({}) {reason}",
                outcome.section
            );
            for exchange in &outcome.exchanges {
                indented(text, "> ", &exchange.request);
                indented(text, "< ", &exchange.response);
            }
        }
    }
}

fn indented(text: &mut String, mark: &str, block: &str) {
    for line in block.lines().filter(|line| !line.is_empty()) {
        let shown: String = line.chars().take(LINE_SHOWN).collect();
        let _ = writeln!(text, "            {mark}{shown}");
    }
}
