//! `scaiwave show-config`: every setting as it applies, or the reference page.

use clap::Args;
use serde_json::json;

use super::outcome::{Failure, Outcome};
use crate::config::{Shown, Source, reference};

/// What `show-config` is asked.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Print the reference page of all settings (Markdown) instead.
    #[arg(long)]
    reference: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if arguments.reference {
        let text = reference::markdown();
        let json = json!({ "markdown": text });
        return Ok(Outcome { text, json });
    }
    let loaded = super::settings()?;
    let settings = &loaded.config.shown;
    let width = settings
        .iter()
        .map(|shown| shown.name.len())
        .max()
        .unwrap_or(0);
    let lines = settings.iter().map(|shown| line(shown, width));
    let warnings = loaded
        .warnings
        .iter()
        .map(|warning| format!("# {warning}\n"));
    Ok(Outcome {
        text: lines.chain(warnings).collect(),
        json: json!({ "settings": settings, "warnings": loaded.warnings }),
    })
}

fn line(shown: &Shown, width: usize) -> String {
    let value = shown.value.as_deref().unwrap_or("-");
    let source = match shown.source {
        Source::Environment => "",
        Source::File => "  (from a file)",
        Source::Default => "  (default)",
    };
    format!("{:width$}  {value}{source}\n", shown.name)
}
