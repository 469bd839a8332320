//! How the server is: the parts that `/health` asks, and what is measured when `/metrics` is read.

use std::collections::HashMap;

use super::App;
use crate::federation::{outbox, rotation};
use crate::http::health::{Condition, Health};
use crate::http::metrics::{PeerLabels, PoolLabels};

/// The parts of the server that can fail.
pub(super) fn health(app: &App) -> Health {
    let (database, storage, keys) = (app.clone(), app.clone(), app.clone());
    Health::default()
        .with("database", move || {
            let app = database.clone();
            async move { needed(app.db().ping().await.is_ok()) }
        })
        .with("storage", move || {
            let app = storage.clone();
            async move {
                let folder = tokio::fs::metadata(&app.config().data_dir).await;
                needed(folder.is_ok_and(|folder| folder.is_dir()))
            }
        })
        .with("federation_key", move || {
            let app = keys.clone();
            async move { rotation::condition(&app).await }
        })
}

const fn needed(works: bool) -> Condition {
    if works {
        Condition::Ok
    } else {
        Condition::Failed
    }
}

/// How many events wait for each peer, over all tenants; peers without a label of their own count together.
async fn measure_outbox(app: &App) {
    let metrics = app.metrics();
    let mut waiting: HashMap<PeerLabels, i64> = HashMap::new();
    for tenant in app.tenants().all() {
        let Ok(depths) = outbox::depths(&tenant, app.db()).await else {
            return;
        };
        for (peer, depth) in depths {
            *waiting.entry(metrics.peer(peer.as_str())).or_default() += depth.events;
        }
    }
    // A peer that has everything by now has no row any more.
    metrics.federation_outbox.clear();
    for (peer, events) in waiting {
        metrics.federation_outbox.get_or_create(&peer).set(events);
    }
}

/// Brings up to date what is not counted as it happens.
pub(super) async fn measure(app: &App) {
    let metrics = app.metrics();
    let (read_open, read_idle, write_open, write_idle) = app.db().connections();
    for (pool, open, idle) in [
        ("read", i64::from(read_open), read_idle),
        ("write", i64::from(write_open), write_idle),
    ] {
        let idle = i64::try_from(idle).unwrap_or(i64::MAX);
        for (state, count) in [("idle", idle), ("used", open.saturating_sub(idle))] {
            let labels = PoolLabels { pool, state };
            metrics.db_connections.get_or_create(&labels).set(count);
        }
    }
    measure_outbox(app).await;
    // A database that does not answer keeps its last known size; `/health` says what is wrong.
    if let Ok(size) = app.db().size().await {
        metrics
            .store_size
            .set(i64::try_from(size).unwrap_or(i64::MAX));
    }
}
