//! What a machine cannot do, said where everybody sees it.

use std::io::Write;

/// Says on the terminal that a test did nothing, also where the output of tests that pass is hidden.
pub(crate) fn skipped(test: &str, why: &str) {
    // Not `eprintln!`, which the test harness keeps to itself.
    let said = writeln!(std::io::stderr(), "\nSKIPPED: {test}: {why}\n");
    drop(said);
}
