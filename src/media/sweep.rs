//! Removes what nothing refers to any more: uploads after seven days, what a message named within an hour of the last one
//! that did, copies likewise, and bytes that a crash left without a row.
//!
//! The row goes first, and the bytes after its commit: a row never lacks its file.

use std::collections::HashSet;
use std::time::Duration;

use super::error::MediaError;
use super::storage::Shelf;
use super::store::{copies, own};
use crate::app::App;
use crate::events::core::hash::Hash;
use crate::tenants::Tenant;

/// Between two rounds.
const EVERY: Duration = Duration::from_secs(60 * 60);
/// Rounds between two looks at every file.
const LOOK_EVERY: u32 = 24;
/// Rows in one transaction.
const AT_ONCE: i64 = 200;

/// Forgets what had not arrived when the server last ended. Before anything arrives.
///
/// # Errors
/// The system's.
pub async fn begin(app: &App) -> Result<(), std::io::Error> {
    app.media().forget_incoming().await
}

/// Sweeps now and then, until the server stops.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    for round in 0_u32.. {
        for tenant in app.tenants().all() {
            let is_thorough = round.is_multiple_of(LOOK_EVERY);
            if let Err(error) = tenant_once(&app, &tenant, is_thorough).await {
                tracing::warn!(event = "media.sweep_failed", tenant = tenant.slug(), %error);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Removes what a tenant no longer needs; if `is_thorough`, files without a row, too.
///
/// # Errors
/// The database's, or the system's.
pub async fn tenant_once(app: &App, tenant: &Tenant, is_thorough: bool) -> Result<(), MediaError> {
    for shelf in [Shelf::Own, Shelf::Foreign] {
        loop {
            let gone = take_unused(app, tenant, shelf).await?;
            remove(app, tenant, shelf, &gone).await?;
            if gone.is_empty() {
                break;
            }
        }
        if is_thorough {
            let there = app.media().contents(shelf, tenant).await?;
            let known = among(app, tenant, shelf, &there).await?;
            let strays: Vec<Hash> = there
                .into_iter()
                .filter(|content| !known.contains(content))
                .collect();
            remove(app, tenant, shelf, &strays).await?;
        }
    }
    Ok(())
}

async fn take_unused(app: &App, tenant: &Tenant, shelf: Shelf) -> Result<Vec<Hash>, MediaError> {
    let mut tx = app.db().begin().await?;
    let gone = match shelf {
        Shelf::Own => own::take_unused(tenant, &mut tx, app.now(), AT_ONCE).await?,
        Shelf::Foreign => copies::take_unused(tenant, &mut tx, AT_ONCE).await?,
    };
    Ok(tx.commit(gone).await?.into_inner())
}

async fn among(
    app: &App,
    tenant: &Tenant,
    shelf: Shelf,
    contents: &[Hash],
) -> Result<HashSet<Hash>, MediaError> {
    Ok(match shelf {
        Shelf::Own => own::among(tenant, app.db(), contents).await?,
        Shelf::Foreign => copies::among(tenant, app.db(), contents).await?,
    })
}

/// Removes the bytes of contents, unless somebody has the same content still, or again.
async fn remove(
    app: &App,
    tenant: &Tenant,
    shelf: Shelf,
    contents: &[Hash],
) -> Result<(), MediaError> {
    for content in contents {
        let _turn = app.media().placing().await;
        let known = among(app, tenant, shelf, std::slice::from_ref(content)).await?;
        if known.is_empty() {
            app.media().remove(shelf, tenant, *content).await?;
        }
    }
    Ok(())
}
