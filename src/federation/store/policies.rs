//! The table `federation_policies`.

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::db::{Db, DbError, Tx};
use crate::federation::core::policy::{DefaultMode, Policy};
use crate::tenants::Tenant;

const TABLE: &str = "federation_policies";
const SELECT: &str =
    "SELECT default_mode, allowed_peers, denied_peers, max_foreign, max_backfill, open_directory
     FROM federation_policies WHERE tenant = $1";

/// The tenant's policy; none if nobody ever changed it.
pub async fn get(tenant: &Tenant, db: &Db) -> Result<Option<Policy>, DbError> {
    let row = sqlx::query(SELECT)
        .bind(tenant.key())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

/// The same, as of this transaction.
pub async fn get_in(tenant: &Tenant, tx: &mut Tx) -> Result<Option<Policy>, DbError> {
    let row = sqlx::query(SELECT)
        .bind(tenant.key())
        .fetch_optional(tx.conn())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Replaces the tenant's policy.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    policy: &Policy,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO federation_policies
             (tenant, default_mode, allowed_peers, denied_peers, max_foreign, max_backfill, updated_at, open_directory)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (tenant) DO UPDATE SET default_mode = excluded.default_mode,
             allowed_peers = excluded.allowed_peers, denied_peers = excluded.denied_peers,
             max_foreign = excluded.max_foreign, max_backfill = excluded.max_backfill,
             updated_at = excluded.updated_at, open_directory = excluded.open_directory",
    )
    .bind(tenant.key())
    .bind(mode_text(policy.default_mode))
    .bind(serde_json::json!(policy.allowed_peers).to_string())
    .bind(serde_json::json!(policy.denied_peers).to_string())
    .bind(i64::from(policy.max_foreign_participants_per_room))
    .bind(i64::from(policy.max_backfill_events_per_request))
    .bind(now_ms)
    .bind(i64::from(policy.open_directory))
    .execute(tx.conn())
    .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Policy, DbError> {
    let list = |column: &'static str| {
        let text: String = row.try_get(column)?;
        serde_json::from_str(&text).map_err(|error| DbError::unreadable(TABLE, column, error))
    };
    let number = |column: &'static str| {
        let number: i64 = row.try_get(column)?;
        u32::try_from(number).map_err(|error| DbError::unreadable(TABLE, column, error))
    };
    let mode: String = row.try_get("default_mode")?;
    Ok(Policy {
        default_mode: read_mode(&mode)?,
        allowed_peers: list("allowed_peers")?,
        denied_peers: list("denied_peers")?,
        max_foreign_participants_per_room: number("max_foreign")?,
        max_backfill_events_per_request: number("max_backfill")?,
        open_directory: row.try_get::<i64, _>("open_directory")? != 0,
    })
}

const fn mode_text(mode: DefaultMode) -> &'static str {
    match mode {
        DefaultMode::Open => "open",
        DefaultMode::InviteOnly => "invite_only",
        DefaultMode::Closed => "closed",
    }
}

fn read_mode(text: &str) -> Result<DefaultMode, DbError> {
    match text {
        "open" => Ok(DefaultMode::Open),
        "invite_only" => Ok(DefaultMode::InviteOnly),
        "closed" => Ok(DefaultMode::Closed),
        other => Err(DbError::unreadable(TABLE, "default_mode", other)),
    }
}
