//! DMs: the one room of two people. Local people are joined at once, people of other servers invited.

use super::core::content::{Lifecycle, Membership, RoomType};
use super::core::decide::{Command, CreateRoom, Invitee, Refusal};
use super::error::RoomError;
use super::making;
use super::perform::{self, signed_profile};
use super::store::rooms::RoomRow;
use super::store::{dms, members};
use super::timeline::{Make, Outcome};
use crate::app::App;
use crate::db::Committed;
use crate::error::{Error, Reason, Result};
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::Fqid;
use crate::federation::exchange::remote;
use crate::http::caller::Caller;
use crate::participants::{self, Kind, Participant};

/// The DM of the caller and somebody known here: the one that there is, or a new one.
pub async fn with_known(
    app: &App,
    caller: &Caller,
    with: ParticipantId,
) -> Result<Committed<Outcome>> {
    refuse_oneself(caller, with, "body.participant_id")?;
    let found = participants::store::get(&caller.tenant, app.db().reader(), with).await?;
    let other = found.ok_or_else(unknown)?;
    if other.is_local {
        let profile = signed_profile(app, &caller.tenant, &other.fqid).await?;
        return open(app, caller, &other, profile).await;
    }
    // The other's server need not answer now: what is known of the person will do.
    require_federation(app, caller, &other.fqid).await?;
    open(app, caller, &other, None).await
}

/// The DM of the caller and somebody by full name, perhaps never heard of.
pub async fn with_named(app: &App, caller: &Caller, with: &Fqid) -> Result<Committed<Outcome>> {
    let id = ParticipantId::derive(with);
    refuse_oneself(caller, id, "body.fqid")?;
    let known = participants::store::get(&caller.tenant, app.db().reader(), id).await?;
    if known.is_some() || with.server_name() == caller.tenant.server_name() {
        return with_known(app, caller, id).await;
    }
    require_federation(app, caller, with).await?;
    let invitee = remote::invitee(app, &caller.tenant, with).await?;
    let profile = invitee.ok_or_else(unknown)?.profile;
    let found = participants::store::get(&caller.tenant, app.db().reader(), id).await?;
    open(app, caller, &found.ok_or_else(unknown)?, profile).await
}

fn refuse_oneself(caller: &Caller, with: ParticipantId, path: &'static str) -> Result<()> {
    if with == caller.participant_id {
        return Err(Error::validation(path, Reason::Conflict, "is yourself"));
    }
    Ok(())
}

fn unknown() -> Error {
    RoomError::from(Refusal::NotFound("there is no such participant")).into()
}

/// Whether people of the other's server may be invited at all.
async fn require_federation(app: &App, caller: &Caller, other: &Fqid) -> Result<()> {
    let policy = app.federation().policies().get(&caller.tenant).await?;
    policy
        .require(other.server_name())
        .map_err(crate::federation::error::FederationError::from)?;
    if policy.max_foreign_participants_per_room == 0 {
        return Err(RoomError::from(Refusal::Full).into());
    }
    Ok(())
}

async fn open(
    app: &App,
    caller: &Caller,
    other: &Participant,
    profile: Option<serde_json::Value>,
) -> Result<Committed<Outcome>> {
    if matches!(other.kind, Kind::Agent | Kind::Helper | Kind::Bridge) {
        return Err(RoomError::from(Refusal::Type("a DM is with a person or an assistant")).into());
    }
    let pair = dms::pair(caller.participant_id, other.id);
    if dms::room_of(&caller.tenant, app.db().reader(), pair)
        .await?
        .is_none()
    {
        making::require_room_for_another(app, caller).await?;
    }
    let partner = (other.fqid.clone(), profile.clone());
    let (joined, invited) = match other.is_local {
        true => (vec![partner], None),
        false => (Vec::new(), Some(partner)),
    };
    let room = CreateRoom {
        nonce: making::nonce(app.entropy()),
        room_type: RoomType::Dm,
        name: None,
        topic: None,
        alias: None,
        scope_kind: None,
        visibility: None,
        read_role_slugs: Vec::new(),
        auto_close: false,
        edit_window_seconds: app.config().limits.edit_window.as_secs(),
        profile: signed_profile(app, &caller.tenant, &caller.fqid).await?,
        joined,
        invited,
    };
    let made = app
        .timeline()
        .make(Make {
            tenant: caller.tenant.clone(),
            creator: caller.fqid.clone(),
            room,
            dm_with: Some(other.fqid.clone()),
            once: None,
        })
        .await?;
    if !made.get().events.is_empty() {
        return Ok(made);
    }
    let row = perform::find(app, &caller.tenant, made.get().room_id).await?;
    come_back(app, caller, &row, made).await?;
    ask_again(app, caller, &row, other, profile).await
}

/// An existing DM that is archived, or that the caller is not in, is opened again.
async fn come_back(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    made: Committed<Outcome>,
) -> Result<Committed<Outcome>> {
    let own = membership(app, caller, row, caller.participant_id).await?;
    if own == Some(Membership::Join) && row.state == Lifecycle::Open {
        return Ok(made);
    }
    let joining = perform::joining(app, caller, row).await?;
    perform::perform(app, caller, row, Command::Rejoin(joining)).await
}

/// The other person who has never come in is invited once more, where that is up to this server.
async fn ask_again(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    other: &Participant,
    profile: Option<serde_json::Value>,
) -> Result<Committed<Outcome>> {
    let there = membership(app, caller, row, other.id).await?;
    let is_here = row.host == *caller.tenant.server_name();
    if !is_here || other.is_local || there == Some(Membership::Join) {
        let outcome = Outcome {
            room_id: row.id,
            events: Vec::new(),
            repeat_of: None,
        };
        return Ok(Committed::already(outcome));
    }
    let target = Invitee {
        person: other.fqid.clone(),
        profile,
        holds_role: false,
    };
    perform::perform(app, caller, row, Command::InviteToDm { target }).await
}

async fn membership(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    person: ParticipantId,
) -> Result<Option<Membership>> {
    let found = members::get(&caller.tenant, app.db().reader(), row.id, person).await?;
    Ok(found.map(|member| member.membership))
}
