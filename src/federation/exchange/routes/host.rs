//! What a peer's people ask of rooms hosted here: joining, and every other state change.

use axum::extract::State;
use axum::response::Response;
use serde_json::{Map, Value, json};

use super::actions;
use super::reading::{answer, malformed};
use crate::app::App;
use crate::catalogue::Code;
use crate::error::{Error, Reason, Result};
use crate::events::core::content::MAX_CONTENT_DEPTH;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::json::check_value;
use crate::events::core::names::ServerName;
use crate::events::core::sign::KeyId;
use crate::federation::exchange::document::Request;
use crate::federation::exchange::one_dm;
use crate::federation::signed::{Signed, SignedBody};
use crate::http::json as http_json;
use crate::http::path::{Path, PathId};
use crate::rooms::core::content::RoomType;
use crate::rooms::perform::require_peers_asked;
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::store::{members, rooms};
use crate::rooms::timeline::{Act, Asked};
use crate::tenants::Tenant;

/// How far ahead of our clock a document's time may be, in ms: its own minute and that of the signature around it.
const MOST_AHEAD: i64 = 2 * 60_000;
/// How old a document may be, in ms: a peer keeps what it could not deliver for 14 days, and its repetition is harmless.
const MOST_AGE: i64 = 15 * 24 * 3600 * 1000;

/// Deepest nesting of a document: it becomes part of the content of the event that it causes.
const DEEPEST: usize = MAX_CONTENT_DEPTH - 1;

/// A document as it came.
pub(super) struct Document(Map<String, Value>);

impl SignedBody for Document {
    fn read(bytes: &[u8]) -> Result<Self> {
        let document = http_json::foreign_value(bytes)?;
        if check_value(&document, DEEPEST).is_err() {
            return Err(Error::validation(
                "body",
                Reason::Json,
                "is nested too deeply",
            ));
        }
        match document {
            Value::Object(members) => Ok(Document(members)),
            _ => Err(malformed("body")),
        }
    }
}

pub(super) async fn join(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    signed: Signed<Document>,
) -> Result<Response> {
    carry_out(&app, room_id, signed, true).await
}

pub(super) async fn request(
    State(app): State<App>,
    Path(room_id): Path<PathId<RoomId>>,
    signed: Signed<Document>,
) -> Result<Response> {
    carry_out(&app, room_id, signed, false).await
}

async fn carry_out(
    app: &App,
    room_id: PathId<RoomId>,
    signed: Signed<Document>,
    is_join: bool,
) -> Result<Response> {
    let Signed { tenant, peer, body } = signed;
    let request = read(app, &tenant, &peer, &body.0).await?;
    let room_id = room_id.or(Code::RoomNotFound)?;
    if (request.action == "join") != is_join {
        return Err(malformed("body.action"));
    }
    let row = concerned(app, &tenant, &peer, room_id).await?;
    if request.room_id != room_id || request.host != *tenant.server_name() {
        return Err(malformed("body.room_id"));
    }
    let command = actions::command(app, &tenant, &request).await?;
    require_peers_asked(app, &tenant, room_id)?;
    let policy = app.federation().policies().get(&tenant).await?;
    let act = Act {
        tenant: tenant.clone(),
        room_id,
        actor: request.actor.clone(),
        command,
        sending: None,
        asked: Some(Asked {
            server: peer.clone(),
            request_id: request.request_id,
            document: Value::Object(body.0),
        }),
        max_foreign: usize::try_from(policy.max_foreign_participants_per_room)
            .unwrap_or(usize::MAX),
    };
    let outcome = app.timeline().act(act).await?.into_inner();
    app.federation().wake_senders();
    if row.room_type == RoomType::Dm {
        let remote = ParticipantId::derive(&request.actor);
        one_dm::look(app, &tenant, row.creator_id, remote);
    }
    let events: Vec<Value> = outcome
        .events
        .iter()
        .map(|placed| placed.event.to_value())
        .collect();
    Ok(answer(json!({ "events": events })))
}

/// The document, if the caller's current key signed it and it speaks for one of the caller's people.
async fn read(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    document: &Map<String, Value>,
) -> Result<Request> {
    let key_id: KeyId = document
        .get("key_id")
        .and_then(Value::as_str)
        .and_then(|id| id.parse().ok())
        .ok_or_else(|| malformed("body.key_id"))?;
    let mismatch = || {
        Error::new(Code::FedSignatureMismatch)
            .message("the document is not signed by the actor's server")
    };
    let key = app
        .federation()
        .peers()
        .pinned_key(tenant, peer, key_id)
        .await?
        .ok_or_else(mismatch)?;
    let request = Request::read(document, &key).ok_or_else(mismatch)?;
    if request.actor.server_name() != peer {
        return Err(mismatch());
    }
    let age = app.now().saturating_sub(request.ts);
    if !(-MOST_AHEAD..=MOST_AGE).contains(&age) {
        return Err(malformed("body.ts"));
    }
    Ok(request)
}

/// The room. To a server that is neither in it nor invited, and for rooms that are not public or never
/// federated, it is missing.
async fn concerned(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    room_id: RoomId,
) -> Result<RoomRow> {
    let missing = || Error::new(Code::RoomNotFound);
    let row = rooms::get(tenant, app.db().reader(), room_id)
        .await?
        .ok_or_else(missing)?;
    let is_here = row.host == *tenant.server_name();
    let is_open_to_all =
        row.room_type == RoomType::Public && row.room_type.federates(row.scope_kind.as_deref());
    let concerned = is_open_to_all || members::concerns(tenant, app.db(), room_id, peer).await?;
    if is_here && concerned {
        Ok(row)
    } else {
        Err(missing())
    }
}
