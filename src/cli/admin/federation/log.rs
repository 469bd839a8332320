//! `scaiwave admin federation log list`, `restart`, `agree`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{Of, word};
use crate::cli::control::{self, failed};
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::events::core::ids::RoomId;
use crate::operator::Request;
use crate::operator::logs::{AgreeToRestart, AskedRestart, ForkedLog, RestartLog, list};

/// What can be done about logs.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List the logs for one place of which two events were signed, and who asks to begin one anew.
    List(Of),
    /// Ask a room's host to let this server begin its log of the room anew. It stands by all that it holds.
    Restart(Room),
    /// Let a server that has asked for it begin its log of a room anew. What it does not stand by is gone then.
    Agree(Agree),
}

/// Which room.
#[derive(Debug, Args)]
pub(in crate::cli) struct Room {
    /// Its id.
    room_id: RoomId,
    #[command(flatten)]
    of: Of,
}

/// Whose log of which room.
#[derive(Debug, Args)]
pub(in crate::cli) struct Agree {
    #[command(flatten)]
    room: Room,
    /// The server's name.
    server_name: String,
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    let tenant = match command {
        Command::List(Of { tenant }) => tenant,
        Command::Restart(Room { room_id, of }) => {
            let tenant = of.tenant;
            let request = Request::RestartLog(RestartLog { tenant, room_id });
            let json = control::perform(loaded, request).await?;
            let text = "Asked. The log begins anew once an admin of the room's host has agreed.";
            return Ok(Outcome {
                text: text.to_owned(),
                json,
            });
        }
        Command::Agree(Agree { room, server_name }) => {
            let request = Request::AgreeToRestart(AgreeToRestart {
                tenant: room.of.tenant,
                room_id: room.room_id,
                server_name,
            });
            let json = control::perform(loaded, request).await?;
            let text = format!("The log of {} may begin anew.", word(&json, "origin"));
            return Ok(Outcome { text, json });
        }
    };
    let db = open_to_read(&loaded.config).await?;
    let listed = list(&db, tenant.as_deref()).await;
    db.close().await;
    let listed = listed.map_err(|error| failed(&error))?;
    Ok(Outcome {
        text: table(&listed.logs) + &asked(&listed.asked),
        json: json!(listed),
    })
}

fn asked(asked: &[AskedRestart]) -> String {
    let lines = asked.iter().map(|asked| {
        let AskedRestart {
            room_id,
            origin,
            asked_at,
        } = asked;
        format!("{origin} asks to begin its log of {room_id} anew, since {asked_at}.\n")
    });
    lines.collect()
}

fn table(logs: &[ForkedLog]) -> String {
    if logs.is_empty() {
        return "No log is forked.\n".to_owned();
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
