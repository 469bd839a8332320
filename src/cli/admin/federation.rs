//! `scaiwave admin federation …`: the server's identity towards others.

use clap::{Args, Subcommand};
use serde_json::{Value, to_value};

use crate::cli::control::{self, failed};
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::operator::Request;
use crate::operator::keys::{GenerateKey, RotateKey, show as show_keys};

/// What the federation needs from its operator.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// The keys that sign what this server says.
    #[command(subcommand)]
    Key(KeyCommand),
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum KeyCommand {
    /// Make the signing key, unless there is one.
    Generate(Of),
    /// Replace the signing key. The old one stays good for requests for 30 days; every log goes over to the new one.
    Rotate(Of),
    /// Show the public keys.
    Show(Of),
}

/// Whose keys.
#[derive(Debug, Args)]
pub(in crate::cli) struct Of {
    /// Slug of the tenant [default: the first one].
    #[arg(long)]
    tenant: Option<String>,
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    let Command::Key(command) = command;
    let json = match command {
        KeyCommand::Generate(Of { tenant }) => {
            control::perform(loaded, Request::GenerateKey(GenerateKey { tenant })).await?
        }
        KeyCommand::Rotate(Of { tenant }) => {
            control::perform(loaded, Request::RotateKey(RotateKey { tenant })).await?
        }
        KeyCommand::Show(Of { tenant }) => show(loaded, tenant.as_deref()).await?,
    };
    Ok(Outcome {
        text: describe(&json),
        json,
    })
}

async fn show(loaded: Loaded, tenant: Option<&str>) -> Result<Value, Failure> {
    let db = open_to_read(&loaded.config).await?;
    let keys = show_keys(&db, tenant).await;
    db.close().await;
    to_value(keys.map_err(|error| failed(&error))?).map_err(Failure::failed)
}

fn describe(json: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let keys = json["keys"].as_array().into_iter().flatten();
    let lines = keys.map(|key| {
        let end = match key["expires_at"].as_str() {
            Some(end) => format!("until {end}"),
            None => "in use".to_owned(),
        };
        let (id, public) = (word(&key["key_id"]), word(&key["public_key"]));
        format!(
            "  {id}  {public}  from {} {end}\n",
            word(&key["valid_from"])
        )
    });
    let made = if json["made"] == true {
        ", just made"
    } else {
        ""
    };
    let head = format!("Keys of {}{made}:\n", word(&json["server_name"]));
    std::iter::once(head)
        .chain(lines)
        .chain(describe_logs(json))
        .collect()
}

/// What became of the logs, where that is worth a line.
fn describe_logs(json: &Value) -> Option<String> {
    let count = |name: &str| json[name].as_i64().unwrap_or(0);
    let completed = if json["made"] == false && count("logs_renewed") > 0 {
        "An earlier rotation had been cut off and is completed; no key was made.\n"
    } else {
        ""
    };
    match (count("logs_renewed"), count("logs_waiting")) {
        (0, 0) => None,
        (renewed, 0) => Some(format!(
            "{completed}{renewed} logs go by the current key now.\n"
        )),
        (renewed, waiting) => Some(format!(
            "{completed}{renewed} logs go by the current key now, {waiting} do not yet.\n"
        )),
    }
}
