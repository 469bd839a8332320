//! A new room's first events (client specification, sections 6.1 and 6.2).

use serde_json::{Value, json};

use super::{INVITATION_MS, Intent, incognito, plain_change};
use crate::events::core::event_type::EventType;
use crate::events::core::names::Fqid;
use crate::rooms::core::content::{
    Create, HistoryVisibility, MemberChange, Membership, OriginKey, RoomType,
};
use crate::rooms::core::levels::{Levels, OWNER};

/// A room that somebody asks for, already checked for shape.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "named as in POST /v1/rooms")]
pub struct CreateRoom {
    /// Makes the room's id.
    pub nonce: String,
    pub room_type: RoomType,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub alias: Option<String>,
    pub scope_kind: Option<String>,
    pub visibility: Option<String>,
    pub read_role_slugs: Vec<String>,
    pub auto_close: bool,
    pub edit_window_seconds: u64,
    /// The creator's signed profile.
    pub profile: Option<Value>,
    /// Further people, joined at once as owners (a DM's other person), with their signed profiles.
    pub joined: Vec<(Fqid, Option<Value>)>,
    /// A DM's other person who is of another server, invited as an owner, with the signed profile where it is known.
    pub invited: Option<(Fqid, Option<Value>)>,
}

/// The create event, the first joins and the first invitation, as of `now` in ms. `key`: that of this server's log.
pub fn create(creator: &Fqid, room: &CreateRoom, key: OriginKey, now: i64) -> Vec<Intent> {
    let levels = Levels::initial(room.room_type, room.visibility.is_some());
    let content = Create {
        nonce: room.nonce.clone(),
        room_type: room.room_type,
        name: room.name.clone(),
        topic: room.topic.clone(),
        scope_kind: room.scope_kind.clone(),
        visibility: room.visibility.clone(),
        read_role_slugs: room.read_role_slugs.clone(),
        history_visibility: HistoryVisibility::Shared,
        edit_window_seconds: room.edit_window_seconds,
        auto_close: room.auto_close,
        alias: room.alias.clone(),
        power_levels: levels.to_map().clone(),
        key,
    };
    let mut intents = vec![Intent {
        event_type: EventType::ROOM_CREATE,
        sender: Some(creator.clone()),
        content: with_seen(json!(content)),
    }];
    let join = |person, profile: &Option<Value>| MemberChange {
        profile: profile.clone(),
        ..plain_change(person, Membership::Join, OWNER)
    };
    intents.push(member(creator, &join(creator, &room.profile)));
    for (person, profile) in &room.joined {
        intents.push(member(creator, &join(person, profile)));
    }
    if let Some((person, profile)) = &room.invited {
        intents.push(member(
            creator,
            &owner_invited(person, profile.clone(), now),
        ));
    }
    if room.scope_kind.as_deref() == Some(incognito::SCOPE) {
        incognito::mark(&mut intents);
    }
    intents
}

/// The invitation of a DM's other person.
pub(super) fn owner_invited(person: &Fqid, profile: Option<Value>, now: i64) -> MemberChange {
    MemberChange {
        profile,
        expires_at: Some(now + INVITATION_MS),
        ..plain_change(person, Membership::Invite, OWNER)
    }
}

fn member(by: &Fqid, change: &MemberChange) -> Intent {
    Intent {
        event_type: EventType::ROOM_MEMBER,
        sender: Some(by.clone()),
        content: with_seen(json!(change)),
    }
}

fn with_seen(mut content: Value) -> Value {
    if let Some(members) = content.as_object_mut() {
        members.insert("seen".to_owned(), json!({}));
    }
    content
}

/// The slug of a room's alias, from its name: lower-case letters and digits with single hyphens, 1 to 40 characters.
pub fn alias_slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        if slug.len() >= 40 {
            break;
        }
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "room".to_owned()
    } else {
        slug.to_owned()
    }
}
