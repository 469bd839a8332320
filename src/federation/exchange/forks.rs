//! Logs of which a peer holds another branch: the event with which the branches part is fetched, as evidence.

use std::collections::HashMap;

use super::pages::{Keys, verify_all};
use super::{catch_up, refusals};
use crate::app::App;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::hash::Hash;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::model::{LogEnd, Placed};
use crate::events::store;
use crate::federation::core::delivery::LogPlace;
use crate::federation::model::RejectedEvent;
use crate::rooms::core::content::LogPosition;
use crate::rooms::timeline::{Page, Part};
use crate::tenants::Tenant;

/// Places of a log that are looked at in one request.
const SPAN: i64 = 500;
/// Requests with which the place is searched where two branches part. What lies further back is not hidden.
const MOST_REQUESTS: usize = 20;

/// The end of one origin's log, as it is here.
pub(super) async fn end_of(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Option<LogEnd>> {
    let ends = store::logs::ends(tenant, app.db().reader(), room_id).await?;
    Ok(ends.into_iter().find(|end| end.origin == *origin))
}

/// Compares the end of a log with the one that a peer tells of, once everything that fits was fetched. If the peer stands on
/// another branch, the first event of that is placed beside ours, which is refused, kept as evidence and told.
pub(super) async fn compare(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    (room_id, origin): (RoomId, &ServerName),
    head: &LogPosition,
) -> Result<()> {
    let Some(end) = end_of(app, tenant, room_id, origin).await? else {
        return Ok(());
    };
    // In a later epoch it has all of ours that counts.
    let common = match head.epoch > end.epoch {
        true => end.seq,
        false => end.seq.min(head.seq),
    };
    if end.forked_at.is_some() || end.epoch > head.epoch || common == 0 {
        return Ok(());
    }
    let log = Log {
        app,
        tenant,
        peer,
        room_id,
        origin,
        epoch: end.epoch,
    };
    let is_same = match head.epoch == end.epoch && head.seq == common {
        true if common == end.seq => Some(end.hash) == head.hash,
        true => log.ours(common - 1, 1).await?.get(&common).copied() == head.hash,
        // It has more, which did not fit on ours.
        false => log.parts_within(common - 1, common).await?.is_none(),
    };
    match is_same {
        true => Ok(()),
        false => log.find(common).await,
    }
}

/// One origin's log, here and at a peer.
struct Log<'a> {
    app: &'a App,
    tenant: &'a Tenant,
    peer: &'a ServerName,
    room_id: RoomId,
    origin: &'a ServerName,
    epoch: i64,
}

impl Log<'_> {
    /// The hashes of our events after a place; some may be missing between them.
    async fn ours(&self, after: i64, count: i64) -> Result<HashMap<i64, Hash>> {
        let (db, place) = (self.app.db(), (self.epoch, after));
        let page =
            store::log_page(self.tenant, db, self.room_id, self.origin, place, count).await?;
        let hash_of = |placed: &Placed| (placed.event.seq, placed.hash);
        Ok(page.iter().map(hash_of).collect())
    }

    /// The peer's first event after `after`, up to `until`, that is not ours.
    async fn parts_within(&self, after: i64, until: i64) -> Result<Option<Event>> {
        let place = LogPlace {
            epoch: self.epoch,
            seq: after,
        };
        let log = (self.room_id, self.origin);
        let theirs = catch_up::fetch(self.app, self.tenant, self.peer, log, place).await?;
        let ours = self.ours(after, until - after).await?;
        let is_other = |event: &Event| {
            let ours = ours.get(&event.seq);
            ours.is_some_and(|ours| Hash::of(&event.signed_bytes()) != *ours)
        };
        Ok(theirs.into_iter().find(is_other))
    }

    /// Walks back from a place where the branches differ to where they part.
    async fn find(&self, differ_at: i64) -> Result<()> {
        let mut until = differ_at;
        let mut found = None;
        for _ in 0..MOST_REQUESTS {
            let after = (until - SPAN).max(0);
            let Some(event) = self.parts_within(after, until).await? else {
                break;
            };
            let is_first = event.seq > after + 1 || after == 0;
            found = Some(event);
            if is_first {
                break;
            }
            until = after;
        }
        match found {
            Some(event) => bring(self.app, self.tenant, self.peer, event).await,
            None => Ok(()),
        }
    }
}

/// Has the event with which a peer's branch of a log parts placed beside ours, unless that was done before and the fork waits
/// for the host to settle it; its refusal is written down.
pub(crate) async fn bring(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    event: Event,
) -> Result<()> {
    if !refusals::allows(app, tenant, &event.origin).await? {
        return Ok(());
    }
    let hash = Hash::of(&event.signed_bytes());
    let turn = app.federation().shares().turn(tenant, peer).await;
    let keys = Keys::load(app, tenant, event.room_id, None).await?;
    // Once the host has settled a fork, what was taken since may be of a branch that does not count.
    let is_settled = keys.latest_epoch(&event.origin) > event.epoch;
    if !is_settled && store::forks::is_kept(tenant, app.db(), &event, hash).await? {
        return Ok(());
    }
    let (_, verified) = verify_all(&turn, keys, vec![event]).await;
    let Some(Ok(event)) = verified.into_iter().next() else {
        return Ok(());
    };
    let named = RejectedEvent::of(&event);
    let page = Page {
        tenant: tenant.clone(),
        deliverer: peer.clone(),
        events: vec![event],
        part: Part::Log,
    };
    let receipts = app.timeline().receive(page).await?.into_inner();
    let refused = receipts.first();
    let refused = refused.and_then(|receipt| refusals::of_fetched(peer, named, receipt));
    refusals::note(app, tenant, refused.as_slice()).await;
    Ok(())
}
