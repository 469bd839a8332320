//! `scaiwave admin federation key generate`, `rotate`, `show`.

use clap::{Args, Subcommand};
use serde::Serialize;
use serde_json::{Value, to_value};

use super::{Of, word};
use crate::app::FolderLock;
use crate::cli::control::{self, failed};
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::error;
use crate::operator::Request;
use crate::operator::keys::{GenerateKey, RotateKey, replace_lost, show};

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// Make the signing key, unless there is one.
    Generate(Generate),
    /// Replace the signing key. The old one stays good for requests for 30 days; every log goes over to the new one.
    Rotate(Of),
    /// Show the public keys.
    Show(Of),
}

/// Whose key to make.
#[derive(Debug, Args)]
pub(in crate::cli) struct Generate {
    #[command(flatten)]
    of: Of,
    /// The private key is lost and cannot be restored: begin with a new one, which the admins of all other servers have to
    /// confirm. Needs the server stopped.
    #[arg(long)]
    replace_lost: bool,
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    let json = match command {
        Command::Generate(Generate { of, replace_lost }) if replace_lost => {
            begin_anew(loaded, of.tenant.as_deref()).await?
        }
        Command::Generate(Generate { of, .. }) => {
            let tenant = of.tenant;
            control::perform(loaded, Request::GenerateKey(GenerateKey { tenant })).await?
        }
        Command::Rotate(Of { tenant }) => {
            control::perform(loaded, Request::RotateKey(RotateKey { tenant })).await?
        }
        Command::Show(Of { tenant }) => {
            let db = open_to_read(&loaded.config).await?;
            let keys = show(&db, tenant.as_deref()).await;
            db.close().await;
            as_json(keys)?
        }
    };
    Ok(Outcome {
        text: describe(&json),
        json,
    })
}

/// A server that lost its key does not start, so this goes past it.
async fn begin_anew(loaded: Loaded, tenant: Option<&str>) -> Result<Value, Failure> {
    let folder = &loaded.config.data_dir;
    let lock = FolderLock::take(folder)
        .map_err(|error| Failure::because(format!("cannot use {}", folder.display()), &error))?;
    let Some(_lock) = lock else {
        return Err(Failure::failed(format!(
            "a server uses {} and has the key: rotate it instead, as long as it runs",
            folder.display()
        )));
    };
    let db = open_to_read(&loaded.config).await?;
    let now_ms = Clock::system().now_ms();
    let keys = replace_lost(&db, folder, tenant, now_ms).await;
    db.close().await;
    as_json(keys)
}

fn as_json(keys: error::Result<impl Serialize>) -> Result<Value, Failure> {
    to_value(keys.map_err(|error| failed(&error))?).map_err(Failure::failed)
}

fn describe(json: &Value) -> String {
    let keys = json["keys"].as_array().into_iter().flatten();
    let lines = keys.map(|key| {
        let end = match key["expires_at"].as_str() {
            Some(end) => format!("until {end}"),
            None => "in use".to_owned(),
        };
        let (id, public) = (word(key, "key_id"), word(key, "public_key"));
        format!("  {id}  {public}  from {} {end}\n", word(key, "valid_from"))
    });
    let made = if json["made"] == true {
        ", just made"
    } else {
        ""
    };
    let head = format!("Keys of {}{made}:\n", word(json, "server_name"));
    std::iter::once(head)
        .chain(lines)
        .chain(describe_logs(json))
        .collect()
}

/// What became of the logs, where that is worth a line.
fn describe_logs(json: &Value) -> Option<String> {
    let count = |name: &str| json[name].as_i64().unwrap_or(0);
    let (renewed, waiting) = (count("logs_renewed"), count("logs_waiting"));
    if renewed == 0 && waiting == 0 {
        return None;
    }
    let completed = if json["made"] == false && renewed > 0 {
        "An earlier rotation had been cut off and is completed; no key was made.\n"
    } else {
        ""
    };
    let rest = match waiting {
        0 => String::new(),
        waiting => format!(", {waiting} do not yet"),
    };
    Some(format!(
        "{completed}{renewed} logs went over to the current key{rest}.\n"
    ))
}
