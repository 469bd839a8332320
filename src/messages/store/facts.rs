//! What a command has to know of the event that it is about.

use std::collections::HashSet;

use super::{changes, reactions};
use crate::db::{DbError, Tx};
use crate::events;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::messages::visibility;
use crate::rooms::core::decide::TargetFacts;
use crate::tenants::Tenant;

/// What is known of `target` as an event of the room, for a command of `actor`; `emoji` with a reaction.
pub async fn facts(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    target: EventId,
    actor: &Fqid,
    emoji: Option<&str>,
) -> Result<Option<TargetFacts>, DbError> {
    let placed = events::store::by_id_in(tenant, tx, target).await?;
    let Some(placed) = placed.filter(|placed| placed.event.room_id == room_id) else {
        return Ok(None);
    };
    let actor = ParticipantId::derive(actor);
    let readable = visibility::of(tenant, tx.conn(), room_id, actor).await?;
    let on_it = match emoji {
        Some(_) => reactions::of(tenant, tx, target).await?,
        None => Vec::new(),
    };
    let kinds: HashSet<&str> = on_it
        .iter()
        .map(|reaction| reaction.emoji.as_str())
        .collect();
    Ok(Some(TargetFacts {
        sender: placed.sender().cloned(),
        event_type: placed.event.event_type.clone(),
        ts: placed.event.ts,
        visible: readable.is_some_and(|readable| readable.shows(&placed)),
        redacted: changes::get(tenant, tx.conn(), target)
            .await?
            .redaction
            .is_some(),
        emoji_kinds: kinds.len(),
        has_emoji: emoji.is_some_and(|emoji| kinds.contains(emoji)),
        has_own_emoji: on_it.iter().any(|reaction| {
            Some(reaction.emoji.as_str()) == emoji && reaction.participant_id == actor
        }),
    }))
}
