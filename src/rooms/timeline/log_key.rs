//! The own log of a room goes over to the tenant's current key (federation specification, "Keys, forks, epochs").

use serde_json::json;

use super::batch::Batch;
use super::commands::land_next;
use super::compose::{self, Signer};
use crate::events::core::event::Event;
use crate::events::core::event_type::EventType;
use crate::events::core::ids::RoomId;
use crate::rooms::core::content::OriginKey;
use crate::rooms::core::decide::Intent;
use crate::rooms::error::RoomError;

/// Rooms whose logs are to go over to the current key, those that have not yet. A room whose log rests on a key that is
/// gone stays as it is.
pub(super) async fn renew_all(
    batch: &mut Batch<'_>,
    rooms: &[RoomId],
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    for room_id in rooms {
        match renew(batch, *room_id, signer).await {
            Err(RoomError::KeyGone) => {
                tracing::error!(event = "federation.log_key_gone", room = %room_id);
            }
            other => other?,
        }
    }
    Ok(())
}

/// Appends `swp.log.key`, signed by the key that the log went by so far, unless that is the current one: whatever is
/// signed with another key than the log's is refused by everybody.
pub(super) async fn renew(
    batch: &mut Batch<'_>,
    room_id: RoomId,
    signer: &mut Signer<'_>,
) -> Result<(), RoomError> {
    let tenant = batch.tenant.clone();
    let own_key = batch.views.own_key(&tenant, &mut batch.tx, room_id).await?;
    let Some(before) = own_key.filter(|key_id| *key_id != signer.key.key_id()) else {
        return Ok(());
    };
    let before = signer
        .keys
        .pair(&tenant, before)
        .ok_or(RoomError::KeyGone)?;
    let Some(view) = batch.views.get(&tenant, &mut batch.tx, room_id).await? else {
        return Ok(());
    };
    let names_next = Intent {
        event_type: EventType::LOG_KEY,
        sender: None,
        content: json!(OriginKey::of(signer.key.public_key())),
    };
    let events = compose::sign_with(&before, Some(view), room_id, vec![names_next], signer)?;
    batch.touched.insert(room_id);
    for event in &events {
        land_next(batch, event).await?;
    }
    Ok(())
}

/// Whether the event names a log's next key, or what its next epoch stands by, and does not say it: such an event is taken
/// only whole, since the events after it could not be verified.
pub(crate) fn is_incomplete(event: &Event) -> bool {
    event.event_type.is_of_log() && event.content.is_none()
}
