//! `scaiwave admin federation check [<server-name>]`.

use clap::Args;
use serde_json::Value;

use super::{Of, word};
use crate::cli::control;
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;
use crate::operator::Request;
use crate::operator::peers::CheckServer;

/// Whom to look at.
#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// The server's name [default: this server's own].
    server_name: Option<String>,
    #[command(flatten)]
    of: Of,
}

/// Exits with 0 only if everything is as it should be.
pub(super) async fn run(loaded: Loaded, arguments: Arguments) -> Result<Outcome, Failure> {
    let request = Request::CheckServer(CheckServer {
        tenant: arguments.of.tenant,
        server_name: arguments.server_name,
    });
    let mut json = control::perform(loaded, request).await?;
    let text = describe(&json);
    if json["ok"] == true {
        return Ok(Outcome { text, json });
    }
    if let Some(members) = json.as_object_mut() {
        members.insert("message".to_owned(), text.clone().into());
    }
    Err(Failure::failed(text.trim_end()).with_json(json))
}

fn describe(report: &Value) -> String {
    let verdict = if report["ok"] == true {
        "is as it should be"
    } else {
        "is not as it should be"
    };
    let head = format!("{} {verdict}:\n", word(report, "server_name"));
    let steps = report["steps"].as_array().into_iter().flatten();
    let lines = steps.map(|step| {
        let mark = if step["ok"] == true { "ok" } else { "WRONG" };
        format!(
            "  {:<11} {mark:<6} {}\n",
            word(step, "step"),
            word(step, "message")
        )
    });
    std::iter::once(head).chain(lines).collect()
}
