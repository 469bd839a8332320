//! What this server asks of others for its people: state changes of a room's host, profiles of its members.

use std::time::Duration;

use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::catch_up::unusable;
use super::document::Request;
use super::{bounds, forks, joining, outgoing};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::entropy::Entropy;
use crate::error::{Error, Result};
use crate::events::core::event::Event;
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::incoming;
use crate::events::core::names::{Fqid, ServerName};
use crate::events::core::sign::PublicKey;
use crate::federation::client::Call;
use crate::federation::core::descriptor::FEDERATION_PATH;
use crate::participants;
use crate::rooms::core::content::{Lifecycle, LogPosition, Membership, OriginKey};
use crate::rooms::core::decide::{Command, Invitee, Refusal};
use crate::rooms::error::RoomError;
use crate::rooms::store::members;
use crate::rooms::store::rooms::RoomRow;
use crate::rooms::timeline::Outcome;
use crate::rooms::{perform, profiles};
use crate::tenants::Tenant;

/// The largest answer of a host.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How long a server may take to say who somebody is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Codes of a host's refusal that speak of the resource: they become the client's.
const RELAYED: [Code; 13] = [
    Code::NotMember,
    Code::RoomNotFound,
    Code::RoomForbidden,
    Code::RoomFrozen,
    Code::RoomTypeInvariant,
    Code::RoomCapacity,
    Code::EventNotFound,
    Code::RedactForbidden,
    Code::NotFound,
    Code::ValidationError,
    Code::ContentTooLarge,
    Code::FedRefused,
    Code::FedPeerUnknown,
];

/// Asks a room's host for a state change of one of our people, and takes the events that it caused.
pub async fn ask_host(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    actor: &Fqid,
    command: &Command,
) -> Result<Committed<Outcome>> {
    if matches!(command, Command::Decline) {
        return outgoing::decline(app, tenant, row, actor).await;
    }
    if is_there(app, tenant, row, actor, command).await? {
        // An older leave of the person may be on its way still: the host would have to let it in anew, with the level of
        // newcomers.
        return Ok(Committed::already(Outcome {
            room_id: row.id,
            events: Vec::new(),
            repeat_of: None,
        }));
    }
    let log = forks::end_of(app, tenant, row.id, &row.host).await?;
    if log.is_some_and(|end| end.forked_at.is_some()) {
        return Err(RoomError::from(Refusal::HostForked).into());
    }
    let (action, content) = action(app, tenant, row, actor, command).await?;
    let is_join = action == "join";
    let document = document(app, tenant, row, actor, action, content)?;
    let path = if is_join { "join" } else { "request" };
    let path = format!("{FEDERATION_PATH}/rooms/{}/{path}", row.id);
    let body = post(
        app,
        tenant,
        &row.host,
        &path,
        document.to_string().into_bytes(),
    )
    .await?;
    let events = caused(&body, (row.id, &row.host), is_join)?;
    joining::take(app, tenant, row, events).await
}

/// Whether the command would let somebody in who is there.
async fn is_there(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    actor: &Fqid,
    command: &Command,
) -> Result<bool> {
    let comes_in = match command {
        Command::Join(_) | Command::Accept(_) => true,
        Command::Rejoin(_) => row.state == Lifecycle::Open,
        _ => false,
    };
    let id = ParticipantId::derive(actor);
    let held = members::get(tenant, app.db().reader(), row.id, id).await?;
    Ok(comes_in && held.is_some_and(|held| held.membership == Membership::Join))
}

/// The events that the host says a request caused: none, if it was so already. But a host appends a new join whatever was
/// before; without one it has let nobody in.
fn caused(
    body: &[u8],
    (room_id, host): (RoomId, &ServerName),
    is_join: bool,
) -> Result<Vec<Event>> {
    let lists = incoming::read_lists(body, bounds(MOST_BYTES), &["events"])
        .map_err(|error| unusable(host, error))?;
    let events: Vec<Event> = lists
        .events
        .into_iter()
        .next()
        .unwrap_or_default()
        .into_iter()
        .map_while(std::result::Result::ok)
        .filter(|event| event.room_id == room_id && event.origin == *host)
        .collect();
    if is_join && events.is_empty() {
        return Err(unusable(host, "its answer to a join holds no event"));
    }
    Ok(events)
}

