//! A room that ends for good: everything that was ever written of it goes with the transaction that closes it.
//!
//! The log of such a room is on this server alone, so that nobody's chain breaks when it goes as a whole. What stays is the
//! room's own row without names, and for a while that each of its people has left.

use super::batch::Batch;
use super::commands::without_events;
use super::{Act, Outcome};
use crate::db::DbError;
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::events::store as events;
use crate::federation::store as federation;
use crate::media::store::references;
use crate::messages::store as messages;
use crate::notifications::store as notifications;
use crate::rooms::core::decide::{self, Refusal};
use crate::rooms::error::RoomError;
use crate::rooms::store::erased::{self, Departure};
use crate::rooms::store::members;

/// Deletes everything of a room, and closes it.
pub(super) async fn room(batch: &mut Batch<'_>, room_id: RoomId) -> Result<(), DbError> {
    batch.flush().await?;
    let tenant = batch.tenant.clone();
    let people = erased::present(&tenant, &mut batch.tx, room_id).await?;
    let departures: Vec<Departure> = people
        .into_iter()
        .map(|participant_id| departure(batch, room_id, participant_id))
        .collect();
    let tx = &mut batch.tx;
    // What hangs on events only goes before these.
    messages::forget_room(&tenant, tx, room_id).await?;
    references::forget_room(&tenant, tx, room_id).await?;
    notifications::forget_room(&tenant, tx, room_id).await?;
    federation::forget_room(&tenant, tx, room_id).await?;
    events::forget_room(&tenant, tx, room_id).await?;
    erased::close(&tenant, tx, room_id, batch.now).await?;
    erased::depart(&tenant, tx, &departures).await?;
    batch.erased(room_id);
    Ok(())
}

/// Two positions each, though only the second is shown: a stay of one position stands for a single event that was shown to
/// somebody outside.
fn departure(batch: &mut Batch<'_>, room_id: RoomId, participant_id: ParticipantId) -> Departure {
    batch.next_position();
    let ms = u64::try_from(batch.now).unwrap_or(0);
    let id = uuid::Builder::from_unix_timestamp_millis(ms, &batch.entropy.bytes());
    Departure {
        position: batch.next_position(),
        event_id: EventId(id.into_uuid()),
        room_id,
        participant_id,
        left_at: batch.now,
    }
}

/// What a command comes to in a room of which no log is here.
pub(super) async fn without_log(batch: &mut Batch<'_>, act: &Act) -> Result<Outcome, RoomError> {
    let (tenant, tx) = (&act.tenant, &mut batch.tx);
    if !erased::contains(tenant, tx.conn(), act.room_id).await? {
        return Err(Refusal::NoSuchRoom.into());
    }
    let id = ParticipantId::derive(&act.actor);
    let member = members::get(tenant, tx.conn(), act.room_id, id).await?;
    decide::after_the_end(&act.command, member.map(|member| member.membership))?;
    Ok(without_events(act.room_id))
}
