//! Fetching what is missing: after a gap, after an absence, and every few minutes without any reason.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use rand::seq::SliceRandom;
use serde::Deserialize;

use super::pages::{Keys, verify_all};
use super::{forks, missing};
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::incoming;
use crate::events::core::json::Limits;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;
use crate::federation::client::Call;
use crate::federation::core::delivery::LogPlace;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::outbox;
use crate::rooms::core::content::LogPosition;
use crate::rooms::store::members;
use crate::rooms::timeline::{Page, Receipt};
use crate::tenants::Tenant;

/// How often rooms in which something happened lately are compared.
const EVERY: Duration = Duration::from_secs(60);
/// What counts as lately, in ms.
const LATELY_MS: i64 = 15 * 60 * 1000;
/// Every how many times all other shared rooms are compared too, the first time among them.
const ALL_EVERY: u64 = 60;
/// After how many failures in a row a peer is left in peace until the next time.
const MOST_FAILURES: u32 = 3;
/// Events asked for at once.
const PAGE: i64 = 500;
/// The largest answer.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What is going on with peers now: about one room, or, without one, about all rooms in turn; each with what comes next.
#[derive(Default)]
pub struct Running(Mutex<HashMap<Business, Option<Errand>>>);

type Business = (i64, Option<RoomId>, ServerName);

impl Running {
    fn lock(&self) -> MutexGuard<'_, HashMap<Business, Option<Errand>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
        Errand::Compare => room(app, tenant, peer, room_id).await,
        Errand::Contents => missing::contents(app, tenant, peer, room_id).await,
    };
    if let Err(error) = &done {
        tracing::info!(%error, %peer, room = %room_id, "could not catch up with a peer");
    }
    done.is_ok()
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
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = stop.cancelled() => return,
        }
    }
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