/// The signed document of a request.
pub(super) fn document(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    actor: &Fqid,
    action: &str,
    content: Value,
) -> Result<Value> {
    let no_key = || Error::new(Code::InternalError).source("the tenant has no signing key");
    let key = app.keys().current(tenant).ok_or_else(no_key)?;
    let request = Request {
        request_id: uuid::Builder::from_random_bytes(app.entropy().bytes()).into_uuid(),
        room_id: row.id,
        host: row.host.clone(),
        actor: actor.clone(),
        action: action.to_owned(),
        content,
        ts: app.now(),
        key_id: key.key_id().to_string(),
    };
    request.sign(&key).ok_or_else(no_key)
}

/// The action's name and content.
async fn action(
    app: &App,
    tenant: &Tenant,
    row: &RoomRow,
    actor: &Fqid,
    command: &Command,
) -> Result<(&'static str, Value)> {
    let of = |target: &Option<Fqid>| {
        target
            .clone()
            .ok_or_else(|| Error::new(Code::NotFound).message("There is no such participant."))
    };
    Ok(match command {
        Command::Join(_) | Command::Accept(_) => {
            ("join", joining(app, tenant, row.id, actor).await?)
        }
        Command::Rejoin(_) => ("rejoin", joining(app, tenant, row.id, actor).await?),
        Command::Invite { target, reason } => {
            let target = target.as_ref().ok_or_else(|| {
                Error::new(Code::NotFound).message("There is no such participant.")
            })?;
            let content = json!({ "participant": target.person, "profile": target.profile, "reason": reason });
            ("invite", content)
        }
        Command::WithdrawInvitation { target } => {
            ("withdraw_invitation", json!({ "participant": of(target)? }))
        }
        Command::Kick { target, reason } => (
            "kick",
            json!({ "participant": of(target)?, "reason": reason }),
        ),
        Command::Ban { target, reason } => (
            "ban",
            json!({ "participant": of(target)?, "reason": reason }),
        ),
        Command::Unban { target } => ("unban", json!({ "participant": of(target)? })),
        Command::SetLevel { target, level } => (
            "member_level",
            json!({ "participant": of(target)?, "power_level": level }),
        ),
        Command::SetLevels(levels) => ("power_levels", json!({ "power_levels": levels })),
        Command::SetName(name) => ("name", json!({ "name": name })),
        Command::SetTopic(topic) => ("topic", json!({ "topic": topic })),
        Command::ChangeSettings(change) => ("settings", json!(change)),
        Command::AskRestart(restart) => (
            "log_restart",
            json!({ "stands_by": restart.stands_by, "key": restart.key }),
        ),
        Command::Pin { target, action } => ("pin", json!({ "event_id": target, "action": action })),
        Command::Archive => ("archive", json!({})),
        Command::Close => ("close", json!({})),
        Command::Decline
        | Command::Knock { .. }
        | Command::InviteToDm { .. }
        | Command::SetAside
        | Command::EndInvitation
        | Command::Admit { .. }
        | Command::Move(_)
        | Command::Leave { .. }
        | Command::Send { .. }
        | Command::Edit { .. }
        | Command::Redact { .. }
        | Command::React { .. }
        | Command::ShowProfile { .. } => {
            return Err(Error::new(Code::InternalError).source("not the host's to decide"));
        }
    })
}

/// Where our log of a room ends, and the key that it goes on with.
pub(crate) async fn own_log(
    app: &App,
    tenant: &Tenant,
    room_id: RoomId,
) -> Result<(LogPosition, OriginKey)> {
    let end = forks::end_of(app, tenant, room_id, tenant.server_name()).await?;
    let position = end.map_or(LogPosition::START, |end| LogPosition {
        epoch: end.epoch,
        seq: end.seq,
        hash: Some(end.hash),
    });
    let key = app
        .keys()
        .current(tenant)
        .ok_or_else(|| Error::new(Code::InternalError).source("the tenant has no signing key"))?;
    Ok((position, OriginKey::of(key.public_key())))
}

/// What goes with a join: the profile, the key and the end of our log.
async fn joining(app: &App, tenant: &Tenant, room_id: RoomId, actor: &Fqid) -> Result<Value> {
    let (after, key) = own_log(app, tenant, room_id).await?;
    let profile = perform::signed_profile(app, tenant, actor).await?;
    Ok(json!({
        "profile": profile,
        "key": key,
        "after": after,
    }))
}

