//! Archiving, closing, coming back, and what leaving sets off (client specification, section 6.4).

use serde_json::json;

use super::{
    Context, Intent, Joining, Refusal, member_event, membership, plain_change, refuse_bound,
    require_joined, require_level, require_server, state_event,
};
use crate::events::core::event_type::EventType;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{Lifecycle, Membership, RoomType};
use crate::rooms::core::history::Member;
use crate::rooms::core::levels::{LevelKey, OWNER};
use crate::rooms::core::view::{RoomView, Taking};

/// Archives: writing stops, nothing is lost.
pub(super) fn archive(view: &RoomView, actor: &Fqid) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    refuse_bound(view, "this kind of room cannot be archived")?;
    if view.history.profile().creator != *actor {
        require_level(view, member, LevelKey::Archive)?;
    }
    match view.history.lifecycle() {
        Lifecycle::Open => Ok(vec![state(view, Some(actor), Lifecycle::Archived)]),
        Lifecycle::Archived => Ok(Vec::new()),
        Lifecycle::Closed => Err(Refusal::Frozen),
    }
}

/// Archives a DM because the two have another one, which is older.
pub(super) fn set_aside(view: &RoomView, actor: &Fqid) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    if view.room_type() != RoomType::Dm {
        return Err(Refusal::Type("only a DM is set aside for another one"));
    }
    let archives = view
        .is_open()
        .then(|| state(view, None, Lifecycle::Archived));
    Ok(archives.into_iter().collect())
}

/// Closes for good; for one of a DM's two it is leaving.
pub(super) fn close(view: &RoomView, actor: &Fqid) -> Result<Vec<Intent>, Refusal> {
    if view.room_type() == RoomType::Dm {
        return membership::leave(view, actor, None);
    }
    let member = require_joined(view, actor)?;
    let is_note = view.history.profile().scope_kind.as_deref() == Some("note");
    if is_note || view.room_type() == RoomType::Sidekick {
        return Err(Refusal::Type("this kind of room cannot be closed"));
    }
    if view.history.profile().creator != *actor && member.power_level < OWNER {
        return Err(Refusal::Forbidden(
            "only the creator or an owner can close a room",
        ));
    }
    if view.history.lifecycle() == Lifecycle::Closed {
        return Ok(Vec::new());
    }
    Ok(vec![state(view, Some(actor), Lifecycle::Closed)])
}

/// Comes back: reopens an archived room, and joins again at the level held when leaving.
pub(super) fn rejoin(
    view: &RoomView,
    actor: &Fqid,
    joining: &Joining,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = view.history.member(actor).ok_or(Refusal::NotMember)?;
    let membership = view.membership(actor);
    if membership == Some(Membership::Ban) {
        return Err(Refusal::Forbidden("you are banned from this room"));
    }
    match view.history.lifecycle() {
        Lifecycle::Open => return membership::join(view, actor, joining, context),
        Lifecycle::Closed => return Err(Refusal::Frozen),
        Lifecycle::Archived => {}
    }
    require_server(view, actor)?;
    let is_dm = view.room_type() == RoomType::Dm;
    let may_reopen = is_dm
        || view.history.profile().creator == *actor
        || member.power_level >= view.history.level(LevelKey::Archive);
    let was_in = matches!(membership, Some(Membership::Join | Membership::Leave));
    // Whoever made a DM may have gone before the other person came.
    let is_invited = is_dm && membership == Some(Membership::Invite);
    if !(was_in || is_invited) || !may_reopen {
        return Err(Refusal::Forbidden(
            "only the creator or who may archive can reopen the room",
        ));
    }
    membership::require_federation(view, actor, context)?;
    let mut intents = vec![state(view, Some(actor), Lifecycle::Open)];
    if membership != Some(Membership::Join) {
        membership::require_place(view, actor, context)?;
        intents.push(membership::join_event(
            view,
            actor,
            joining,
            member.power_level,
        ));
        // Nobody is left who could have an owner's level: as after the last owner's leave, the highest follows.
        let is_alone = view.joined_members().next().is_none();
        if is_alone && member.power_level < OWNER {
            let owner = plain_change(actor, Membership::Join, OWNER);
            intents.push(member_event(view, None, &owner));
        }
    }
    Ok(intents)
}

/// What follows when `leaver`, who was in the room as `member`, goes: the highest, people before AIs, then longest
/// joined gets the last owner's level, in an archived room too, since it can be reopened; an empty open room is archived.
/// Both are the host's own doing.
pub(super) fn after_leaving(view: &RoomView, leaver: &Fqid, member: &Member) -> Vec<Intent> {
    let others: Vec<_> = view
        .joined_members()
        .filter(|(person, _)| *person != leaver)
        .collect();
    let successor = others.iter().min_by_key(|(person, member)| {
        (
            std::cmp::Reverse(member.power_level),
            member.is_ai,
            member.joined_at,
            (*person).clone(),
        )
    });
    let Some((person, highest)) = successor else {
        let archives = view
            .is_open()
            .then(|| state(view, None, Lifecycle::Archived));
        return archives.into_iter().collect();
    };
    let needs_owner = member.power_level == OWNER && highest.power_level < OWNER;
    if !needs_owner || view.room_type() == RoomType::Dm {
        return Vec::new();
    }
    vec![member_event(
        view,
        None,
        &plain_change(person, Membership::Join, OWNER),
    )]
}

fn state(view: &RoomView, sender: Option<&Fqid>, lifecycle: Lifecycle) -> Intent {
    let taking = if lifecycle == Lifecycle::Open {
        Taking::Nothing
    } else {
        Taking::FromEveryone
    };
    state_event(
        view,
        EventType::ROOM_STATE,
        sender,
        json!({ "state": lifecycle }),
        taking,
    )
}
