//! The report for programs: `{"summary": {…}, "checks": [{…}]}`.

use serde_json::{Value, json};

use super::Totals;
use crate::check::Stop;
use crate::runner::Outcome;

/// The whole report as JSON.
pub fn render(outcomes: &[Outcome]) -> Value {
    let totals = Totals::of(outcomes);
    json!({
        "summary": {"passed": totals.passed, "failed": totals.failed, "skipped": totals.skipped},
        "checks": outcomes.iter().map(row).collect::<Vec<_>>(),
    })
}

fn row(outcome: &Outcome) -> Value {
    let (result, reason) = match &outcome.verdict {
        Ok(()) => ("passed", Value::Null),
        Err(Stop::Failed(reason)) => ("failed", reason.as_str().into()),
        Err(Stop::Skipped(reason)) => ("skipped", reason.as_str().into()),
    };
    let exchanges: Vec<Value> = outcome
        .exchanges
        .iter()
        .map(|exchange| json!({"request": exchange.request, "response": exchange.response}))
        .collect();
    json!({
        "name": outcome.name,
        "profile": outcome.profile.as_str(),
        "section": outcome.section,
        "result": result,
        "reason": reason,
        "ms": u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
        "exchanges": exchanges,
    })
}
