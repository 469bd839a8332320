//! What peers read: heads, backfill, state, members, profiles.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use garde::Validate;
use serde::Deserialize;
use serde_json::{Value, json};

use super::snapshot;
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::{Fqid, LocalId, ServerName};
use crate::events::model::{Placed, Standing};
use crate::events::store::{self, contents};
use crate::federation::exchange::access::{self, Sight};
use crate::federation::signed::{Signed, SignedQuery};
use crate::http::path::{Path, PathId};
use crate::rooms::core::content::{LogPosition, OriginKey};
use crate::rooms::perform;
use crate::rooms::store::members as member_rows;
use crate::rooms::store::members::MemberRow;
use crate::tenants::Tenant;

/// Members in one answer, at most.
const MOST_MEMBERS: i64 = 10_000;
/// The largest page of a backfill or of the state, in bytes of events.
const MOST_BYTES: usize = 8 * 1024 * 1024;

pub(super) async fn heads(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    request: Signed<()>,
) -> Result<Response> {
    let sight = access::sight(&app, &request.tenant, &request.peer, room_id).await?;
    Ok(answer(
        json!({ "heads": ends(&app, &request.tenant, &sight).await? }),
    ))
}

/// The ends of the logs, as far as the peer may read them.
async fn ends(
    app: &App,
    tenant: &Tenant,
    sight: &Sight,
) -> Result<BTreeMap<ServerName, LogPosition>> {
    let mut found = BTreeMap::new();
    for end in store::logs::ends(tenant, app.db().reader(), sight.room_id).await? {
        let at = match sight.bounds(&end.origin) {
            None => Some((end.epoch, end.seq, end.hash)),
            Some(within) => {
                store::last_within(tenant, app.db(), sight.room_id, &end.origin, within).await?
            }
        };
        if let Some((epoch, seq, hash)) = at {
            let hash = Some(hash);
            found.insert(end.origin, LogPosition { epoch, seq, hash });
        }
    }
    Ok(found)
}

/// The query of a backfill.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(super) struct Backfill {
    origin: ServerName,
    #[garde(range(min = 1))]
    epoch: i64,
    #[garde(range(min = 0))]
    after_seq: i64,
    #[garde(inner(range(min = 1, max = 1000)))]
    limit: Option<i64>,
}

impl Backfill {
    /// Whether the event stands where it asks for events.
    fn reaches(&self, placed: &Placed) -> bool {
        let event = &placed.event;
        event.origin == self.origin && event.epoch == self.epoch && event.seq > self.after_seq
    }
}

pub(super) async fn backfill(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    SignedQuery(asked): SignedQuery<Backfill>,
    request: Signed<()>,
) -> Result<Response> {
    let sight = access::sight(&app, &request.tenant, &request.peer, room_id).await?;
    let policy = app.federation().policies().get(&request.tenant).await?;
    let most = i64::from(policy.max_backfill_events_per_request);
    let limit = asked.limit.unwrap_or(100).min(most);
    if limit == 0 {
        return Ok(answer(json!({ "events": [], "has_more": false })));
    }
    if let Some(removal) = sight.only() {
        let found = store::by_id(&request.tenant, app.db().reader(), removal).await?;
        let found = found.filter(|placed| asked.reaches(placed));
        let events: Vec<Value> = found.iter().map(|placed| sight.show(placed)).collect();
        return Ok(answer(json!({ "events": events, "has_more": false })));
    }
    let place = (asked.epoch, asked.after_seq);
    let found = store::log_page(
        &request.tenant,
        app.db(),
        sight.room_id,
        &asked.origin,
        place,
        limit + 1,
    )
    .await?;
    let most = usize::try_from(limit).unwrap_or(0);
    let within = sight.page(without_gap(&found, asked.after_seq));
    let mut has_more = within.len() > most;
    let within = within.get(..most).unwrap_or(within);
    let redactions = redactions(&app, &request.tenant, within).await?;
    let mut bytes = 0;
    let mut events: Vec<String> = Vec::with_capacity(within.len());
    for placed in within {
        let event = item(&sight, placed, &redactions);
        bytes += event.len();
        if bytes > MOST_BYTES && !events.is_empty() {
            has_more = true;
            break;
        }
        events.push(event);
    }
    let events = events.join(",");
    Ok(answer_text(format!(
        "{{\"events\":[{events}],\"has_more\":{has_more}}}"
    )))
}

/// The events of a page up to a gap: this server may have joined lately, and not have everything itself.
fn without_gap(page: &[Placed], after_seq: i64) -> &[Placed] {
    let follow = page
        .iter()
        .zip(1..)
        .take_while(|(placed, number)| placed.event.seq.checked_sub(after_seq) == Some(*number));
    page.get(..follow.count()).unwrap_or(page)
}

