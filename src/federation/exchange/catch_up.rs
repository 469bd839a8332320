//! Fetching what is missing of a room's logs from one peer; [`errands`](super::errands) says when.

use std::collections::BTreeMap;

use http::Method;
use serde::Deserialize;

use super::ahead::{LogPage, Source};
use super::pages::{Keys, Unbelievable, verify_all};
use super::{bounds, errands, forks, joining, missing, refusals};
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Result};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::incoming;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;
use crate::events::core::verified::Verified;
use crate::federation::client::Call;
use crate::federation::core::delivery::LogPlace;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::model::{RejectedEvent, Rejection};
use crate::federation::outbox;
use crate::rooms::core::content::LogPosition;
use crate::rooms::store::{members, rooms};
use crate::rooms::timeline::{Page, Part, Receipt};
use crate::tenants::Tenant;

/// Events asked for at once.
const PAGE: i64 = 500;
/// The largest answer.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

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
    let (host, others) = host_first(app, tenant, room_id, heads).await?;
    for (origin, head) in host {
        one_log(app, tenant, peer, (room_id, &origin), &head).await?;
    }
    // The host's log says who else has one: a peer that invents others is not asked for them.
    let known = members::all_servers(tenant, app.db(), room_id).await?;
    for (origin, head) in others {
        if known.contains(&origin) && refusals::allows(app, tenant, &origin).await? {
            one_log(app, tenant, peer, (room_id, &origin), &head).await?;
        }
    }
    app.federation().host_wait().heard(tenant, room_id);
    joining::fill_gaps(app, tenant, peer, room_id).await?;
    missing::contents(app, tenant, peer, room_id).await
}

