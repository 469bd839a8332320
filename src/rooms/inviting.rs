//! Inviting people of this server and of others.

use super::core::content::Membership;
use super::core::decide::{Command, Invitee, Refusal};
use super::core::levels::LevelKey;
use super::error::RoomError;
use super::making;
use super::perform;
use super::store::rooms::RoomRow;
use super::store::{members, unfederated};
use super::timeline::Outcome;
use crate::app::App;
use crate::db::Committed;
use crate::error::Result;
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::Fqid;
use crate::federation::exchange::remote;
use crate::http::caller::Caller;
use crate::participants;

/// Who is to be invited.
#[derive(Clone, Debug)]
pub enum Whom {
    /// Somebody known here.
    Id(ParticipantId),
    /// Somebody by full name, perhaps never heard of.
    Name(Fqid),
}

impl Whom {
    /// The participant's id.
    pub fn id(&self) -> ParticipantId {
        match self {
            Whom::Id(id) => *id,
            Whom::Name(fqid) => ParticipantId::derive(fqid),
        }
    }
}

/// Invites somebody. A person of another server is asked for there first, but only for somebody who may invite at all.
pub async fn invite(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    whom: Whom,
    reason: Option<String>,
) -> Result<Committed<Outcome>> {
    require_may_invite(app, caller, row).await?;
    let target = invitee(app, caller, row, &whom).await?;
    perform::perform(app, caller, row, Command::Invite { target, reason }).await
}

/// Whether the caller may ask anybody in: the room's own refusal, before anybody else is asked about a person.
async fn require_may_invite(app: &App, caller: &Caller, row: &RoomRow) -> Result<(), RoomError> {
    let own = members::get(
        &caller.tenant,
        app.db().reader(),
        row.id,
        caller.participant_id,
    )
    .await?;
    let own = own
        .filter(|own| own.membership == Membership::Join)
        .ok_or(Refusal::NotMember)?;
    if row.room_type.is_bound(row.scope_kind.as_deref()) {
        return Err(Refusal::Type("nobody can be invited to this kind of room").into());
    }
    let key = LevelKey::Invite;
    let needed = row.power_levels.get(&key).copied().unwrap_or(100);
    if own.power_level < needed {
        return Err(Refusal::LevelTooLow { key, needed }.into());
    }
    Ok(())
}

/// Somebody to invite, asked for at the own server. `None`: nobody is called so.
pub async fn invitee(
    app: &App,
    caller: &Caller,
    row: &RoomRow,
    whom: &Whom,
) -> Result<Option<Invitee>> {
    let known = participants::store::get(&caller.tenant, app.db().reader(), whom.id()).await?;
    let foreign = match (&known, whom) {
        (Some(person), _) if person.is_local => None,
        (Some(person), _) => Some(person.fqid.clone()),
        (None, Whom::Name(fqid)) if fqid.server_name() != caller.tenant.server_name() => {
            Some(fqid.clone())
        }
        (None, _) => return Ok(None),
    };
    if let Some(fqid) = foreign {
        // Nobody elsewhere is to hear of a room that stays here.
        let stays_here = !row.room_type.federates(row.scope_kind.as_deref())
            || unfederated::contains(&caller.tenant, app.db().reader(), row.id).await?;
        if stays_here {
            return Err(RoomError::from(Refusal::NotFederated).into());
        }
        return remote::invitee(app, &caller.tenant, &fqid).await;
    }
    match known {
        Some(person) => making::invitee(app, caller, &person, &row.read_role_slugs)
            .await
            .map(Some),
        None => Ok(None),
    }
}
