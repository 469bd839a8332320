//! The table `preferences`: what people have set; what they have not is not there.

use serde_json::{Map, Value};
use sqlx::AnyExecutor;

use super::model::Preferences;
use crate::db::{DbError, Tx};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// What somebody has set, by key.
pub async fn chosen<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    participant: ParticipantId,
) -> Result<Map<String, Value>, DbError> {
    let text: Option<String> = sqlx::query_scalar(
        "SELECT chosen FROM preferences WHERE tenant = $1 AND participant_id = $2",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .fetch_optional(on)
    .await?;
    text.map_or_else(|| Ok(Map::new()), |text| parse(&text))
}

/// Stores what somebody has set.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    chosen: &Map<String, Value>,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO preferences (tenant, participant_id, chosen) VALUES ($1, $2, $3)
         ON CONFLICT (tenant, participant_id) DO UPDATE SET chosen = excluded.chosen",
    )
    .bind(tenant.key())
    .bind(participant.to_string())
    .bind(Value::from(chosen.clone()).to_string())
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// The preferences of somebody with this text in the column `chosen`, or without a row.
pub fn read(chosen: Option<&str>) -> Result<Preferences, DbError> {
    match chosen {
        Some(text) => whole(parse(text)?),
        None => Ok(Preferences::default()),
    }
}

/// The preferences of somebody who has set these keys.
pub fn whole(chosen: Map<String, Value>) -> Result<Preferences, DbError> {
    let mut all = serde_json::to_value(Preferences::default()).map_err(unreadable)?;
    if let Value::Object(all) = &mut all {
        all.extend(chosen);
    }
    serde_json::from_value(all).map_err(unreadable)
}

fn parse(text: &str) -> Result<Map<String, Value>, DbError> {
    serde_json::from_str(text).map_err(unreadable)
}

/// A value that is no preference.
pub(super) fn unreadable(error: serde_json::Error) -> DbError {
    DbError::unreadable("preferences", "chosen", error)
}
