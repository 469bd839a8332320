//! Who comes in, goes, and is put out (client specification, sections 6.1, 6.5 and 6.6).

use super::create::owner_invited;
use super::{
    Context, INVITATION_MS, Intent, Invitee, Joining, Refusal, lifecycle, member_event,
    plain_change, refuse_bound, require_joined, require_level, require_open, require_server,
};
use crate::events::core::event::Event;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{MemberChange, Membership, RoomType};
use crate::rooms::core::levels::LevelKey;
use crate::rooms::core::view::RoomView;

/// Asks somebody in; renews an invitation that is open.
pub(super) fn invite(
    view: &RoomView,
    actor: &Fqid,
    target: Option<&Invitee>,
    reason: Option<&str>,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    refuse_bound(view, "nobody can be invited to this kind of room")?;
    require_level(view, member, LevelKey::Invite)?;
    let Some(Invitee {
        person,
        profile,
        holds_role,
    }) = target
    else {
        return Err(Refusal::NotFound("there is no such participant"));
    };
    require_federation(view, person, context)?;
    require_server(view, person)?;
    match view.membership(person) {
        Some(Membership::Ban) => {
            return Err(Refusal::Forbidden(
                "this person is banned: lift the ban first",
            ));
        }
        Some(Membership::Join) => return Ok(Vec::new()),
        _ if view.history.profile().visibility.is_some() && !holds_role => {
            return Err(Refusal::Forbidden(
                "this person lacks the role that the room asks for",
            ));
        }
        _ => {}
    }
    require_open(view)?;
    let before = view.membership(person);
    if before != Some(Membership::Invite) {
        require_place(view, person, context)?;
    }
    // Whoever knocks has said already that it wants to come in.
    let (to, expires_at) = match before {
        Some(Membership::Knock) => (Membership::Join, None),
        _ => (Membership::Invite, Some(context.now + INVITATION_MS)),
    };
    let change = MemberChange {
        reason: reason.map(str::to_owned),
        profile: profile.clone(),
        expires_at,
        ..plain_change(person, to, view.history.level(LevelKey::Default))
    };
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Asks to be let in: into a restricted room, which only who holds its role sees. The room's own server takes it only from
/// its own people.
pub(super) fn knock(
    view: &RoomView,
    actor: &Fqid,
    knocking: &Joining,
    reason: Option<&str>,
) -> Result<Vec<Intent>, Refusal> {
    let may_be_knocked_at = matches!(view.room_type(), RoomType::Group | RoomType::Incognito)
        && view.history.profile().visibility.is_some();
    if !may_be_knocked_at || view.history.profile().scope_kind.as_deref() == Some("note") {
        return Err(Refusal::Type(
            "nobody asks to be let into this kind of room",
        ));
    }
    match view.membership(actor) {
        Some(Membership::Join | Membership::Invite | Membership::Knock) => return Ok(Vec::new()),
        Some(Membership::Ban) => {
            return Err(Refusal::Forbidden("you are banned from this room"));
        }
        Some(Membership::Leave) | None => {}
    }
    if !knocking.holds_role {
        return Err(Refusal::Forbidden(
            "you lack the role that the room asks for",
        ));
    }
    require_server(view, actor)?;
    require_open(view)?;
    let change = MemberChange {
        reason: reason.map(str::to_owned),
        profile: knocking.profile.clone(),
        ..plain_change(
            actor,
            Membership::Knock,
            view.history.level(LevelKey::Default),
        )
    };
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Asks a DM's other person, who declined or let the invitation run out, once more.
pub(super) fn invite_to_dm(
    view: &RoomView,
    actor: &Fqid,
    target: &Invitee,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    let person = &target.person;
    if view.room_type() != RoomType::Dm || view.history.member(person).is_none() {
        return Err(Refusal::Type("nobody can be invited to this kind of room"));
    }
    require_federation(view, person, context)?;
    require_open(view)?;
    if view.history.ever_joined(person) || open_invitation(view, person, context.now) {
        return Ok(Vec::new());
    }
    let change = owner_invited(person, target.profile.clone(), context.now);
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Takes an open invitation back: the inviter, or who may kick.
pub(super) fn withdraw(
    view: &RoomView,
    actor: &Fqid,
    target: Option<&Fqid>,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    let open = target.filter(|person| open_invitation(view, person, context.now));
    let invited_by = open.and_then(|person| view.history.member(person)?.changed_by.as_ref());
    if invited_by != Some(actor) {
        require_level(view, member, LevelKey::Kick)?;
    }
    let Some(person) = open else {
        return Err(Refusal::NotFound("there is no such invitation"));
    };
    require_open(view)?;
    let change = plain_change(person, Membership::Leave, 0);
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Ends an invitation that has run out, whatever became of the room.
pub(super) fn end_invitation(
    view: &RoomView,
    invited: &Fqid,
    context: &Context<'_>,
) -> Vec<Intent> {
    let is_invited = view.membership(invited) == Some(Membership::Invite);
    if !is_invited || open_invitation(view, invited, context.now) {
        return Vec::new();
    }
    let change = plain_change(invited, Membership::Leave, 0);
    vec![member_event(view, None, &change)]
}

/// Comes in: into a public room, or on an invitation.
pub(super) fn join(
    view: &RoomView,
    actor: &Fqid,
    joining: &Joining,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    require_federation(view, actor, context)?;
    require_server(view, actor)?;
    let membership = view.membership(actor);
    // A foreign home server asks only for somebody whom it does not hold as joined: its own log knows of a leave that
    // may still be on its way here, so the host always appends the new join.
    if membership == Some(Membership::Join) && joining.after.is_none() {
        return Ok(Vec::new());
    }
    if membership == Some(Membership::Ban) {
        return Err(Refusal::Forbidden("you are banned from this room"));
    }
    let invited = open_invitation(view, actor, context.now);
    // Either of a DM's two comes back at will.
    let is_own_dm = view.room_type() == RoomType::Dm && membership.is_some();
    let returning = membership == Some(Membership::Join) || is_own_dm;
    match view.room_type() {
        RoomType::Dm if view.history.member(actor).is_none() => {
            return Err(Refusal::Type("a DM has exactly two people"));
        }
        RoomType::Sidekick => return Err(Refusal::Type("people cannot join this kind of room")),
        _ => {}
    }
    if !invited && !returning && view.room_type() != RoomType::Public {
        return Err(Refusal::Forbidden(
            "you need an invitation to join this room",
        ));
    }
    if view.history.profile().visibility.is_some() && !joining.holds_role {
        return Err(Refusal::Forbidden(
            "you lack the role that the room asks for",
        ));
    }
    require_open(view)?;
    if !invited && !returning {
        require_place(view, actor, context)?;
    }
    let level = view.history.level(LevelKey::Default);
    Ok(vec![join_event(view, actor, joining, level)])
}

/// Comes in on an invitation.
pub(super) fn accept(
    view: &RoomView,
    actor: &Fqid,
    joining: &Joining,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    if !open_invitation(view, actor, context.now) {
        return Err(Refusal::NotFound(
            "there is no open invitation to this room",
        ));
    }
    join(view, actor, joining, context)
}

/// The join itself, at `level`; a DM's people are always owners.
pub(super) fn join_event(view: &RoomView, person: &Fqid, joining: &Joining, level: u8) -> Intent {
    let level = if view.room_type() == RoomType::Dm {
        super::super::levels::OWNER
    } else {
        level
    };
    let change = MemberChange {
        after: joining.after.clone(),
        key: joining.key.clone(),
        profile: joining.profile.clone(),
        ..plain_change(person, Membership::Join, level)
    };
    member_event(view, Some(person), &change)
}

/// Goes; declines an open invitation. What follows from it (a new owner, archiving) goes with it.
pub(super) fn leave(
    view: &RoomView,
    actor: &Fqid,
    reason: Option<&str>,
) -> Result<Vec<Intent>, Refusal> {
    let member = match view.membership(actor) {
        None | Some(Membership::Ban) => return Err(Refusal::NotMember),
        Some(Membership::Leave) => return Ok(Vec::new()),
        Some(Membership::Join | Membership::Invite | Membership::Knock) => {
            view.history.member(actor)
        }
    };
    if view.history.profile().scope_kind.as_deref() == Some("note") {
        return Err(Refusal::Type("a note's comments cannot be left"));
    }
    let level = member.map_or(0, |member| member.power_level);
    let change = MemberChange {
        reason: reason.map(str::to_owned),
        ..plain_change(actor, Membership::Leave, level)
    };
    let mut intents = vec![member_event(view, Some(actor), &change)];
    if let Some(member) = view.joined(actor) {
        intents.extend(lifecycle::after_leaving(view, actor, member));
    }
    Ok(intents)
}

/// The host's record of a leave that stands in the person's own server's log, with what follows from it. A leave that
/// the person's latest join already knew of undoes nothing: it was only late.
pub(super) fn recorded_leave(view: &RoomView, person: &Fqid, leave: &Event) -> Vec<Intent> {
    let place = (leave.epoch, leave.seq);
    let Some(member) = view
        .history
        .member(person)
        .filter(|member| member.membership == Membership::Join && place > member.after.order())
    else {
        return Vec::new();
    };
    let change = MemberChange {
        recorded_leave: Some(leave.event_id),
        ..plain_change(person, Membership::Leave, member.power_level)
    };
    let mut intents = vec![member_event(view, None, &change)];
    intents.extend(lifecycle::after_leaving(view, person, member));
    intents
}

/// Declines an open invitation.
pub(super) fn decline(
    view: &RoomView,
    actor: &Fqid,
    context: &Context<'_>,
) -> Result<Vec<Intent>, Refusal> {
    if !open_invitation(view, actor, context.now) {
        return Err(Refusal::NotFound(
            "there is no open invitation to this room",
        ));
    }
    leave(view, actor, None)
}

/// Kicks (`leave`) or bans (`ban`) somebody below the actor.
pub(super) fn remove(
    view: &RoomView,
    actor: &Fqid,
    target: Option<&Fqid>,
    reason: Option<&str>,
    to: Membership,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    if view.room_type().is_fixed() {
        return Err(Refusal::Type(
            "nobody can be removed from this kind of room",
        ));
    }
    let key = if to == Membership::Ban {
        LevelKey::Ban
    } else {
        LevelKey::Kick
    };
    require_level(view, member, key)?;
    let person = target.ok_or(Refusal::NotFound("there is no such participant"))?;
    let before = view.membership(person);
    if before.is_none() && to == Membership::Leave {
        return Err(Refusal::NotFound("this person is not in the room"));
    }
    let held = view
        .history
        .member(person)
        .map_or(0, |member| member.power_level);
    let is_present = matches!(
        before,
        Some(Membership::Join | Membership::Invite | Membership::Knock)
    );
    if person == actor || (is_present && held >= member.power_level) {
        return Err(Refusal::Forbidden(
            "you can only remove people whose level is below yours",
        ));
    }
    if before == Some(to) || (before == Some(Membership::Ban) && to == Membership::Leave) {
        return Ok(Vec::new());
    }
    require_open(view)?;
    if to == Membership::Leave && !is_present {
        return Ok(Vec::new());
    }
    let change = MemberChange {
        reason: reason.map(str::to_owned),
        ..plain_change(person, to, if is_present { held } else { 0 })
    };
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Lifts a ban.
pub(super) fn unban(
    view: &RoomView,
    actor: &Fqid,
    target: Option<&Fqid>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    if view.room_type().is_fixed() {
        return Err(Refusal::Type("nobody is banned from this kind of room"));
    }
    require_level(view, member, LevelKey::Ban)?;
    let person = target
        .filter(|person| view.history.member(person).is_some())
        .ok_or(Refusal::NotFound("this person is not in the room"))?;
    if view.membership(person) != Some(Membership::Ban) {
        return Ok(Vec::new());
    }
    require_open(view)?;
    let change = plain_change(person, Membership::Leave, 0);
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Whether `person` holds an invitation that has not run out.
pub(super) fn open_invitation(view: &RoomView, person: &Fqid, now: i64) -> bool {
    view.membership(person) == Some(Membership::Invite)
        && view
            .history
            .member(person)
            .is_some_and(|member| member.expires_at.is_none_or(|until| until > now))
}

/// Refuses when one more person would exceed the tenant's or the federation policy's limit.
pub(super) fn require_place(
    view: &RoomView,
    person: &Fqid,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    if context
        .max_participants
        .is_some_and(|most| view.places_taken() >= most)
    {
        return Err(Refusal::Full);
    }
    let is_foreign = person.server_name() != view.history.host();
    if is_foreign && view.foreign_places_taken() >= context.max_foreign {
        return Err(Refusal::Full);
    }
    Ok(())
}

/// Refuses people of other servers where the room stays on its own, or was taken out of the federation; who is there
/// stays.
pub(super) fn require_federation(
    view: &RoomView,
    person: &Fqid,
    context: &Context<'_>,
) -> Result<(), Refusal> {
    let scope = view.history.profile().scope_kind.as_deref();
    let is_foreign = person.server_name() != view.history.host();
    let lets_in = context.federates || view.joined(person).is_some();
    if is_foreign && !(view.room_type().federates(scope) && lets_in) {
        return Err(Refusal::NotFederated);
    }
    Ok(())
}