/// Somebody of another server who is to be invited: asked for there. `None`: nobody there has this name.
pub async fn invitee(app: &App, tenant: &Tenant, person: &Fqid) -> Result<Option<Invitee>> {
    #[derive(Deserialize)]
    struct Answer {
        /// Not for servers that it shares nothing with yet.
        profile: Option<Value>,
        key: OriginKey,
    }
    let peer = person.server_name();
    let path = format!("{FEDERATION_PATH}/profile/{}", person.local_id());
    let call = Call {
        method: Method::GET,
        path_and_query: &path,
        body: None,
        max_response: 64 * 1024,
    };
    // Whoever invites waits for this, and has a time limit of its own.
    let asked = tokio::time::timeout(PATIENCE, app.federation().call(tenant, peer, call));
    let response = asked
        .await
        .map_err(|_| unusable(peer, "it does not answer in time"))??;
    if response.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    if !response.status.is_success() {
        return Err(refusal(peer, &response.body));
    }
    let answer: Answer =
        serde_json::from_slice(&response.body).map_err(|error| unusable(peer, error))?;
    let profile = match &answer.profile {
        None => profiles::unknown(person),
        Some(profile) => {
            let key = host_key(app, tenant, peer, &answer.key).await?;
            profiles::read(profile, person, &key)
                .ok_or_else(|| unusable(peer, "its profile is not signed with its key"))?
        }
    };
    let mut tx = app.db().begin().await?;
    participants::store::upsert_foreign(tenant, &mut tx, &profile, app.now()).await?;
    tx.commit(()).await?;
    Ok(Some(Invitee {
        person: person.clone(),
        profile: answer.profile,
        holds_role: false,
    }))
}

async fn host_key(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    key: &OriginKey,
) -> Result<PublicKey> {
    let key_id = key
        .key_id
        .parse()
        .map_err(|_| unusable(peer, "its key id is malformed"))?;
    let found = app.federation().peers().key(tenant, peer, key_id).await;
    found.map_err(|error| unusable(peer, error))
}

async fn post(
    app: &App,
    tenant: &Tenant,
    peer: &ServerName,
    path: &str,
    body: Vec<u8>,
) -> Result<Vec<u8>> {
    let call = Call {
        method: Method::POST,
        path_and_query: path,
        body: Some(body),
        max_response: MOST_BYTES,
    };
    let response = app.federation().call(tenant, peer, call).await?;
    if response.status.is_success() {
        return Ok(response.body);
    }
    Err(refusal(peer, &response.body))
}

/// A peer's refusal keeps its code where that speaks of the resource; else the peer counts as unreachable.
fn refusal(peer: &ServerName, body: &[u8]) -> Error {
    let error: Option<Value> = serde_json::from_slice(body).ok();
    let error = error.as_ref().and_then(|body| body.get("error"));
    let code: Option<Code> = error
        .and_then(|error| error.get("code"))
        .and_then(|code| serde_json::from_value(code.clone()).ok());
    let message = error
        .and_then(|error| error.get("message"))
        .and_then(Value::as_str)
        .map(|message| message.chars().take(300).collect::<String>());
    match code.filter(|code| RELAYED.contains(code)) {
        Some(code) => {
            Error::new(code).message(message.unwrap_or_else(|| code.default_message().to_owned()))
        }
        None => unusable(peer, message.unwrap_or_default()),
    }
}

/// A fresh id for a job.
pub(super) fn job_id(entropy: &Entropy) -> Uuid {
    uuid::Builder::from_random_bytes(entropy.bytes()).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_join_that_caused_no_event_let_nobody_in() {
        let host: ServerName = "b.example".parse().unwrap();
        let room = (RoomId::derive(&host, "a room for tests"), &host);
        for body in [r#"{"events": []}"#, "{}", r#"{"events": [{}]}"#] {
            assert!(caused(body.as_bytes(), room, true).is_err(), "{body}");
            let other = caused(body.as_bytes(), room, false);
            assert!(other.is_ok_and(|events| events.is_empty()), "{body}");
        }
        assert!(caused(b"null", room, false).is_err());
    }
}
