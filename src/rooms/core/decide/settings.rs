//! Names, settings, levels and thresholds (client specification, sections 6.1 and 7).

use std::collections::BTreeMap;

use serde_json::json;

use super::{
    Intent, Refusal, incognito, member_event, plain_change, refuse_bound, require_joined,
    require_level, require_open, state_event,
};
use crate::events::core::event_type::EventType;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{Membership, RoomType, SettingsChange};
use crate::rooms::core::history::Member;
use crate::rooms::core::levels::{LevelKey, OWNER};
use crate::rooms::core::view::{RoomView, Taking};
use crate::workspaces::WorkspaceId;

/// Gives a member another level: at most the actor's own, to somebody below, or to oneself going down.
pub(super) fn set_level(
    view: &RoomView,
    actor: &Fqid,
    target: Option<&Fqid>,
    level: u8,
) -> Result<Vec<Intent>, Refusal> {
    let member = may_change(view, actor, LevelKey::Power)?;
    let found = target.and_then(|person| Some((person, view.joined(person)?)));
    let (person, held) = found.ok_or(Refusal::NotFound("this person is not in the room"))?;
    if level > member.power_level {
        return Err(Refusal::Forbidden(
            "nobody can be given a level above yours",
        ));
    }
    let is_self = person == actor;
    if !is_self && held.power_level >= member.power_level {
        return Err(Refusal::Forbidden(
            "you can only change the level of people below you",
        ));
    }
    let owners = view
        .joined_members()
        .filter(|(_, member)| member.power_level == OWNER)
        .count();
    if is_self && held.power_level == OWNER && level < OWNER && owners == 1 {
        return Err(Refusal::Forbidden(
            "the last owner cannot go down: make somebody else owner first",
        ));
    }
    require_open(view)?;
    if held.power_level == level {
        return Ok(Vec::new());
    }
    let change = plain_change(person, Membership::Join, level);
    Ok(vec![member_event(view, Some(actor), &change)])
}

/// Changes thresholds: neither an old nor a new value may be above the actor's level.
pub(super) fn set_levels(
    view: &RoomView,
    actor: &Fqid,
    changes: &BTreeMap<LevelKey, u8>,
) -> Result<Vec<Intent>, Refusal> {
    let member = may_change(view, actor, LevelKey::Power)?;
    let before = view.history.levels();
    let above = |key: &LevelKey, level: &u8| {
        before.get(*key) > member.power_level || *level > member.power_level
    };
    if changes.iter().any(|(key, level)| above(key, level)) {
        return Err(Refusal::Forbidden(
            "a threshold above your level cannot be changed or set",
        ));
    }
    require_open(view)?;
    let levels = before.with(changes);
    if levels == before {
        return Ok(Vec::new());
    }
    let taking = if levels.raises(&before) {
        Taking::FromEveryone
    } else {
        Taking::Nothing
    };
    let content = json!({ "power_levels": levels });
    Ok(vec![state_event(
        view,
        EventType::ROOM_POWER_LEVELS,
        Some(actor),
        content,
        taking,
    )])
}

/// Renames the room.
pub(super) fn set_name(view: &RoomView, actor: &Fqid, name: &str) -> Result<Vec<Intent>, Refusal> {
    may_change(view, actor, LevelKey::Name)?;
    require_open(view)?;
    if view.history.profile().name.as_deref() == Some(name) {
        return Ok(Vec::new());
    }
    let content = json!({ "name": name });
    Ok(vec![state_event(
        view,
        EventType::ROOM_NAME,
        Some(actor),
        content,
        Taking::Nothing,
    )])
}

/// Changes or takes away the topic.
pub(super) fn set_topic(
    view: &RoomView,
    actor: &Fqid,
    topic: Option<&str>,
) -> Result<Vec<Intent>, Refusal> {
    may_change(view, actor, LevelKey::Topic)?;
    require_open(view)?;
    if view.history.profile().topic.as_deref() == topic {
        return Ok(Vec::new());
    }
    let content = json!({ "topic": topic });
    Ok(vec![state_event(
        view,
        EventType::ROOM_TOPIC,
        Some(actor),
        content,
        Taking::Nothing,
    )])
}

/// Changes settings.
pub(super) fn change(
    view: &RoomView,
    actor: &Fqid,
    change: &SettingsChange,
) -> Result<Vec<Intent>, Refusal> {
    require_joined(view, actor)?;
    if change.auto_close == Some(true) && !incognito::is_incognito(view) {
        return Err(Refusal::Type(
            "only incognito rooms close with their creator",
        ));
    }
    may_change(view, actor, LevelKey::Settings)?;
    require_open(view)?;
    let visibility = change.visibility.as_ref().map(Option::is_some);
    if view.room_type() == RoomType::Public && visibility == Some(true) {
        return Err(Refusal::Type("a public room cannot be restricted"));
    }
    let restricted = visibility.unwrap_or(view.history.profile().visibility.is_some());
    let slugs = change
        .read_role_slugs
        .as_ref()
        .unwrap_or(&view.history.profile().read_role_slugs);
    if restricted && slugs.is_empty() {
        return Err(Refusal::Invalid {
            path: "body.read_role_slugs",
            reason: "length",
            message: "a restricted room needs at least one role",
        });
    }
    if *change == SettingsChange::default() {
        return Ok(Vec::new());
    }
    let before = view.history.server_lists();
    let lists = before.with(change);
    if !lists.allow(view.history.host()) {
        return Err(Refusal::Invalid {
            path: "body.denied_servers",
            reason: "range",
            message: "the server that hosts the room cannot be kept out",
        });
    }
    let takes = change
        .edit_window_seconds
        .is_some_and(|window| window < view.history.edit_window())
        || lists.stricter_than(&before);
    let taking = if takes {
        Taking::FromEveryone
    } else {
        Taking::Nothing
    };
    Ok(vec![state_event(
        view,
        EventType::ROOM_SETTINGS,
        Some(actor),
        change,
        taking,
    )])
}

/// Moves the room to another workspace of its server.
pub(super) fn set_workspace(
    view: &RoomView,
    actor: &Fqid,
    workspace: Option<WorkspaceId>,
) -> Result<Vec<Intent>, Refusal> {
    let member = require_joined(view, actor)?;
    refuse_bound(view, "this kind of room stays where it is")?;
    require_level(view, member, LevelKey::Workspace)?;
    let workspace_id = workspace.ok_or(Refusal::NoSuchWorkspace)?;
    require_open(view)?;
    if view.history.profile().workspace_id == Some(workspace_id) {
        return Ok(Vec::new());
    }
    let content = json!({ "workspace_id": workspace_id });
    Ok(vec![state_event(
        view,
        EventType::ROOM_SETTINGS,
        Some(actor),
        content,
        Taking::Nothing,
    )])
}

/// In DMs and sidekick rooms names, settings and levels are fixed.
fn may_change<'a>(view: &'a RoomView, actor: &Fqid, key: LevelKey) -> Result<&'a Member, Refusal> {
    let member = require_joined(view, actor)?;
    if view.room_type().is_fixed() {
        return Err(Refusal::Type("this cannot be changed in this kind of room"));
    }
    require_level(view, member, key)?;
    Ok(member)
}
