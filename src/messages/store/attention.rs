//! The tables `priority_marks` and `keyword_matches`: what the text of messages asks for. One row a message, or a word in
//! it: whom that concerns is found when somebody looks, so that a message costs the same in a room of any size.

use sqlx::AssertSqlSafe;

use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// What a text asks for by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// It ends as a question, in a DM or in a reply.
    pub is_question: bool,
    /// It carries a tag such as `#urgent`.
    pub is_urgent: bool,
}

/// A keyword in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// The room.
    pub room_id: RoomId,
    /// The keyword as it is compared.
    pub keyword: String,
    /// The message's place in the stream.
    pub position: i64,
    /// The message.
    pub event_id: EventId,
    /// The place of the event that brought the text.
    pub matched_at: i64,
}

/// Writes what a message asks for, if anything.
pub async fn mark(
    tenant: &Tenant,
    tx: &mut Tx,
    message: &Placed,
    mark: Option<Mark>,
) -> Result<(), DbError> {
    let Some(mark) = mark else {
        return Ok(());
    };
    sqlx::query(
        "INSERT INTO priority_marks (tenant, room_id, stream_position, event_id, is_question, is_urgent)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, room_id, stream_position) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(message.event.room_id.to_string())
    .bind(message.position)
    .bind(message.event.event_id.to_string())
    .bind(i64::from(mark.is_question))
    .bind(i64::from(mark.is_urgent))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Writes which keywords messages hold.
pub async fn put_matches(tenant: &Tenant, tx: &mut Tx, matches: &[Match]) -> Result<(), DbError> {
    for run in rows::runs(matches) {
        let sql = format!(
            "INSERT INTO keyword_matches (tenant, room_id, keyword, stream_position, event_id, matched_at) VALUES {}
             ON CONFLICT (tenant, room_id, keyword, stream_position) DO NOTHING",
            rows::values(tx.backend(), run.len(), 6)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for one in run {
            query = query
                .bind(tenant.key())
                .bind(one.room_id.to_string())
                .bind(&one.keyword)
                .bind(one.position)
                .bind(one.event_id.to_string())
                .bind(one.matched_at);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Forgets which keywords these messages hold.
pub async fn delete_matches(
    tenant: &Tenant,
    tx: &mut Tx,
    messages: &[EventId],
) -> Result<(), DbError> {
    for run in rows::runs(messages) {
        let list = rows::list(2, run.len());
        let sql = format!("DELETE FROM keyword_matches WHERE tenant = $1 AND event_id IN ({list})");
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Forgets what a message asks for by itself.
pub async fn delete_mark(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM priority_marks WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets everything that a message asks for.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    delete_mark(tenant, tx, event_id).await?;
    delete_matches(tenant, tx, &[event_id]).await
}
