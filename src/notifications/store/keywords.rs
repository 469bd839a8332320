//! The table `keyword_alerts`: what people ask for, and for which part of the stream they did.

use std::collections::BTreeSet;

use sqlx::AssertSqlSafe;

use super::id;
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::{EventId, ParticipantId};
use crate::tenants::Tenant;

/// Keywords of the past that are kept of one person, for messages that are still unread.
const MOST_ENDED: i64 = 200;

/// Every keyword that anybody asks for now.
pub async fn all(tenant: &Tenant, tx: &mut Tx) -> Result<Vec<String>, DbError> {
    let sql =
        "SELECT DISTINCT keyword FROM keyword_alerts WHERE tenant = $1 AND until_position IS NULL";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_all(tx.conn())
        .await?)
}

/// Lets a person ask for these keywords, and no others, from a position of the stream on.
pub async fn replace(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    wanted: &BTreeSet<String>,
    position: i64,
) -> Result<(), DbError> {
    let known: Vec<String> = sqlx::query_scalar(
        "SELECT keyword FROM keyword_alerts WHERE tenant = $1 AND participant_id = $2 AND until_position IS NULL",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .fetch_all(tx.conn())
    .await?;
    let known: BTreeSet<String> = known.into_iter().collect();
    let ended: Vec<&String> = known.difference(wanted).collect();
    for run in rows::runs(&ended) {
        let sql = format!(
            "UPDATE keyword_alerts SET until_position = $3
             WHERE tenant = $1 AND participant_id = $2 AND until_position IS NULL AND keyword IN ({})",
            rows::list(4, run.len())
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(participant.to_string())
            .bind(position);
        let query = run
            .iter()
            .fold(query, |query, word| query.bind((*word).clone()));
        query.execute(tx.conn()).await?;
    }
    let begun: Vec<&String> = wanted.difference(&known).collect();
    for run in rows::runs(&begun) {
        let sql = format!(
            "INSERT INTO keyword_alerts (tenant, participant_id, keyword, since_position) VALUES {}
             ON CONFLICT (tenant, participant_id, keyword, since_position) DO UPDATE SET until_position = NULL",
            rows::values(tx.backend(), run.len(), 4)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for word in run {
            query = query
                .bind(tenant.key())
                .bind(participant.to_string())
                .bind((*word).clone())
                .bind(position);
        }
        query.execute(tx.conn()).await?;
    }
    forget_ended(tenant, tx, participant).await
}

/// Forgets what somebody asked for while nothing was said, and what ended long ago.
async fn forget_ended(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
) -> Result<(), DbError> {
    sqlx::query(
        "DELETE FROM keyword_alerts WHERE tenant = $1 AND participant_id = $2 AND (until_position <= since_position
           OR until_position < (SELECT until_position FROM keyword_alerts
             WHERE tenant = $1 AND participant_id = $2 AND until_position IS NOT NULL
             ORDER BY until_position DESC LIMIT 1 OFFSET $3))",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(MOST_ENDED)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Who asks for a keyword in one of these messages and is in its room.
pub async fn asked_for(
    tenant: &Tenant,
    db: &Db,
    messages: &[EventId],
) -> Result<Vec<(EventId, ParticipantId)>, DbError> {
    let mut found = Vec::new();
    for run in rows::runs(messages) {
        let sql = format!(
            "SELECT DISTINCT k.event_id, a.participant_id FROM keyword_matches k
             JOIN keyword_alerts a ON a.tenant = k.tenant AND a.keyword = k.keyword AND a.since_position < k.matched_at
               AND a.until_position IS NULL
             JOIN members m ON m.tenant = k.tenant AND m.room_id = k.room_id AND m.participant_id = a.participant_id
               AND m.membership = 'join'
             WHERE k.tenant = $1 AND k.event_id IN ({})",
            rows::list(2, run.len())
        );
        let query = sqlx::query_as(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        let pairs: Vec<(String, String)> = query.fetch_all(db.reader()).await?;
        for (event, participant) in pairs {
            found.push((
                id("keyword_matches", "event_id", &event)?,
                id("keyword_alerts", "participant_id", &participant)?,
            ));
        }
    }
    Ok(found)
}
