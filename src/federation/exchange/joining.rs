//! What a room's host answers to a join, or to another change that was asked for, takes its place here.
//!
//! A short log is fetched up to there, in its order. Of a long one the state comes first, so that a join takes as long as
//! the room is large and not as long as it is old; the gaps in the log are filled afterwards, the latest first.

use super::bounds;
use super::catch_up::{self, MOST_BYTES, unusable};
use super::errands::{self, Errand};
use super::pages::Keys;
use crate::app::App;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::incoming;
use crate::events::core::names::ServerName;
use crate::events::core::sign::PublicKey;
use crate::events::store;
use crate::federation::core::delivery::LogPlace;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::timeline::{Outcome, Part};
use crate::tenants::Tenant;

/// As many events are fetched in their order while somebody waits.
const SHORT: i64 = 1_000;
/// Pages of a gap that are fetched before everything else about the room gets its turn.
const PAGES_AT_ONCE: usize = 20;

/// Places the host's events, with all that its log, or its state, holds before them.
pub(super) async fn take(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    events: Vec<Event>,
) -> Result<Committed<Outcome>> {
    let outcome = Outcome {
        room_id: row.id,
        events: Vec::new(),
        repeat_of: None,
    };
    let Some(last) = events.last().map(|event| event.seq) else {
        errands::soon(app, tenant, &row.host, row.id, Errand::Compare);
        return Ok(Committed::already(outcome));
    };
    let key_id = events.first().map(|event| event.key_id);
    let keys = Keys::load(app, tenant, row.id, None).await?;
    let known = keys.knows(&row.host);
    if known {
        catch_up::place(app, tenant, &row.host, keys, events, Part::Log).await?;
    }
    // The log may have begun with a key that was followed by others since.
    let peers = app.federation().peers();
    let first_keys = match key_id {
        Some(key_id) if !known => Some(peers.keys_of_events(tenant, &row.host, key_id).await?),
        _ => None,
    };
    if last - end_of(app, tenant, row).await? > SHORT {
        state(app, tenant, row, last, first_keys.clone()).await?;
    }
    let log = (row.id, &row.host);
    let until = LogPlace {
        epoch: 1,
        seq: last,
    };
    catch_up::log(app, tenant, &row.host, log, until, first_keys).await?;
    if end_of(app, tenant, row).await? < last {
        return Err(unusable(
            &row.host,
            "its log could not be fetched up to its own answer",
        ));
    }
    // The host may hold a log of ours that this server does not remember: it was restored from a backup of before.
    if catch_up::end_of(app, tenant, row.id, tenant.server_name())
        .await?
        .seq
        == 0
    {
        catch_up::own_log(app, tenant, &row.host, row.id).await?;
    }
    errands::soon(app, tenant, &row.host, row.id, Errand::Compare);
    Ok(Committed::already(outcome))
}

/// Where the host's log ends here: its only epoch is the first.
async fn end_of(app: &App, tenant: &Tenant, row: &RoomRow) -> Result<i64> {
    let end = catch_up::end_of(app, tenant, row.id, &row.host).await?;
    Ok(end.seq)
}

/// Fetches the events that make up the room's state, page by page, as long as that brings any.
async fn state(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    until: i64,
    first_keys: Option<Vec<PublicKey>>,
) -> Result<()> {
    let pinned = first_keys.map(|keys| (row.host.clone(), keys));
    let mut keys = Keys::load(app, tenant, row.id, pinned).await?;
    let mut end = end_of(app, tenant, row).await?;
    while end < until {
        let path = format!("{FEDERATION_PATH}/rooms/{}/state?after_seq={end}", row.id);
        let body = catch_up::get(app, tenant, &row.host, &path).await?;
        let events = read(row, &body)?;
        let placed = catch_up::place(app, tenant, &row.host, keys, events, Part::State);
        (keys, _) = placed.await?;
        let before = std::mem::replace(&mut end, end_of(app, tenant, row).await?);
        if end <= before {
            break;
        }
    }
    Ok(())
}

fn read(row: &RoomRow, body: &[u8]) -> Result<Vec<Event>> {
    let lists = incoming::read_lists(body, bounds(MOST_BYTES), &["state"])
        .map_err(|error| unusable(&row.host, error))?;
    // What comes after an unreadable event cannot be placed anyway.
    let events = lists.events.into_iter().flatten();
    Ok(events
        .map_while(std::result::Result::ok)
        .take_while(|event| event.room_id == row.id && event.origin == row.host)
        .collect())
}

/// Fetches from a peer what is missing in the gaps of the host's log, and comes again for what is left.
pub(super) async fn fill_gaps(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<()> {
    let mut before = None;
    for _ in 0..PAGES_AT_ONCE {
        let gaps = store::gaps::of_room(tenant, app.db().reader(), room_id).await?;
        let Some((origin, gap)) = gaps.into_iter().next_back() else {
            return Ok(());
        };
        if before.replace(gap) == Some(gap) {
            // This peer does not have it.
            return Ok(());
        }
        let after = LogPlace {
            epoch: 1,
            seq: gap.after_seq,
        };
        let mut page = catch_up::fetch(app, tenant, peer, (room_id, &origin), after).await?;
        page.retain(|event| event.seq < gap.until_seq);
        let keys = Keys::load(app, tenant, room_id, None).await?;
        catch_up::place(app, tenant, peer, keys, page, Part::Log).await?;
    }
    errands::soon(app, tenant, peer, room_id, Errand::Compare);
    Ok(())
}
