//! `scaiwave admin federation log list`.

use clap::Subcommand;
use serde_json::json;

use super::Of;
use crate::cli::control::failed;
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::operator::logs::{ForkedLog, list};

/// What can be done about logs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List the logs for one place of which two events were signed.
    List(Of),
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    let Command::List(Of { tenant }) = command;
    let db = open_to_read(&loaded.config).await?;
    let logs = list(&db, tenant.as_deref()).await;
    db.close().await;
    let logs = logs.map_err(|error| failed(&error))?;
    Ok(Outcome {
        text: table(&logs),
        json: json!({ "logs": logs }),
    })
}

fn table(logs: &[ForkedLog]) -> String {
    if logs.is_empty() {
        return "No log is forked.".to_owned();
    }
    let head = format!(
        "{:<36} {:<30} {:>5} {:>7} {:<7} {:<24}  from\n",
        "room", "log of", "epoch", "place", "frozen", "found"
    );
    let lines = logs.iter().map(|log| {
        format!(
            "{:<36} {:<30} {:>5} {:>7} {:<7} {:<24}  {}\n",
            log.room_id.to_string(),
            log.origin.as_str(),
            log.epoch,
            log.seq,
            if log.frozen { "yes" } else { "no" },
            log.found_at,
            log.peer
        )
    });
    std::iter::once(head).chain(lines).collect()
}
