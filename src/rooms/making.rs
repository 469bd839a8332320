//! Making rooms: what a request may ask for, and names for them.

use super::core::content::RoomType;
use super::core::decide::{Command, CreateRoom, INCOGNITO, Invitee, Refusal, alias_slug};
use super::error::RoomError;
use super::model::{NewRoom, Visibility};
use super::perform::{self, signed_profile};
use super::store::rooms;
use super::timeline::{Make, Once, Outcome};
use crate::app::App;
use crate::catalogue::Code;
use crate::db::Committed;
use crate::entropy::Entropy;
use crate::error::{Error, Reason, Result};
use crate::http::caller::Caller;
use crate::participants::{self, Participant};
use crate::{auth, workspaces};

/// Makes a group, public or incognito room, and invites those who are named.
pub async fn room(
    app: &App,
    caller: &Caller,
    new: NewRoom,
    key: Option<&str>,
) -> Result<Committed<Outcome>> {
    let room_type = room_type(&new)?;
    let scope_kind = scope_kind(&new);
    let auto_close = auto_close(&new)?;
    let visibility = visibility(caller, &new, room_type)?;
    if new.name.is_none() && room_type != RoomType::Incognito {
        return Err(Error::validation(
            "body.name",
            Reason::Missing,
            "is required",
        ));
    }
    workspaces::choose(&caller.tenant, caller.participant_id, new.workspace_id)?;
    let invitees = invitees(app, caller, &new).await?;
    require_room_for_another(app, caller).await?;
    let room = CreateRoom {
        nonce: nonce(app.entropy()),
        room_type,
        alias: new.name.as_deref().map(|name| {
            let slug = alias_slug(name);
            format!("#{slug}:{}", caller.tenant.server_name())
        }),
        name: new.name,
        topic: new.topic,
        scope_kind: scope_kind.map(str::to_owned),
        visibility: visibility.map(|visibility| visibility.as_str().to_owned()),
        read_role_slugs: new.read_role_slugs,
        auto_close,
        edit_window_seconds: app.config().limits.edit_window.as_secs(),
        profile: signed_profile(app, &caller.tenant, &caller.fqid).await?,
        joined: Vec::new(),
        invited: None,
    };
    let made = app
        .timeline()
        .make(Make {
            tenant: caller.tenant.clone(),
            creator: caller.fqid.clone(),
            room,
            dm_with: None,
            once: key.map(|key| Once {
                scope: format!("create:{}", caller.participant_id),
                key: key.to_owned(),
            }),
        })
        .await?;
    invite_all(app, caller, &made, invitees).await?;
    Ok(made)
}

/// Invites the people named at creation; a repeat finds them invited.
async fn invite_all(
    app: &App,
    caller: &Caller,
    made: &Committed<Outcome>,
    invitees: Vec<Invitee>,
) -> Result<()> {
    let room_id = made.get().room_id;
    for invitee in invitees {
        let command = Command::Invite {
            target: Some(invitee),
            reason: None,
        };
        app.timeline()
            .act(perform::act(app, caller, room_id, command).await?)
            .await?;
    }
    Ok(())
}

fn room_type(new: &NewRoom) -> Result<RoomType> {
    let asked = new.room_type.unwrap_or(RoomType::Group);
    match asked {
        RoomType::Dm => return Err(refused("a DM is made at POST /v1/rooms/dm")),
        RoomType::Sidekick | RoomType::Bridge => {
            return Err(refused("rooms of this type are made by the server"));
        }
        RoomType::Group | RoomType::Public | RoomType::Incognito => {}
    }
    match (asked, new.is_public) {
        (RoomType::Public, Some(false)) | (RoomType::Incognito, Some(true)) => Err(
            Error::validation("body.is_public", Reason::Conflict, "contradicts room_type"),
        ),
        (_, Some(true)) => Ok(RoomType::Public),
        _ => Ok(asked),
    }
}

/// The type says it, or the scope beside another type.
fn scope_kind(new: &NewRoom) -> Option<&'static str> {
    let is_incognito = new.room_type == Some(RoomType::Incognito) || new.scope_kind.is_some();
    is_incognito.then_some(INCOGNITO)
}

/// Whether the room is to end with its creator's leave.
fn auto_close(new: &NewRoom) -> Result<bool> {
    if new.auto_close == Some(true) && scope_kind(new).is_none() {
        let message = "only incognito rooms close with their creator";
        return Err(Error::validation(
            "body.auto_close",
            Reason::Conflict,
            message,
        ));
    }
    let is_usual = new.room_type == Some(RoomType::Incognito);
    Ok(new.auto_close.unwrap_or(is_usual))
}

fn visibility(caller: &Caller, new: &NewRoom, room_type: RoomType) -> Result<Option<Visibility>> {
    let Some(visibility) = new.visibility else {
        return Ok(None);
    };
    if room_type == RoomType::Public {
        let message = "a public room cannot be restricted";
        return Err(Error::validation(
            "body.visibility",
            Reason::Conflict,
            message,
        ));
    }
    if new.read_role_slugs.is_empty() {
        let message = "a restricted room needs at least one role";
        return Err(Error::validation(
            "body.read_role_slugs",
            Reason::Length,
            message,
        ));
    }
    if !caller.roles.any_of(&new.read_role_slugs) {
        let message = "you hold none of these roles";
        return Err(Error::validation(
            "body.read_role_slugs",
            Reason::Conflict,
            message,
        ));
    }
    Ok(Some(visibility))
}

/// The people to invite: all of them exist, and may come in.
async fn invitees(app: &App, caller: &Caller, new: &NewRoom) -> Result<Vec<Invitee>> {
    let known = participants::store::get_many(&caller.tenant, app.db(), &new.invite).await?;
    let mut invitees = Vec::with_capacity(new.invite.len());
    let others = new.invite.iter().filter(|id| **id != caller.participant_id);
    for id in others {
        let person = known.get(id).ok_or_else(|| {
            Error::from(RoomError::from(Refusal::NotFound(
                "there is no such participant",
            )))
        })?;
        if !person.is_local && scope_kind(new).is_some() {
            return Err(RoomError::from(Refusal::NotFederated).into());
        }
        invitees.push(invitee(app, caller, person, &new.read_role_slugs).await?);
    }
    Ok(invitees)
}

/// Somebody to invite, with what the room has to know.
pub async fn invitee(
    app: &App,
    caller: &Caller,
    person: &Participant,
    role_slugs: &[String],
) -> Result<Invitee> {
    let profile = match person.is_local {
        true => signed_profile(app, &caller.tenant, &person.fqid).await?,
        false => None,
    };
    let roles = auth::store::roles::of(&caller.tenant, app.db().reader(), person.id).await?;
    Ok(Invitee {
        person: person.fqid.clone(),
        profile,
        holds_role: roles.any_of(role_slugs),
    })
}

/// Refuses when the tenant has as many rooms as it may.
pub(super) async fn require_room_for_another(app: &App, caller: &Caller) -> Result<()> {
    let Some(most) = caller.tenant.limits().max_rooms else {
        return Ok(());
    };
    if rooms::count_open(&caller.tenant, app.db()).await? >= i64::from(most) {
        return Err(Error::new(Code::TenantCapacity));
    }
    Ok(())
}

/// Makes a room's id.
pub(super) fn nonce(entropy: &Entropy) -> String {
    format!("{:032x}", u128::from_be_bytes(entropy.bytes()))
}

fn refused(why: &'static str) -> Error {
    RoomError::from(Refusal::Type(why)).into()
}
