//! What a command has to know of the event that it is about.

use super::{changes, reactions};
use crate::db::{DbError, Tx};
use crate::events;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::core::names::Fqid;
use crate::events::model::{Shown, Standing};
use crate::messages::visibility;
use crate::rooms::core::decide::TargetFacts;
use crate::tenants::Tenant;

/// What is known of `target` as an event of the room, for a command of `actor`; `emoji` with a reaction. People of other
/// servers are shown there what they are shown: here it is enough that it counts.
pub async fn facts(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    target: EventId,
    actor: &Fqid,
    emoji: Option<&str>,
) -> Result<Option<TargetFacts>, DbError> {
    let placed = events::store::by_id(tenant, tx.conn(), target).await?;
    let Some(placed) = placed.filter(|placed| placed.event.room_id == room_id) else {
        return Ok(None);
    };
    let is_foreign = actor.server_name() != tenant.server_name();
    let actor = ParticipantId::derive(actor);
    let readable = visibility::of(tenant, tx.conn(), room_id, actor).await?;
    let is_shown = placed.standing == Standing::Valid && placed.shown == Shown::History;
    let emoji = match emoji {
        Some(emoji) => reactions::standing(tenant, tx, target, emoji, actor).await?,
        None => reactions::Standing::default(),
    };
    Ok(Some(TargetFacts {
        sender: placed.sender().cloned(),
        event_type: placed.event.event_type.clone(),
        ts: placed.event.ts,
        visible: (is_foreign && is_shown)
            || readable.is_some_and(|readable| readable.shows(&placed)),
        redacted: changes::get(tenant, tx.conn(), target)
            .await?
            .redaction
            .is_some(),
        emoji_kinds: emoji.kinds,
        has_emoji: emoji.of_this_kind > 0,
        has_own_emoji: emoji.own,
        pins: 0,
        is_pinned: false,
    }))
}