/// The redactions of those events of a page that were erased.
async fn redactions(
    app: &App,
    tenant: &Tenant,
    page: &[Placed],
) -> Result<HashMap<EventId, EventId>> {
    let erased: Vec<EventId> = page
        .iter()
        .filter(|placed| placed.event.content.is_none())
        .map(about)
        .collect();
    Ok(contents::redactions_of(tenant, app.db(), &erased).await?)
}

/// What has to be redacted for the event to be erased: a message goes with its edits.
fn about(placed: &Placed) -> EventId {
    placed.target.unwrap_or(placed.event.event_id)
}

/// The event with, where it has no content, why: a hint that spares the peer asking again soon.
fn item(sight: &Sight, placed: &Placed, redactions: &HashMap<EventId, EventId>) -> String {
    let is_withheld = sight.withholds(placed);
    if placed.event.content.is_some() && !is_withheld {
        return placed.event.to_text();
    }
    let mut event = sight.show(placed);
    let hint = if is_withheld {
        Some(("withheld", json!(true)))
    } else if placed.standing == Standing::Void {
        Some(("void", json!(true)))
    } else {
        let redaction = redactions.get(&about(placed));
        redaction.map(|redaction| ("redacted_by", json!(redaction)))
    };
    if let (Some((name, value)), Some(members)) = (hint, event.as_object_mut()) {
        members.insert(name.to_owned(), value);
    }
    event.to_string()
}

/// The query of the state.
#[derive(Debug, Deserialize, Validate)]
#[garde(allow_unvalidated)]
pub(super) struct StateQuery {
    #[garde(inner(range(min = 0)))]
    after_seq: Option<i64>,
}

/// The host's state events and what it takes to verify them, in pages.
pub(super) async fn state(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    SignedQuery(asked): SignedQuery<StateQuery>,
    request: Signed<()>,
) -> Result<Response> {
    let sight = access::sight(&app, &request.tenant, &request.peer, room_id).await?;
    let heads = ends(&app, &request.tenant, &sight).await?;
    let mut deciding = store::deciding(&request.tenant, app.db().reader(), sight.room_id).await?;
    deciding.retain(|placed| sight.reaches(placed));
    let after_seq = asked.after_seq.unwrap_or(0);
    let (mut state, mut bytes, mut has_more) = (Vec::new(), 0, false);
    for placed in snapshot::of_host(&deciding, &sight.host, after_seq) {
        let event = placed.event.to_text();
        bytes += event.len();
        if bytes > MOST_BYTES && !state.is_empty() {
            has_more = true;
            break;
        }
        state.push(event);
    }
    let leaves = snapshot::unrecorded_leaves(&deciding, &sight.host);
    let (state, leaves, heads) = (state.join(","), json!(leaves), json!(heads));
    let more = if has_more { ",\"has_more\":true" } else { "" };
    Ok(answer_text(format!(
        "{{\"state\":[{state}],\"leaves\":{leaves},\"heads\":{heads}{more}}}"
    )))
}

pub(super) async fn members(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    request: Signed<()>,
) -> Result<Response> {
    let sight = access::sight(&app, &request.tenant, &request.peer, room_id).await?;
    if !sight.is_member() {
        return Err(Error::new(Code::RoomNotFound));
    }
    let room_id = sight.room_id;
    let (rows, _) = member_rows::list(
        &request.tenant,
        app.db(),
        room_id,
        ("", None),
        MOST_MEMBERS,
        0,
    )
    .await?;
    let shown = |row: &MemberRow| json!({ "participant": row.fqid, "membership": row.membership, "power_level": row.power_level });
    let members: Vec<Value> = rows.iter().map(shown).collect();
    Ok(answer(json!({ "members": members })))
}

pub(super) async fn profile(
    State(app): State<App>,
    Path(local_id): Path<String>,
    request: Signed<()>,
) -> Result<Response> {
    // Some write the name as in an FQID.
    let local_id = local_id.strip_prefix('@').unwrap_or(&local_id);
    let local_id: LocalId = local_id.parse().map_err(|_| Error::new(Code::NotFound))?;
    let person = Fqid::new(local_id, request.tenant.server_name().clone());
    let profile = perform::signed_profile(&app, &request.tenant, &person).await?;
    let profile = profile.ok_or_else(|| Error::new(Code::NotFound))?;
    // A stranger may find out by an invitation that there is such a person, and no more.
    let is_known = member_rows::knows_server(&request.tenant, app.db(), &request.peer).await?;
    let profile = Some(profile).filter(|_| is_known);
    let key = app
        .keys()
        .current(&request.tenant)
        .ok_or_else(|| Error::new(Code::InternalError).source("the tenant has no signing key"))?;
    Ok(answer(json!({
        "profile": profile,
        "key": OriginKey::of(key.public_key()),
    })))
}

pub(super) fn answer(body: Value) -> Response {
    answer_text(body.to_string())
}

/// An answer of JSON that is text already.
fn answer_text(body: String) -> Response {
    ([(http::header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// A field of a body that is missing or malformed.
pub(super) fn malformed(path: &'static str) -> Error {
    Error::validation(path, Reason::Format, "does not have the right form")
}
