//! When peers are asked for what is missing: after a gap, after an absence, and every few minutes without any reason; about
//! one room of one peer never twice at the same time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::seq::SliceRandom;

use super::{catch_up, missing};
use crate::app::App;
use crate::db::DbError;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::rooms::store::members;
use crate::rooms::timeline::MAX_AHEAD_MS;
use crate::tenants::Tenant;

/// How often rooms in which something happened lately are compared.
const EVERY: Duration = Duration::from_secs(60);
/// What counts as lately, in ms.
const LATELY_MS: i64 = 15 * 60 * 1000;
/// Every how many times all other shared rooms are compared too, the first time among them.
const ALL_EVERY: u64 = 60;
/// After how many failures in a row a peer is left in peace until the next time.
pub(super) const MOST_FAILURES: u32 = 3;

/// Up to how far ahead of this clock the next event may lie for this server to come back by itself, in ms; the sweep finds what
/// lies further.
const MOST_LEAD_MS: i64 = 10 * 60 * 1000;
/// After how long it comes back at the soonest, in ms: events follow each other closely.
const LEAST_LEAD_MS: i64 = 1_000;

/// What is going on with peers.
#[derive(Default)]
pub struct Running {
    /// Now: about one room, or, without one, about all rooms in turn; each with what comes next.
    now: Mutex<HashMap<Business, Option<Errand>>>,
    /// Rooms about which a peer will be asked again, and when, in ms.
    later: Mutex<HashMap<Appointment, i64>>,
}

type Appointment = (i64, RoomId, ServerName);

type Business = (i64, Option<RoomId>, ServerName);

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<Business, Option<Errand>>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn later(&self) -> MutexGuard<'_, HashMap<Appointment, i64>> {
        self.later.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A piece of business that nobody else does meanwhile; over when dropped.
struct Turn {
    app: App,
    business: Business,
    is_over: bool,
}

impl Turn {
    /// `None`: it is being done already. Then this errand comes after it, since what it is about may be news.
    fn take(
        app: &App,
        tenant: &Tenant,
        peer: &ServerName,
        room: Option<RoomId>,
        errand: Errand,
    ) -> Option<Turn> {
        let business = (tenant.key(), room, peer.clone());
        let mut running = app.catching_up().lock();
        match running.get_mut(&business) {
            // Comparing asks for contents, too.
            Some(Some(Errand::Compare)) => None,
            Some(next) => {
                *next = Some(errand);
                None
            }
            None => {
                running.insert(business.clone(), None);
                Some(Turn {
                    app: app.clone(),
                    business,
                    is_over: false,
                })
            }
        }
    }

    /// What was asked for meanwhile; if nothing was, the turn is over.
    fn next(&mut self) -> Option<Errand> {
        let mut running = self.app.catching_up().lock();
        let next = running.get_mut(&self.business).and_then(Option::take);
        if next.is_none() {
            running.remove(&self.business);
            self.is_over = true;
        }
        next
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.is_over {
            self.app.catching_up().lock().remove(&self.business);
        }
    }
}

/// What to do with a peer about a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Errand {
    /// Compare, and fetch what is missing.
    Compare,
    /// Ask for contents of events that are here.
    Contents,
}

/// Runs an errand in the background; after the one that runs already, if this server is busy with the peer about the room.
pub(super) fn soon(app: &App, tenant: &Tenant, peer: &ServerName, room_id: RoomId, errand: Errand) {
    let Some(turn) = Turn::take(app, tenant, peer, Some(room_id), errand) else {
        return;
    };
    let (app, tenant, peer) = (app.clone(), tenant.clone(), peer.clone());
    app.tasks().clone().spawn(async move {
        let stop = app.stop().clone();
        tokio::select! {
            _ = run_errands(&app, &tenant, &peer, room_id, errand, turn) => {}
            () = stop.cancelled() => {}
        }
    });
}

/// Runs an errand and those that were asked for meanwhile; whether the last one could be done.
async fn run_errands(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    errand: Errand,
    mut turn: Turn,
) -> bool {
    let mut errand = errand;
    loop {
        let is_done = run_errand(app, tenant, peer, room_id, errand).await;
        match turn.next() {
            Some(next) => errand = next,
            None => return is_done,
        }
    }
}

/// Whether it could be done; why not is logged.
async fn run_errand(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    errand: Errand,
) -> bool {
    let done = match errand {
        Errand::Compare => catch_up::room(app, tenant, peer, room_id).await,
        Errand::Contents => missing::contents(app, tenant, peer, room_id).await,
    };
    if let Err(error) = &done {
        tracing::info!(%error, %peer, room = %room_id, "could not catch up with a peer");
    }
    done.is_ok()
}

