//! After a restore from a backup: fetching what this server wrote since, before it writes anything else there
//! (federation specification, "Restore").
//!
//! An own event at a place that peers hold already would fork the own log. So every server of every shared room is asked
//! for the own log first; until all of a room's have answered, nothing is appended to it and nothing is taken from others,
//! since a host answers what it takes. An admin who pauses a peer goes on without it.
//!
//! Which of its rooms this server shared first after the backup it does not know any more. So every server that it had met
//! is asked about all of them, as long as a start waits; for one that is silent these rooms do not wait longer.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::{StreamExt, stream};
use rand::seq::SliceRandom;

use super::catch_up;
use super::errands::{self, Errand, MOST_FAILURES};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::DbError;
use crate::error::Result;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::federation::store::restored;
use crate::rooms::store::{members, rooms};
use crate::tenants::Tenant;

/// How long a start waits for answers, at most. Rooms of servers that do not answer by then go on waiting by themselves.
const AT_START: Duration = Duration::from_secs(30);
/// How often servers that have not answered are asked again.
const EVERY: Duration = Duration::from_secs(60);
/// Servers that are asked at one time.
const AT_ONCE: usize = 8;

/// Asks once, before clients are served; then, in the background, whoever has not answered.
///
/// # Errors
/// The database's.
pub async fn begin(app: &App) -> Result<(), DbError> {
    let open = all_open(app).await?;
    if open.is_empty() && all_unasked(app).await?.is_empty() {
        return Ok(());
    }
    for (tenant, asked) in &open {
        let rooms = asked.iter().map(|(room_id, _)| *room_id);
        app.federation().host_wait().fall_behind(tenant, rooms);
    }
    tracing::info!("restored from a backup: asking other servers for what was written since");
    let _in_time = tokio::time::timeout(AT_START, ask_all(app)).await;
    if release(app).await? {
        return Ok(());
    }
    tracing::warn!(
        "not all servers have answered: rooms that were shared with them take no messages until they do, or until an admin \
         pauses those servers"
    );
    let (app, stop) = (app.clone(), app.stop().clone());
    app.tasks().clone().spawn(async move {
        tokio::select! {
            () = go_on(&app) => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(())
}

/// Asks again and again, until all have answered.
async fn go_on(app: &App) {
    loop {
        tokio::time::sleep(EVERY).await;
        match ask_again(app).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "what a restored server has to ask for cannot be read");
            }
        }
    }
}

/// Asks whoever has not answered; whether all have now.
async fn ask_again(app: &App) -> Result<bool, DbError> {
    let open = all_open(app).await?;
    ask_all(app).await?;
    let is_over = release(app).await?;
    // What came into these rooms meanwhile was not taken.
    for (tenant, asked) in &open {
        for (room_id, peer) in asked {
            if !app.federation().host_wait().is_behind(tenant, *room_id) {
                errands::soon(app, tenant, peer, *room_id, Errand::Compare);
            }
        }
    }
    Ok(is_over)
}

/// A tenant, and whom it has to ask about which rooms.
type Open = (Tenant, Vec<(RoomId, ServerName)>);

async fn all_open(app: &App) -> Result<Vec<Open>, DbError> {
    let mut all = Vec::new();
    for tenant in app.tenants().all() {
        let open = restored::open(&tenant, app.db()).await?;
        if !open.is_empty() {
            all.push((tenant, open));
        }
    }
    Ok(all)
}

/// Asks everybody once: about rooms that are known to be shared first, then about all others, and what that brings up.
async fn ask_all(app: &App) -> Result<(), DbError> {
    ask_about_shared(app).await?;
    let unasked = all_unasked(app).await?;
    if unasked.is_empty() {
        return Ok(());
    }
    stream::iter(unasked)
        .for_each_concurrent(AT_ONCE, async |(tenant, peer)| {
            if let Err(error) = ask_about_all(app, &tenant, &peer).await {
                tracing::info!(%error, %peer, "a peer cannot say which rooms it shares");
            }
        })
        .await;
    ask_about_shared(app).await
}

