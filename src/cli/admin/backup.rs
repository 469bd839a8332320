//! `scaiwave admin backup`, `restore`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::app::FolderLock;
use crate::backup::{self, Restored};
use crate::cli::data::{open_to_read, options};
use crate::cli::outcome::{Failure, Outcome};
use crate::config::Loaded;

/// Which backup.
#[derive(Debug, Args)]
pub(in crate::cli) struct Backup {
    /// The backup's file.
    file: PathBuf,
}

/// Takes a backup; works beside a running server.
pub(super) async fn make(loaded: Loaded, arguments: Backup) -> Result<Outcome, Failure> {
    let Backup { file } = arguments;
    let db = open_to_read(&loaded.config).await?;
    let made = backup::make(&db, &loaded.config.data_dir, &file).await;
    db.close().await;
    let checked = made.map_err(|error| Failure::because("no backup was taken", &error))?;
    let (logs, events) = (checked.logs, checked.events);
    Ok(Outcome {
        text: format!(
            "{events} events in {logs} logs are in {}, and verified. It holds this server's private keys: keep it where \
             nobody else can read it.",
            file.display()
        ),
        json: json!({ "file": file, "logs": logs, "events": events }),
    })
}

/// Puts a backup back; refuses while a server uses the data folder.
pub(super) async fn restore(loaded: Loaded, arguments: Backup) -> Result<Outcome, Failure> {
    let folder = &loaded.config.data_dir;
    let in_the_way = |error: std::io::Error| {
        Failure::because(format!("cannot use {}", folder.display()), &error)
    };
    std::fs::create_dir_all(folder).map_err(in_the_way)?;
    let Some(_lock) = FolderLock::take(folder).map_err(in_the_way)? else {
        return Err(Failure::failed(format!(
            "a server uses {}: stop it first, then restore",
            folder.display()
        )));
    };
    let restored = backup::restore(&options(&loaded.config), folder, &arguments.file)
        .await
        .map_err(|error| Failure::because("nothing was restored", &error))?;
    Ok(told(&restored))
}

fn told(restored: &Restored) -> Outcome {
    let Restored {
        checked,
        servers,
        former,
    } = restored;
    let mut text = format!("{} events are back, and verified.", checked.events);
    if *servers > 0 {
        text += &format!(
            " At its next start the server first asks {servers} other servers for what it wrote after the backup; rooms \
             that are shared with one that does not answer take no messages until it does, or until an admin pauses it."
        );
    }
    if let Some(former) = former {
        text += &format!(" The database of before is kept as {}.", former.display());
    }
    Outcome {
        text,
        json: json!({ "logs": checked.logs, "events": checked.events, "servers": servers, "former": former }),
    }
}
