//! `scaiwave admin federation peer list`, `pause`, `resume`, `retry`, `confirm-key`.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{Of, word};
use crate::cli::control;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::events::core::sign::KeyId;
use crate::operator::Request;
use crate::operator::peers::{Action, ListPeers, OnPeer};

/// What can be done about other servers.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Command {
    /// List the other servers: state, queue, last error, and when each was seen.
    List(Of),
    /// Send nothing to a server until it is resumed. What it is to get waits.
    Pause(Peer),
    /// Send to a server again.
    Resume(Peer),
    /// Try a server again now that has to wait after failures.
    Retry(Peer),
    /// Believe a server's new key that its old one does not vouch for. Ask the people who run it for the id first.
    ConfirmKey(Confirm),
}

/// Which server.
#[derive(Debug, Args)]
pub(in crate::cli) struct Peer {
    /// Its name.
    server_name: String,
    #[command(flatten)]
    of: Of,
}

/// Which key of which server.
#[derive(Debug, Args)]
pub(in crate::cli) struct Confirm {
    #[command(flatten)]
    peer: Peer,
    /// The id of the key that it is to show, such as ed25519:0123456789abcdef.
    key_id: KeyId,
}

pub(super) async fn run(loaded: Loaded, command: Command) -> Result<Outcome, Failure> {
    let (peer, action) = match command {
        Command::List(Of { tenant }) => {
            let peers = control::perform(loaded, Request::ListPeers(ListPeers { tenant })).await?;
            return Ok(Outcome {
                text: table(&peers),
                json: json!({ "peers": peers }),
            });
        }
        Command::Pause(peer) => (peer, Action::Pause),
        Command::Resume(peer) => (peer, Action::Resume),
        Command::Retry(peer) => (peer, Action::Retry),
        Command::ConfirmKey(Confirm { peer, key_id }) => (peer, Action::ConfirmKey(key_id)),
    };
    let request = Request::OnPeer(OnPeer {
        tenant: peer.of.tenant,
        server_name: peer.server_name,
        action,
    });
    let json = control::perform(loaded, request).await?;
    Ok(Outcome {
        text: describe(&json),
        json,
    })
}

fn describe(peer: &Value) -> String {
    let key = peer["key_id"].as_str().unwrap_or("no key yet");
    let name = word(peer, "server_name");
    format!("{name}: {}, {key}", word(peer, "state"))
}

/// Another server's words, without what could steer a terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn table(peers: &Value) -> String {
    let head = format!(
        "{:<40} {:<8} {:>8} {:>9} {:>9} {:<24}  {}\n",
        "server", "state", "queue", "lag s", "refused", "last seen", "last error"
    );
    let lines = peers.as_array().into_iter().flatten().map(|peer| {
        let number = |value: &Value| value.as_i64().unwrap_or(0);
        let queue = number(&peer["queue"]["events"]) + number(&peer["queue"]["requests"]);
        format!(
            "{:<40} {:<8} {queue:>8} {:>9} {:>9} {:<24}  {}\n",
            word(peer, "server_name"),
            word(peer, "state"),
            number(&peer["lag_ms"]) / 1_000,
            number(&peer["rejected"]),
            peer["last_seen_at"].as_str().unwrap_or("never"),
            printable(word(peer, "last_error")),
        )
    });
    std::iter::once(head).chain(lines).collect()
}
