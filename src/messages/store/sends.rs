//! The table `sends`: what clients gave with their messages.

use std::collections::HashMap;

use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::id;
use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::{EventId, ParticipantId, RoomId};
use crate::tenants::Tenant;

/// What a send is repeated by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SentKey {
    /// The sender.
    pub participant: ParticipantId,
    /// The room.
    pub room: RoomId,
    /// The client's own id of the message.
    pub event_uuid: Uuid,
}

/// What a client gave with one message.
#[derive(Clone, Debug)]
pub struct SendRow {
    /// The message.
    pub event_id: EventId,
    /// Its room.
    pub room_id: RoomId,
    /// Its sender.
    pub participant_id: ParticipantId,
    /// The client's own id of it.
    pub event_uuid: Option<Uuid>,
    /// Who really called, where it was sent as somebody else.
    pub sent_by: Option<ParticipantId>,
}

/// The messages that were sent under these keys before.
pub async fn sent(
    tenant: &Tenant,
    tx: &mut Tx,
    keys: &[SentKey],
) -> Result<HashMap<SentKey, EventId>, DbError> {
    let mut found = HashMap::new();
    for run in rows::runs(keys) {
        // Each key is looked up by itself. Of one condition over all of them, Postgres makes a walk through the tenant's
        // rows as long as it has no statistics of the table.
        let sql = format!(
            "WITH asked (participant_id, room_id, event_uuid) AS (VALUES {})
             SELECT * FROM (
                 SELECT participant_id, room_id, event_uuid, (
                     SELECT event_id FROM sends WHERE sends.tenant = ${}
                     AND sends.participant_id = asked.participant_id AND sends.room_id = asked.room_id
                     AND sends.event_uuid = asked.event_uuid
                 ) AS event_id FROM asked
             ) AS answers WHERE event_id IS NOT NULL",
            rows::values(tx.backend(), run.len(), 3),
            run.len() * 3 + 1
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for key in run {
            query = query
                .bind(key.participant.to_string())
                .bind(key.room.to_string())
                .bind(key.event_uuid.to_string());
        }
        let query = query.bind(tenant.key());
        for row in query.fetch_all(tx.conn()).await? {
            let text = |column: &str| row.try_get::<String, _>(column);
            let key = SentKey {
                participant: id("sends", "participant_id", &text("participant_id")?)?,
                room: id("sends", "room_id", &text("room_id")?)?,
                event_uuid: id("sends", "event_uuid", &text("event_uuid")?)?,
            };
            found.insert(key, id("sends", "event_id", &text("event_id")?)?);
        }
    }
    Ok(found)
}

/// Writes what clients gave with new messages.
pub async fn record_sends(tenant: &Tenant, tx: &mut Tx, sends: &[SendRow]) -> Result<(), DbError> {
    for run in rows::runs(sends) {
        let sql = format!(
            "INSERT INTO sends (tenant, event_id, room_id, participant_id, event_uuid, sent_by) VALUES {}",
            rows::values(tx.backend(), run.len(), 6)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for send in run {
            query = query
                .bind(tenant.key())
                .bind(send.event_id.to_string())
                .bind(send.room_id.to_string())
                .bind(send.participant_id.to_string())
                .bind(send.event_uuid.map(|uuid| uuid.to_string()))
                .bind(send.sent_by.map(|participant| participant.to_string()));
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// A message has another id now: what its client gave with it goes along.
pub async fn rename_send(
    tenant: &Tenant,
    tx: &mut Tx,
    old: EventId,
    new: EventId,
) -> Result<(), DbError> {
    sqlx::query("UPDATE sends SET event_id = $3 WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(old.to_string())
        .bind(new.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}