/// Asks everybody once about rooms that are shared with them, those too of whom this server hears meanwhile that they have
/// joined since the backup.
async fn ask_about_shared(app: &App) -> Result<(), DbError> {
    let mut asked = BTreeSet::new();
    loop {
        let mut is_over = true;
        for (tenant, open) in all_open(app).await? {
            let mut of_peers: BTreeMap<ServerName, Vec<RoomId>> = BTreeMap::new();
            for (room_id, peer) in open {
                if asked.insert((tenant.key(), room_id, peer.clone())) {
                    of_peers.entry(peer).or_default().push(room_id);
                }
            }
            is_over &= of_peers.is_empty();
            stream::iter(of_peers)
                .for_each_concurrent(AT_ONCE, async |(peer, rooms)| {
                    if let Err(error) = ask_peer(app, &tenant, &peer, rooms).await {
                        tracing::info!(%error, %peer, "a peer cannot say what was written since the backup");
                    }
                })
                .await;
        }
        if is_over {
            return Ok(());
        }
    }
}

/// Whom a tenant has to ask about all rooms that it hosts.
async fn all_unasked(app: &App) -> Result<Vec<(Tenant, ServerName)>, DbError> {
    let mut all = Vec::new();
    for tenant in app.tenants().all() {
        let peers = restored::unasked(&tenant, app.db()).await?;
        all.extend(peers.into_iter().map(|peer| (tenant.clone(), peer)));
    }
    Ok(all)
}

/// Asks a peer about the rooms that this server hosts, but for those of which it is known that they share them.
async fn ask_about_all(app: &App, tenant: &Tenant, peer: &ServerName) -> Result<()> {
    if may_ask(app, tenant, peer).await? {
        for room_id in rooms::hosted(tenant, app.db()).await? {
            let before = members::servers(tenant, app.db(), room_id).await?;
            if before.contains(peer) {
                continue;
            }
            match catch_up::own_log(app, tenant, peer, room_id).await {
                Err(error) if error.code() != Code::RoomNotFound => return Err(error),
                Ok(()) | Err(_) => ask_newcomers(app, tenant, room_id, &before).await?,
            }
        }
    }
    Ok(restored::answered(tenant, app.db(), peer).await?)
}

/// Whether the policy allows the peer and no admin has paused it.
async fn may_ask(app: &App, tenant: &Tenant, peer: &ServerName) -> Result<bool> {
    let federation = app.federation();
    let is_paused = federation.peers().get(tenant, peer).await?.paused;
    let policy = federation.policies().get(tenant).await?;
    Ok(!is_paused && policy.require(peer).is_ok())
}

/// Asks a peer about all rooms, each time in another order, so that a few that fail do not keep the others from their turn.
async fn ask_peer(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    mut rooms: Vec<RoomId>,
) -> Result<()> {
    let may_ask = may_ask(app, tenant, peer).await?;
    rooms.shuffle(&mut rand::rng());
    let mut failures = 0;
    for room_id in rooms {
        if may_ask {
            let before = members::servers(tenant, app.db(), room_id).await?;
            let asked = catch_up::own_log(app, tenant, peer, room_id).await;
            ask_newcomers(app, tenant, room_id, &before).await?;
            failures = if asked.is_ok() { 0 } else { failures + 1 };
            match asked {
                Err(error) if failures == MOST_FAILURES => return Err(error),
                Err(error) => {
                    tracing::info!(%error, %peer, room = %room_id, "a peer cannot say what was written since the backup");
                    continue;
                }
                Ok(()) => {}
            }
        }
        restored::done(tenant, app.db(), room_id, peer).await?;
    }
    Ok(())
}

/// Servers that have joined a room since the backup may have what nobody else has of what this server wrote since.
async fn ask_newcomers(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    before: &[ServerName],
) -> Result<()> {
    let mut servers = members::servers(tenant, app.db(), room_id).await?;
    servers.retain(|server| server != tenant.server_name() && !before.contains(server));
    let rooms: Vec<_> = servers.into_iter().map(|of| (room_id, of)).collect();
    if rooms.is_empty() {
        return Ok(());
    }
    let mut tx = app.db().begin().await?;
    restored::ask(tenant, &mut tx, &rooms).await?;
    tx.commit(()).await?;
    Ok(())
}

/// Rooms of which all servers have answered go on; whether these are all.
async fn release(app: &App) -> Result<bool, DbError> {
    let mut is_over = all_unasked(app).await?.is_empty();
    for tenant in app.tenants().all() {
        let open = restored::open(&tenant, app.db()).await?;
        is_over &= open.is_empty();
        let still: BTreeSet<RoomId> = open.into_iter().map(|(room_id, _)| room_id).collect();
        app.federation().host_wait().catch_up(&tenant, &still);
    }
    Ok(is_over)
}
