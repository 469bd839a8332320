//! The table `message_changes`: what edits and redactions made of a message.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::id;
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::EventId;
use crate::messages::model::{Changes, Edited, Redacted};
use crate::tenants::Tenant;

const COLUMNS: &str =
    "content, edited_at, edit_order, redacted_at, redacted_by, redaction_reason, redaction_order";

/// What is known of one message.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    event_id: EventId,
) -> Result<Changes, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM message_changes WHERE tenant = $1 AND event_id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(event_id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map_or(Ok(Changes::default()), read)
}

/// What is known of those of `events` that were changed.
pub async fn get_many(
    tenant: &Tenant,
    db: &Db,
    events: &[EventId],
) -> Result<HashMap<EventId, Changes>, DbError> {
    let mut found = HashMap::new();
    for run in rows::runs(events) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT event_id, {COLUMNS} FROM message_changes WHERE tenant = $1 AND event_id IN ({list})"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, event| query.bind(event.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let event = row.try_get::<String, _>("event_id")?;
            found.insert(id("message_changes", "event_id", &event)?, read(&row)?);
        }
    }
    Ok(found)
}

/// Writes the row anew.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    event_id: EventId,
    changes: &Changes,
) -> Result<(), DbError> {
    let Changes { edit, redaction } = changes;
    let edit = edit.as_ref();
    let redaction = redaction.as_ref();
    sqlx::query(
        "INSERT INTO message_changes (tenant, event_id, content, edited_at, edit_order, redacted_at, redacted_by,
             redaction_reason, redaction_order)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (tenant, event_id) DO UPDATE SET content = excluded.content, edited_at = excluded.edited_at,
             edit_order = excluded.edit_order, redacted_at = excluded.redacted_at,
             redacted_by = excluded.redacted_by, redaction_reason = excluded.redaction_reason,
             redaction_order = excluded.redaction_order",
    )
    .bind(tenant.key())
    .bind(event_id.to_string())
    .bind(edit.map(|edit| edit.content.to_string()))
    .bind(edit.map(|edit| edit.at))
    .bind(edit.map(|edit| edit.order.clone()))
    .bind(redaction.map(|redaction| redaction.at))
    .bind(redaction.map(|redaction| redaction.by.to_string()))
    .bind(redaction.and_then(|redaction| redaction.reason.clone()))
    .bind(redaction.map(|redaction| redaction.order.clone()))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets what was made of a message.
pub async fn delete(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM message_changes WHERE tenant = $1 AND event_id = $2")
        .bind(tenant.key())
        .bind(event_id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Changes, DbError> {
    let text = |column: &str| row.try_get::<Option<String>, _>(column);
    let number = |column: &str| row.try_get::<Option<i64>, _>(column);
    let edit = match (text("content")?, number("edited_at")?, text("edit_order")?) {
        (Some(content), Some(at), Some(order)) => Some(Edited {
            content: serde_json::from_str(&content)
                .map_err(|error| DbError::unreadable("message_changes", "content", error))?,
            at,
            order,
        }),
        _ => None,
    };
    let redaction = match (
        number("redacted_at")?,
        text("redacted_by")?,
        text("redaction_order")?,
    ) {
        (Some(at), Some(by), Some(order)) => Some(Redacted {
            at,
            by: id("message_changes", "redacted_by", &by)?,
            reason: text("redaction_reason")?,
            order,
        }),
        _ => None,
    };
    Ok(Changes { edit, redaction })
}
