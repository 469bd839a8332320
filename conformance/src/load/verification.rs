//! What it costs the server to believe an event, step by step: measured by a program of its own, which is made of the
//! server's code and not of this suite's.

use std::path::Path;

use serde::Deserialize;
use tokio::process::Command;

use super::report::Row;
use super::trouble::{Result, Trouble};

/// The program, beside the server's.
const PROGRAM: &str = "scaiwave-verification";

#[derive(Deserialize)]
struct Step {
    step: String,
    us: f64,
    of_raw: f64,
}

/// A row for each step, beside one strict verification of a signature.
pub async fn rows(server: &Path) -> Result<Vec<Row>> {
    let program = server.with_file_name(PROGRAM);
    let output = Command::new(&program).output().await.map_err(|error| {
        let program = program.display();
        Trouble(format!("{program}: {error}; benches/run builds it"))
    })?;
    if !output.status.success() {
        let reason = String::from_utf8_lossy(&output.stderr);
        return Err(Trouble(format!("{PROGRAM} failed: {reason}")));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| {
            let step: Step =
                serde_json::from_str(line).map_err(|error| Trouble(error.to_string()))?;
            let name = format!("one event: {}", step.step);
            let row = Row::new(name, "machine", Some(step.us), "us");
            Ok(row.ratio("strict signature", step.of_raw, 1.0))
        })
        .collect()
}
