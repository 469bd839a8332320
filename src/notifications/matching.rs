//! Which keywords new and changed messages hold, written with the batch that brings them.

use std::collections::BTreeSet;

use super::keywords::{Index, Keywords};
use crate::db::{DbError, Tx};
use crate::events::core::event_type::EventType;
use crate::events::core::ids::EventId;
use crate::events::model::{Placed, Shown, Standing};
use crate::events::store;
use crate::messages::store::attention::{self, Match};
use crate::messages::store::changes;
use crate::messages::text;
use crate::tenants::Tenant;

/// Writes which keywords the messages of a batch hold. `placed`: all events with a new place in the stream; `reworded`:
/// messages of which something may have changed beside that; `end`: where the stream ends with this batch. Nothing is
/// asked of the database where nobody asks for keywords and nothing was reworded.
pub async fn record(
    tenant: &Tenant,
    tx: &mut Tx,
    keywords: &Keywords,
    placed: &[Placed],
    mut reworded: BTreeSet<EventId>,
    end: i64,
) -> Result<(), DbError> {
    let changing = [EventType::ROOM_MESSAGE_EDIT, EventType::ROOM_REDACTION];
    let changed = placed
        .iter()
        .filter(|placed| changing.contains(&placed.event.event_type));
    reworded.extend(changed.filter_map(|placed| placed.target));
    let fresh: Vec<&Placed> = placed
        .iter()
        .filter(|placed| is_message(placed) && !reworded.contains(&placed.event.event_id))
        .collect();
    if fresh.is_empty() && reworded.is_empty() {
        return Ok(());
    }
    let index = keywords.of(tenant, tx).await?;
    let mut matches = Vec::new();
    for message in fresh {
        if let Some(content) = &message.event.content {
            note(
                &mut matches,
                &index,
                message,
                text::body(content),
                message.position,
            );
        }
    }
    let reworded: Vec<EventId> = reworded.into_iter().collect();
    attention::delete_matches(tenant, tx, &reworded).await?;
    for id in reworded {
        if index.is_empty() {
            break;
        }
        let Some(message) = store::by_id(tenant, tx.conn(), id).await? else {
            continue;
        };
        let changes = changes::get(tenant, tx.conn(), id).await?;
        if is_message(&message)
            && let Some(body) = text::present_body(&message, Some(&changes))
        {
            note(&mut matches, &index, &message, body, end);
        }
    }
    attention::put_matches(tenant, tx, &matches).await
}

fn note(matches: &mut Vec<Match>, index: &Index, message: &Placed, body: &str, matched_at: i64) {
    let found = index.found_in(body).into_iter();
    matches.extend(found.map(|keyword| Match {
        room_id: message.event.room_id,
        keyword,
        position: message.position,
        event_id: message.event.event_id,
        matched_at,
    }));
}

fn is_message(placed: &Placed) -> bool {
    placed.event.event_type == EventType::ROOM_MESSAGE
        && placed.standing == Standing::Valid
        && placed.shown == Shown::History
}
