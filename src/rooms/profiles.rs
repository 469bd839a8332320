//! Profiles of people in rooms: signed by their own server, carried by the host's membership events, so that every
//! server of a room shows the same name and knows a bot for a bot.

use serde_json::{Map, Value, json};

use super::core::content::MemberChange;
use crate::db::{DbError, Tx};
use crate::events::core::event::Event;
use crate::events::core::ids::RoomId;
use crate::events::core::names::Fqid;
use crate::events::core::sign::{
    KeyPair, PROFILE_PREFIX, PublicKey, sign_document, verify_document,
};
use crate::events::store;
use crate::participants::{self, ForeignProfile, Kind, Participant, profile};
use crate::tenants::Tenant;

/// The signed profile of a local person: `fqid`, `display_name`, `avatar_url`, `bio`, `participant_type`, `ts` (ms),
/// `key_id` and `signature`.
pub fn signed(person: &Participant, key: &KeyPair, now: i64) -> Option<Value> {
    let mut document = Map::new();
    document.insert("fqid".to_owned(), json!(person.fqid));
    document.insert("display_name".to_owned(), json!(person.display_name));
    document.insert("avatar_url".to_owned(), json!(person.avatar_url));
    document.insert("bio".to_owned(), json!(person.bio));
    document.insert("participant_type".to_owned(), json!(person.kind.as_str()));
    document.insert("ts".to_owned(), json!(now));
    document.insert("key_id".to_owned(), json!(key.key_id().to_string()));
    sign_document(PROFILE_PREFIX, &mut document, key).ok()?;
    Some(Value::Object(document))
}

/// Reads a signed profile. `None`: it is not `person`'s, not signed with `key`, or holds what no profile may.
pub fn read(document: &Value, person: &Fqid, key: &PublicKey) -> Option<ForeignProfile> {
    let members = document.as_object()?;
    verify_document(PROFILE_PREFIX, members, key).ok()?;
    let text = |name: &str| members.get(name).and_then(Value::as_str).map(str::to_owned);
    let display_name = text("display_name")?;
    let bio = text("bio");
    profile::check_display_name(&display_name).ok()?;
    if bio
        .as_deref()
        .is_some_and(|bio| profile::check_bio(bio).is_err())
    {
        return None;
    }
    if text("fqid")? != person.as_str() {
        return None;
    }
    Some(ForeignProfile {
        fqid: person.clone(),
        kind: text("participant_type")?.parse().ok()?,
        display_name,
        avatar_url: text("avatar_url").filter(|url| profile::check_avatar(url).is_ok()),
        bio,
        ts: members.get("ts").and_then(Value::as_i64)?,
    })
}

/// What is known of somebody whose profile nobody has sent: the name alone.
pub fn unknown(person: &Fqid) -> ForeignProfile {
    ForeignProfile {
        fqid: person.clone(),
        kind: Kind::Human,
        display_name: person.local_id().to_string(),
        avatar_url: None,
        bio: None,
        ts: 0,
    }
}

/// Keeps the profile that a membership event brings.
pub(super) async fn remember(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    change: &MemberChange,
    now: i64,
) -> Result<(), DbError> {
    let person = &change.participant;
    if person.server_name() == tenant.server_name() {
        return Ok(());
    }
    let keys = match &change.profile {
        Some(_) => store::logs::log_keys_in(tenant, tx, room_id, person.server_name()).await?,
        None => Vec::new(),
    };
    let profile = brought_by(change, &keys);
    participants::store::upsert_foreign(tenant, tx, &profile, now).await?;
    Ok(())
}

/// The profile that a membership event brings, if one of the keys of the person's server's log has signed it.
pub(super) fn brought_by(change: &MemberChange, keys: &[PublicKey]) -> ForeignProfile {
    let person = &change.participant;
    let document = change.profile.as_ref();
    let known = document.and_then(|document| read_with(document, person, keys));
    known.unwrap_or_else(|| unknown(person))
}

/// Keeps the profile that somebody shows from now on.
pub(super) async fn shown(
    tenant: &Tenant,
    tx: &mut Tx,
    event: &Event,
    now: i64,
) -> Result<(), DbError> {
    let document = event
        .content
        .as_ref()
        .and_then(|content| content.get("profile"));
    let (Some(person), Some(document)) = (&event.sender, document) else {
        return Ok(());
    };
    if person.server_name() == tenant.server_name() {
        return Ok(());
    }
    if let Some(profile) = read_in(tenant, tx, event.room_id, person, document).await? {
        participants::store::upsert_foreign(tenant, tx, &profile, now).await?;
    }
    Ok(())
}

/// Reads a profile that is signed with a key of the person's server's log of a room.
async fn read_in(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    person: &Fqid,
    document: &Value,
) -> Result<Option<ForeignProfile>, DbError> {
    let keys = store::logs::log_keys_in(tenant, tx, room_id, person.server_name()).await?;
    Ok(read_with(document, person, &keys))
}

fn read_with(document: &Value, person: &Fqid, keys: &[PublicKey]) -> Option<ForeignProfile> {
    keys.iter().find_map(|key| read(document, person, key))
}