/// Fetches of the own log what a peer holds and this server does not: it was put back to an earlier state. The host's log
/// comes first, since it may admit an epoch that this server does not remember.
pub(super) async fn own_log(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<()> {
    let mut heads = heads(app, tenant, peer, room_id).await?;
    let own = tenant.server_name();
    let own_head = heads.remove_entry(own);
    let (host, _) = host_first(app, tenant, room_id, heads).await?;
    for (origin, head) in host.into_iter().chain(own_head) {
        log(app, tenant, peer, (room_id, &origin), place_of(&head), None).await?;
    }
    Ok(())
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

type Head = (ServerName, LogPosition);

/// The host's log, which is to come first since it holds the state that the others rest on, and their keys; and the others.
async fn host_first(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    heads: BTreeMap<ServerName, LogPosition>,
) -> Result<(Vec<Head>, Vec<Head>)> {
    let row = rooms::get(tenant, app.db().reader(), room_id).await?;
    let is_host = |origin: &ServerName| row.as_ref().is_some_and(|row| row.host == *origin);
    Ok(heads.into_iter().partition(|(origin, _)| is_host(origin)))
}

/// Fetches what is missing of one log; one that ends here as it does there costs nothing more.
async fn one_log(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    (room_id, origin): (RoomId, &ServerName),
    head: &LogPosition,
) -> Result<()> {
    let end = forks::end_of(app, tenant, room_id, origin).await?;
    let is_done = end.is_some_and(|end| {
        let is_there = (end.epoch, end.seq, Some(end.hash)) == (head.epoch, head.seq, head.hash);
        end.forked_at.is_some() || is_there
    });
    if is_done {
        return Ok(());
    }
    log(app, tenant, peer, (room_id, origin), place_of(head), None).await?;
    let before = end_of(app, tenant, room_id, origin).await?;
    forks::compare(app, tenant, peer, (room_id, origin), head).await?;
    if end_of(app, tenant, room_id, origin).await? < before {
        // It was on a branch that the host does not count, and has gone back to where that parts.
        log(app, tenant, peer, (room_id, origin), place_of(head), None).await?;
    }
    Ok(())
}

/// Fetches one origin's log up to `until`, epoch by epoch and page by page, as long as that brings anything. While a page is
/// placed, the next one is verified, and the one after that is on its way.
pub(super) async fn log(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    (room_id, origin): (RoomId, &ServerName),
    until: LogPlace,
    first_keys: Option<Vec<PublicKey>>,
) -> Result<()> {
    let pinned = first_keys.map(|keys| (origin.clone(), keys));
    let part = match pinned {
        Some(_) => Part::Beginning,
        None => Part::Log,
    };
    let mut end = end_of(app, tenant, room_id, origin).await?;
    if end < until && !refusals::allows(app, tenant, origin).await? {
        return Ok(());
    }
    let mut from = end;
    while end < until {
        let keys = Keys::load(app, tenant, room_id, pinned.clone()).await?;
        let latest_epoch = keys.latest_epoch(origin);
        let source = Source {
            app: app.clone(),
            tenant: tenant.clone(),
            peer: peer.clone(),
            room_id,
            origin: origin.clone(),
        };
        let mut ahead = source.ahead(from, until, keys);
        while let Some(page) = ahead.next().await {
            let LogPage { last, believed } = page?;
            let Some(seq) = last else {
                // The epoch has ended there; the next one, if the host has admitted it, is asked for by itself.
                if from.epoch >= until.epoch.min(latest_epoch) {
                    return Ok(());
                }
                from = LogPlace {
                    epoch: from.epoch + 1,
                    seq: 0,
                };
                break;
            };
            let turn = app.federation().shares().placing(tenant, peer).await;
            let any_placed = put(app, tenant, peer, believed, part).await?;
            drop(turn);
            let before = std::mem::replace(&mut end, end_of(app, tenant, room_id, origin).await?);
            if end <= before || !any_placed {
                return Ok(());
            }
            from = end;
            if end.seq != seq {
                // What is on its way does not fit there.
                break;
            }
        }
    }
    Ok(())
}

/// Where one origin's log ends here.
pub(super) async fn end_of(
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
    part: Part,
) -> Result<(Keys, bool)> {
    let Some(first) = events.first() else {
        return Ok((keys, false));
    };
    if !refusals::allows(app, tenant, &first.origin).await? {
        return Ok((keys, false));
    }
    let turn = app.federation().shares().turn(tenant, peer).await;
    let plain = events.clone();
    let (keys, verified) = verify_all(&turn, keys, events).await;
    let believed = Believed::of(peer, plain, verified);
    Ok((keys, put(app, tenant, peer, believed, part).await?))
}

/// What of a page can be placed.
pub(super) struct Believed {
    /// The events as they came.
    plain: Vec<Event>,
    /// Those that verify, up to the first one that does not: what comes after it cannot be placed anyway.
    events: Vec<Verified<Event>>,
    refused: Vec<Rejection>,
}

impl Believed {
    pub(super) fn of(
        peer: &ServerName,
        plain: Vec<Event>,
        verified: Vec<std::result::Result<Verified<Event>, Unbelievable>>,
    ) -> Believed {
        let mut events = Vec::with_capacity(verified.len());
        let mut refused = Vec::new();
        for (event, verified) in plain.iter().zip(verified) {
            match verified {
                Ok(verified) => events.push(verified),
                Err(error) => {
                    refused.push(refusals::of_envelope(peer, event, error));
                    break;
                }
            }
        }
        Believed {
            plain,
            events,
            refused,
        }
    }
}

/// Places what can be placed of a page; whether any of it took its place.
async fn put(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    believed: Believed,
    part: Part,
) -> Result<bool> {
    let Believed {
        plain,
        events,
        mut refused,
    } = believed;
    missing::journal_wrong_contents(app, tenant, peer, &events).await;
    if let Some(room_id) = events.first().map(|event| event.room_id) {
        let times = events.iter().map(|event| event.ts);
        errands::when_due(app, tenant, peer, room_id, times);
    }
    let page = Page {
        tenant: tenant.clone(),
        deliverer: peer.clone(),
        events,
        part,
    };
    let receipts = app.timeline().receive(page).await?.into_inner();
    let of = |(event, receipt): (&Event, &Receipt)| {
        refusals::of_fetched(peer, RejectedEvent::of(event), receipt)
    };
    refused.extend(plain.iter().zip(&receipts).filter_map(of));
    refusals::note(app, tenant, &refused).await;
    let is_placed = |receipt: &Receipt| match receipt {
        Receipt::Accepted | Receipt::Pending | Receipt::Contradicting => true,
        Receipt::Rejected { placed, .. } => *placed,
        Receipt::Duplicate => false,
    };
    Ok(receipts.iter().any(is_placed))
}

fn read_page(
    peer: &ServerName,
    body: &[u8],
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Vec<Event>> {
    let items =
        incoming::read_page(body, bounds(MOST_BYTES)).map_err(|error| unusable(peer, error))?;
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
