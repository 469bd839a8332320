//! Contents that are missing: asked for of every server that may have them, and a note of who delivered wrong ones
//! (federation specification, "Void, missing, stalled").

use super::catch_up::{MOST_BYTES, get, unusable};
use super::pages::{Keys, verify_all};
use super::{bounds, refusals};
use crate::app::App;
use crate::catalogue::Code;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::incoming;
use crate::events::core::names::ServerName;
use crate::events::core::verified::{ContentStatus, Verified};
use crate::events::store::contents::{self, Denied, Missing};
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::federation::model::{Check, RejectedEvent, Rejection};
use crate::rooms::timeline::{Page, Part};
use crate::tenants::Tenant;

/// Contents asked of one server at a time.
const MOST: i64 = 500;
/// Places of a log in one request.
const SPAN: i64 = 500;

/// Asks a peer for the contents of a room that are missing here and that it may be asked for.
pub(super) async fn contents(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<()> {
    let wanted = contents::wanted(tenant, app.db(), room_id, peer, app.now(), MOST).await?;
    for run in runs(&wanted) {
        ask(app, tenant, peer, room_id, run).await?;
    }
    Ok(())
}

/// Pieces of logs, none longer than one request can bring.
fn runs(wanted: &[Missing]) -> impl Iterator<Item = &[Missing]> {
    let mut rest = wanted;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let reaches = |next: &&Missing| {
            next.origin == first.origin && next.epoch == first.epoch && next.seq < first.seq + SPAN
        };
        let (run, after) = rest.split_at(rest.iter().take_while(reaches).count());
        rest = after;
        Some(run)
    })
}

async fn ask(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    run: &[Missing],
) -> Result<()> {
    let (Some(first), Some(last)) = (run.first(), run.last()) else {
        return Ok(());
    };
    let (origin, epoch) = (&first.origin, first.epoch);
    let (after, limit) = (first.seq - 1, last.seq - first.seq + 1);
    let path = format!(
        "{FEDERATION_PATH}/rooms/{room_id}/backfill?origin={origin}&epoch={epoch}&after_seq={after}&limit={limit}"
    );
    let body = get(app, tenant, peer, &path).await?;
    let items =
        incoming::read_page(&body, bounds(MOST_BYTES)).map_err(|error| unusable(peer, error))?;
    let mut explained = Vec::new();
    let mut events = Vec::new();
    for item in items {
        let Ok(event) = item.event else { continue };
        if !run.iter().any(|missing| missing.event_id == event.event_id) {
            continue;
        }
        if item.is_explained {
            explained.push(event.event_id);
        }
        events.push(event);
    }
    let brought = take(app, tenant, peer, room_id, events).await?;
    let denied: Vec<_> = run
        .iter()
        .map(|missing| missing.event_id)
        .filter(|event_id| !brought.contains(event_id))
        .map(|event_id| match explained.contains(&event_id) {
            true => (event_id, Denied::Explained),
            false => (event_id, Denied::Unexplained),
        })
        .collect();
    let mut tx = app.db().begin().await?;
    contents::denied(tenant, &mut tx, peer, &denied, app.now()).await?;
    tx.commit(()).await?;
    Ok(())
}

/// Takes what a peer delivered again; the events that it brought with their contents.
async fn take(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
    events: Vec<Event>,
) -> Result<Vec<EventId>> {
    let Some(first) = events.first() else {
        return Ok(Vec::new());
    };
    if !refusals::allows(app, tenant, &first.origin).await? {
        return Ok(Vec::new());
    }
    let turn = app.federation().shares().turn(tenant, peer).await;
    let keys = Keys::load(app, tenant, room_id, None).await?;
    let (_, verified) = verify_all(&turn, keys, events).await;
    let events: Vec<Verified<Event>> = verified
        .into_iter()
        .filter_map(std::result::Result::ok)
        .filter(|event| event.room_id == room_id)
        .collect();
    journal_wrong_contents(app, tenant, peer, &events).await;
    let brought = events
        .iter()
        .filter(|event| event.content_status() == ContentStatus::Present)
        .map(|event| event.event_id)
        .collect();
    let page = Page {
        tenant: tenant.clone(),
        deliverer: peer.clone(),
        events,
        part: Part::Log,
    };
    let named: Vec<_> = page
        .events
        .iter()
        .map(|event| RejectedEvent::of(event))
        .collect();
    let receipts = app.timeline().receive(page).await?.into_inner();
    let refused = named.into_iter().zip(&receipts);
    let refused: Vec<_> = refused
        .filter_map(|(event, receipt)| refusals::of_fetched(peer, event, receipt))
        .collect();
    refusals::note(app, tenant, &refused).await;
    Ok(brought)
}

/// Writes down who delivered contents that are not those of their events. What an origin itself cannot hash is refused, and
/// written down, as such.
pub(super) async fn journal_wrong_contents(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    events: &[Verified<Event>],
) {
    let is_wrong = |event: &&Verified<Event>| match event.content_status() {
        ContentStatus::Mismatch => true,
        ContentStatus::Unhashable => event.origin != *peer,
        ContentStatus::Present | ContentStatus::Absent => false,
    };
    let rejections: Vec<Rejection> = events
        .iter()
        .filter(is_wrong)
        .map(|event| Rejection {
            peer: peer.clone(),
            check: Check::Content,
            code: Code::ValidationError,
            message: "the content that was delivered is not the one that the event's origin signed"
                .to_owned(),
            event: RejectedEvent::of(event),
        })
        .collect();
    let journal = app.federation().journal();
    journal.note(tenant, app.db(), &rejections, app.now()).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing(origin: &str, seq: i64) -> Missing {
        Missing {
            event_id: EventId(uuid::Uuid::from_u128(1)),
            origin: origin.parse().unwrap(),
            epoch: 1,
            seq,
        }
    }

    #[test]
    fn a_request_brings_a_piece_of_one_log() {
        let wanted: Vec<Missing> = [
            ("a.example", 3),
            ("a.example", 502),
            ("a.example", 503),
            ("b.example", 504),
        ]
        .map(|(origin, seq)| missing(origin, seq))
        .into();
        let lengths: Vec<usize> = runs(&wanted).map(<[Missing]>::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
