//! What follows when rooms have ended for good: their last traces go.

use std::time::Duration;

use super::store::erased;
use crate::app::App;
use crate::db::DbError;
use crate::tenants::Tenant;

/// For how long who was in such a room can still learn that it has ended, in ms: for as long as a sign-in lasts unused.
const TOLD_FOR_MS: i64 = 30 * 24 * 3600 * 1000;
/// How often it is looked for who was told for long enough.
const EVERY: Duration = Duration::from_secs(3600);
/// How soon the write-ahead log is looked at again while somebody reads from it.
const PAUSE: Duration = Duration::from_secs(1);

/// Clears up until the server stops; at once after a start, since the one before may have been killed.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    loop {
        tokio::select! {
            () = scrub(&app) => {}
            () = stop.cancelled() => return,
        }
        for tenant in app.tenants().all() {
            if let Err(error) = forget_departures(&app, &tenant).await {
                tracing::warn!(%error, "who left rooms that have ended cannot be forgotten");
            }
        }
        tokio::select! {
            () = app.wake().erasure() => {}
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Takes what was deleted out of the write-ahead log, as soon as nobody reads from it.
async fn scrub(app: &App) {
    loop {
        match app.db().scrub().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "the write-ahead log cannot be emptied"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn forget_departures(app: &App, tenant: &Tenant) -> Result<(), DbError> {
    let time = app.now().saturating_sub(TOLD_FOR_MS);
    if !erased::has_departures_before(tenant, app.db(), time).await? {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    erased::forget_departures(tenant, &mut tx, time).await?;
    tx.commit(()).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