/// Fetches from a peer what it holds of a room and this server does not.
pub(super) async fn room(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<()> {
    if app.federation().host_wait().is_behind(tenant, room_id) {
        return Ok(());
    }
    let heads = heads(app, tenant, peer, room_id).await?;
    if let Some(ours) = heads.get(tenant.server_name()) {
        outbox::believe(app.federation(), tenant, peer, room_id, ours).await?;
    }
    let host = host_first(app, tenant, room_id, heads.into_iter().collect()).await?;
    let mut known: Option<Vec<ServerName>> = None;
    for (at, (origin, head)) in host.into_iter().enumerate() {
        // The host's log says who else has one: a peer that invents others is not asked for them.
        if at > 0 && known.is_none() {
            known = Some(members::all_servers(tenant, app.db(), room_id).await?);
        }
        if known.as_ref().is_some_and(|known| !known.contains(&origin)) {
            continue;
        }
        let end = forks::end_of(app, tenant, room_id, &origin).await?;
        if end.is_some_and(|end| end.forked_at.is_some()) {
            continue;
        }
        log(app, tenant, peer, (room_id, &origin), place_of(&head), None).await?;
        forks::compare(app, tenant, peer, (room_id, &origin), &head).await?;
    }
    app.federation().host_wait().heard(tenant, room_id);
    missing::contents(app, tenant, peer, room_id).await
}

/// Fetches of the own log what a peer holds and this server does not: it was put back to an earlier state.
pub(super) async fn own_log(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<()> {
    let heads = heads(app, tenant, peer, room_id).await?;
    let own = tenant.server_name();
    match heads.get(own) {
        Some(head) => log(app, tenant, peer, (room_id, own), place_of(head), None).await,
        None => Ok(()),
    }
}

fn place_of(position: &LogPosition) -> LogPlace {
    LogPlace {
        epoch: position.epoch,
        seq: position.seq,
    }
}

/// Where a room's logs end at a peer.
async fn heads(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<BTreeMap<ServerName, LogPosition>> {
    #[derive(Deserialize)]
    struct Heads {
        heads: BTreeMap<ServerName, LogPosition>,
    }
    let path = format!("{FEDERATION_PATH}/rooms/{room_id}/heads");
    let body = get(app, tenant, peer, &path).await?;
    let heads: Heads = serde_json::from_slice(&body).map_err(|error| unusable(peer, error))?;
    Ok(heads.heads)
}

/// The host's log first: it holds the state that the others rest on, and their keys.
async fn host_first(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    mut heads: Vec<(ServerName, LogPosition)>,
) -> Result<Vec<(ServerName, LogPosition)>> {
    let row = crate::rooms::store::rooms::get(tenant, app.db().reader(), room_id).await?;
    if let Some(row) = row {
        heads.sort_by_key(|(origin, _)| *origin != row.host);
    }
    Ok(heads)
}

/// Fetches one origin's log up to `until`, epoch by epoch and page by page, as long as that brings anything. While a page is
/// placed, the next one is on its way.
pub(super) async fn log(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    (room_id, origin): (RoomId, &ServerName),
    until: LogPlace,
    first_keys: Option<Vec<PublicKey>>,
) -> Result<()> {
    let pinned = first_keys.map(|keys| (origin.clone(), keys));
    let may_begin = pinned.is_some();
    let mut keys = Keys::load(app, tenant, room_id, pinned).await?;
    let mut fetched: Option<(LogPlace, Vec<Event>)> = None;
    let mut end = end_of(app, tenant, room_id, origin).await?;
    let mut from = end;
    while end < until {
        let page = match fetched.take().filter(|(after, _)| *after == from) {
            Some((_, page)) => page,
            None => fetch(app, tenant, peer, (room_id, origin), from).await?,
        };
        let Some(seq) = page.last().map(|event| event.seq) else {
            // The epoch has ended there; the next one, if the host has admitted it, is asked for by itself.
            if from.epoch >= until.epoch.min(keys.latest_epoch(origin)) {
                return Ok(());
            }
            from = LogPlace {
                epoch: from.epoch + 1,
                seq: 0,
            };
            continue;
        };
        let next = LogPlace {
            epoch: from.epoch,
            seq,
        };
        let ahead = async {
            match next < until {
                true => Some(fetch(app, tenant, peer, (room_id, origin), next).await),
                false => None,
            }
        };
        let (ahead, placed) = tokio::join!(ahead, place(app, tenant, peer, keys, page, may_begin));
        let (known, any_placed) = placed?;
        keys = known;
        let before = std::mem::replace(&mut end, end_of(app, tenant, room_id, origin).await?);
        if end <= before || !any_placed {
            return Ok(());
        }
        fetched = ahead.transpose()?.map(|page| (next, page));
        from = end;
    }
    Ok(())
}

/// Where one origin's log ends here.
async fn end_of(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<LogPlace> {
    let end = forks::end_of(app, tenant, room_id, origin).await?;
    Ok(end.map_or(LogPlace { epoch: 1, seq: 0 }, |end| LogPlace {
        epoch: end.epoch,
        seq: end.seq,
    }))
}

/// A page of a log from after this place on.
pub(super) async fn fetch(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    (room_id, origin): (RoomId, &ServerName),
    after: LogPlace,
) -> Result<Vec<Event>> {
    let LogPlace { epoch, seq } = after;
    let path = format!(
        "{FEDERATION_PATH}/rooms/{room_id}/backfill?origin={origin}&epoch={epoch}&after_seq={seq}&limit={PAGE}"
    );
    let body = get(app, tenant, peer, &path).await?;
    read_page(peer, &body, room_id, origin)
}

/// Verifies and places a page of a log; whether any of it took its place.
pub(crate) async fn place(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    keys: Keys,
    events: Vec<Event>,
    may_begin: bool,
) -> Result<(Keys, bool)> {
    let (keys, verified) = verify_all(keys, events).await;
    let mut page = Vec::with_capacity(verified.len());
    for event in verified {
        match event {
            Ok(event) => page.push(event),
            Err(error) => {
                tracing::warn!(%error, %peer, "a backfilled event does not verify");
                break;
            }
        }
    }
    missing::journal_wrong_contents(app, tenant, peer, &page).await;
    let page = Page {
        tenant: tenant.clone(),
        deliverer: peer.clone(),
        events: page,
        may_begin,
    };
    let receipts = app.timeline().receive(page).await?.into_inner();
    let is_placed = |receipt: &Receipt| match receipt {
        Receipt::Accepted | Receipt::Pending => true,
        Receipt::Rejected { placed, .. } => *placed,
        Receipt::Duplicate => false,
    };
    Ok((keys, receipts.iter().any(is_placed)))
}

fn read_page(
    peer: &ServerName,
    body: &[u8],
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Vec<Event>> {
    let limits = Limits {
        max_bytes: MOST_BYTES,
        max_depth: 70,
    };
    let items = incoming::read_page(body, limits).map_err(|error| unusable(peer, error))?;
    // What comes after an unreadable event cannot be placed anyway.
    Ok(items
        .into_iter()
        .map_while(|item| item.event.ok())
        .take_while(|event| event.room_id == room_id && event.origin == *origin)
        .collect())
}

pub(super) async fn get(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    path: &str,
) -> Result<Vec<u8>> {
    let call = Call {
        method: Method::GET,
        path_and_query: path,
        body: None,
        max_response: MOST_BYTES,
    };
    let response = app.federation().call(tenant, peer, call).await?;
    if response.status.is_success() {
        return Ok(response.body);
    }
    Err(unusable(peer, format!("it answered {}", response.status)))
}

pub(super) fn unusable(peer: &ServerName, why: impl ToString) -> Error {
    Error::new(Code::ServiceUnavailable)
        .message(format!("The server {peer} cannot be asked now."))
        .source(why.to_string())
}
