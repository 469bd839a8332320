//! `scaiwave admin verify`, `rebuild`.

use std::error::Error;

use serde_json::json;

use crate::app::FolderLock;
use crate::cli::data::open_to_read;
use crate::cli::outcome::{Failure, Outcome};
use crate::clock::Clock;
use crate::config::Loaded;
use crate::db::Db;
use crate::rooms::rebuild;
use crate::rooms::verify::{self, Checked};
use crate::tenants::store as tenants;

/// Checks every log again; works beside a running server.
pub(super) async fn verify(loaded: Loaded) -> Result<Outcome, Failure> {
    let db = open_to_read(&loaded.config).await?;
    let checked = verify::all(&db).await;
    db.close().await;
    let Checked { logs, events } = checked.map_err(|error| match error.source() {
        Some(cause) => Failure::because(&error, cause),
        None => Failure::failed(&error),
    })?;
    Ok(Outcome {
        text: format!("{events} events in {logs} logs are as they should be."),
        json: json!({ "logs": logs, "events": events }),
    })
}

/// Makes the projections anew; refuses while a server uses the data folder.
pub(super) async fn rebuild(loaded: Loaded) -> Result<Outcome, Failure> {
    let folder = &loaded.config.data_dir;
    let lock = FolderLock::take(folder)
        .map_err(|error| Failure::because(format!("cannot use {}", folder.display()), &error))?;
    let Some(_lock) = lock else {
        return Err(Failure::failed(format!(
            "a server uses {}: stop it first, then rebuild",
            folder.display()
        )));
    };
    let db = open_to_read(&loaded.config).await?;
    let replayed = rebuild_all(&db).await;
    db.close().await;
    let events = replayed?;
    Ok(Outcome {
        text: format!("Rooms and messages were made anew from {events} events."),
        json: json!({ "events": events }),
    })
}

async fn rebuild_all(db: &Db) -> Result<u64, Failure> {
    let now = Clock::system().now_ms();
    let mut events = 0;
    for tenant in tenants::all(db).await.map_err(unreadable)? {
        let what = format!("tenant {}", tenant.slug());
        let replayed = rebuild::tenant(&tenant, db, now)
            .await
            .map_err(|error| Failure::because(what, &error))?;
        events += replayed.into_inner();
    }
    Ok(events)
}

fn unreadable(error: crate::db::DbError) -> Failure {
    Failure::because("cannot read the tenants", &error)
}