/// Asks a peer again about a room once the clock allows the next of the events that lie too far ahead of it: they are not kept
/// here, and whoever delivered them has gone on. One appointment for each room and peer at a time.
pub(super) fn when_due(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    times: impl IntoIterator<Item = i64>,
) {
    let now = app.now();
    let waits = times
        .into_iter()
        .map(|ts| ts.saturating_sub(MAX_AHEAD_MS).saturating_sub(now))
        .filter(|wait| *wait > 0);
    let Some(wait) = waits.min().filter(|wait| *wait <= MOST_LEAD_MS) else {
        return;
    };
    let due = now + wait.max(LEAST_LEAD_MS);
    let appointment = (tenant.key(), room_id, peer.clone());
    match app.catching_up().later().entry(appointment.clone()) {
        Entry::Occupied(_) => return,
        Entry::Vacant(free) => {
            free.insert(due);
        }
    }
    let app = app.clone();
    app.tasks().clone().spawn(async move {
        let stop = app.stop().clone();
        tokio::select! {
            () = keep(&app, &appointment) => {}
            () = stop.cancelled() => {}
        }
    });
}

async fn keep(app: &App, appointment: &Appointment) {
    loop {
        let due = app.catching_up().later().get(appointment).copied();
        let Some(due) = due else { return };
        let wait = u64::try_from(due.saturating_sub(app.now())).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        keep_appointments(app);
    }
}

/// Whether nothing is going on with any peer.
#[cfg(test)]
pub(super) fn is_idle(app: &App) -> bool {
    app.catching_up().lock().is_empty()
}

/// Asks those who are due to be asked again.
pub(super) fn keep_appointments(app: &App) {
    let now = app.now();
    let due: Vec<Appointment> = {
        let mut later = app.catching_up().later();
        later
            .extract_if(|_, due| *due <= now)
            .map(|(appointment, _)| appointment)
            .collect()
    };
    for (tenant, room_id, peer) in due {
        if let Some(tenant) = app.tenants().by_key(tenant) {
            soon(app, &tenant, &peer, room_id, Errand::Compare);
        }
    }
}

/// Compares shared rooms with their other servers, at the start and from time to time.
pub async fn run(app: App) {
    let stop = app.stop().clone();
    for time in 0_u64.. {
        let since = match time.is_multiple_of(ALL_EVERY) {
            true => i64::MIN,
            false => app.now() - LATELY_MS,
        };
        for tenant in app.tenants().all() {
            match members::shared_rooms(&tenant, app.db(), since).await {
                Ok(shared) => sweep_all(&app, &tenant, shared),
                Err(error) => tracing::warn!(%error, "shared rooms cannot be listed"),
            }
        }
        let rest = tokio::time::sleep(EVERY);
        tokio::pin!(rest);
        loop {
            tokio::select! {
                () = &mut rest => break,
                () = app.federation().returned().added() => {
                    if let Err(error) = sweep_returned(&app).await {
                        tracing::warn!(%error, "shared rooms cannot be listed");
                    }
                }
                () = stop.cancelled() => return,
            }
        }
    }
}

/// Compares all rooms with servers that were away: they may hold what they could not deliver, and what others wrote.
async fn sweep_returned(app: &App) -> Result<(), DbError> {
    let mut of_tenants: BTreeMap<i64, BTreeSet<ServerName>> = BTreeMap::new();
    for (tenant, server) in app.federation().returned().take() {
        of_tenants.entry(tenant).or_default().insert(server);
    }
    for (tenant, servers) in of_tenants {
        let Some(tenant) = app.tenants().by_key(tenant) else {
            continue;
        };
        let mut shared = members::shared_rooms(&tenant, app.db(), i64::MIN).await?;
        shared.retain(|(_, peer)| servers.contains(peer));
        sweep_all(app, &tenant, shared);
    }
    Ok(())
}

fn sweep_all(app: &App, tenant: &Tenant, shared: Vec<(RoomId, ServerName)>) {
    let mut of_peers: BTreeMap<ServerName, Vec<RoomId>> = BTreeMap::new();
    for (room_id, peer) in shared {
        of_peers.entry(peer).or_default().push(room_id);
    }
    for (peer, rooms) in of_peers {
        if let Some(turn) = Turn::take(app, tenant, &peer, None, Errand::Compare) {
            let (app, tenant) = (app.clone(), tenant.clone());
            app.tasks().clone().spawn(async move {
                let stop = app.stop().clone();
                tokio::select! {
                    () = sweep(&app, &tenant, &peer, rooms) => {}
                    () = stop.cancelled() => {}
                }
                drop(turn);
            });
        }
    }
}

/// Compares rooms with one peer, one after another: thousands of them are one request at a time for both. Each time in
/// another order, so that a few that fail do not keep the others from their turn.
async fn sweep(app: &App, tenant: &Tenant, peer: &ServerName, mut rooms: Vec<RoomId>) {
    rooms.shuffle(&mut rand::rng());
    let mut failures = 0;
    for room_id in rooms {
        let errand = Errand::Compare;
        let Some(turn) = Turn::take(app, tenant, peer, Some(room_id), errand) else {
            continue;
        };
        failures = match run_errands(app, tenant, peer, room_id, errand, turn).await {
            true => 0,
            false => failures + 1,
        };
        if failures == MOST_FAILURES {
            return;
        }
    }
}
