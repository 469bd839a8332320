//! `scaiwave admin federation …`: the server's identity towards others, and what it makes of them.

mod check;
mod key;
mod log;
mod peer;

use clap::{Args, Subcommand};
use serde_json::Value;

use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;

/// What the federation needs from its operator.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// The keys that sign what this server says.
    #[command(subcommand)]
    Key(key::Command),
    /// The other servers: how they are doing, and what to do about them.
    #[command(subcommand)]
    Peer(peer::Command),
    /// The logs of rooms that need a person, because they forked.
    #[command(subcommand)]
    Log(log::Command),
    /// See a server as a stranger would: its name, TLS, descriptor, and whether signed requests arrive unchanged.
    Check(check::Arguments),
}

/// Which tenant.
#[derive(Debug, Args)]
pub(in crate::cli) struct Of {
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    match command {
        Command::Key(command) => key::run(loaded, command).await,
        Command::Peer(command) => peer::run(loaded, command).await,
        Command::Log(command) => log::run(loaded, command).await,
        Command::Check(arguments) => check::run(loaded, arguments).await,
    }
}

/// A text member of a JSON object; empty if there is none.
fn word<'a>(json: &'a Value, name: &str) -> &'a str {
    json[name].as_str().unwrap_or_default()
}
