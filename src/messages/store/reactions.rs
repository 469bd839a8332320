//! The table `reactions`.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::{id, of_events};
use crate::db::{Db, DbError, Tx};
use crate::events::core::ids::{EventId, ParticipantId};
use crate::messages::model::Reaction;
use crate::tenants::Tenant;

/// Writes an add or a remove, unless a later one of the same person and emoji is there. Compared here and not in SQL,
/// where text may be ordered by a locale.
pub async fn put_if_later(
    tenant: &Tenant,
    tx: &mut Tx,
    event_id: EventId,
    reaction: &Reaction,
) -> Result<(), DbError> {
    let known: Option<String> = sqlx::query_scalar(
        "SELECT change_order FROM reactions
         WHERE tenant = $1 AND event_id = $2 AND emoji = $3 AND participant_id = $4",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(&reaction.emoji)
    .bind(reaction.participant_id.to_string())
    .fetch_optional(tx.conn())
    .await?;
    if known.is_some_and(|order| order >= reaction.order) {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO reactions (tenant, event_id, emoji, participant_id, created_at, change_order, active)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (tenant, event_id, emoji, participant_id) DO UPDATE SET created_at = excluded.created_at,
             change_order = excluded.change_order, active = excluded.active",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(&reaction.emoji)
    .bind(reaction.participant_id.to_string())
    .bind(reaction.at)
    .bind(&reaction.order)
    .bind(i64::from(reaction.active))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Takes all reactions off a message.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM reactions WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// How an emoji stands on a message, as a new reaction has to know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Different emoji on the message.
    pub kinds: usize,
    /// How many people put this one there.
    pub of_this_kind: i64,
    /// Whether the participant is among them.
    pub own: bool,
}

/// How `emoji` stands on a message, as of this transaction.
pub async fn standing(
    tenant: &Tenant,
    tx: &mut Tx,
    event_id: EventId,
    emoji: &str,
    participant: ParticipantId,
) -> Result<Standing, DbError> {
    let (kinds, of_this_kind, own): (i64, i64, i64) = sqlx::query_as(
        "SELECT COUNT(DISTINCT emoji), COUNT(CASE WHEN emoji = $3 THEN 1 END),
             COUNT(CASE WHEN emoji = $3 AND participant_id = $4 THEN 1 END)
         FROM reactions WHERE tenant = $1 AND event_id = $2 AND active = 1",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(emoji)
    .bind(participant.to_string())
    .fetch_one(tx.conn())
    .await?;
    Ok(Standing {
        kinds: usize::try_from(kinds).unwrap_or(usize::MAX),
        of_this_kind,
        own: own > 0,
    })
}

/// A person's emoji on a message, and how many others put the same one there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The emoji.
    pub emoji: String,
    /// Whose.
    pub participant_id: ParticipantId,
    /// How many people put it there.
    pub total: i64,
    /// This person's place among them, from 1.
    pub place: i64,
}

/// Kinds of emoji shown on one message. A server limits only its own people: with others' there may be more, of which
/// the first in time are shown.
const MOST_KINDS: i64 = 50;

/// The reactions on `events`, kind by kind in the order of their appearance: of each kind the first `listed` people, and
/// `viewer`.
pub async fn counted(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
    viewer: ParticipantId,
    listed: usize,
) -> Result<HashMap<EventId, Vec<Counted>>, DbError> {
    let viewer = viewer.to_string();
    let select = format!(
        "SELECT event_id, emoji, participant_id, total, place FROM (
             SELECT one.*, DENSE_RANK() OVER (PARTITION BY event_id ORDER BY first_at, emoji) AS kind FROM (
                 SELECT event_id, emoji, participant_id,
                     COUNT(*) OVER (PARTITION BY event_id, emoji) AS total,
                     MIN(created_at) OVER (PARTITION BY event_id, emoji) AS first_at,
                     ROW_NUMBER() OVER (PARTITION BY event_id, emoji ORDER BY created_at, participant_id) AS place
                 FROM reactions WHERE active = 1 AND tenant = $1 AND event_id IN {{}}) AS one) AS ranked
         WHERE kind <= {MOST_KINDS} AND (place <= {listed} OR participant_id = $2)
         ORDER BY event_id, kind, place"
    );
    let mut found: HashMap<EventId, Vec<Counted>> = HashMap::new();
    let rows = of_events(tenant, db, &select, &[&viewer], events).await?;
    for row in rows {
        let text = |column: &str| row.try_get::<String, _>(column);
        let counted = Counted {
            emoji: text("emoji")?,
            participant_id: participant(&row)?,
            total: row.try_get("total")?,
            place: row.try_get("place")?,
        };
        let event = id("reactions", "event_id", &text("event_id")?)?;
        found.entry(event).or_default().push(counted);
    }
    Ok(found)
}

/// One reaction, by which lists are ordered: when, whose, which emoji.
pub type Entry = (i64, ParticipantId, String);

/// A page of the reactions on a message, the first in time first, after `from`.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    event_id: EventId,
    from: Option<&Entry>,
    limit: i64,
) -> Result<Vec<Entry>, DbError> {
    let (at, whose, emoji) = match from {
        Some((at, whose, emoji)) => (*at, whose.to_string(), emoji.as_str()),
        None => (i64::MIN, String::new(), ""),
    };
    let rows = sqlx::query(
        "SELECT created_at, participant_id, emoji FROM reactions
         WHERE tenant = $1 AND event_id = $2 AND active = 1 AND (created_at, participant_id, emoji) > ($3, $4, $5)
         ORDER BY created_at, participant_id, emoji LIMIT $6",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(at)
    .bind(whose)
    .bind(emoji)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                row.try_get("created_at")?,
                participant(row)?,
                row.try_get("emoji")?,
            ))
        })
        .collect()
}

fn participant(row: &AnyRow) -> Result<ParticipantId, DbError> {
    let text: String = row.try_get("participant_id")?;
    id("reactions", "participant_id", &text)
}
