//! The table `peers`.

use sqlx::Row;
use sqlx::any::AnyRow;

use super::parse;
use crate::db::{Db, DbError, Tx};
use crate::events::core::names::ServerName;
use crate::federation::model::Peer;
use crate::tenants::Tenant;

const TABLE: &str = "peers";
const COLUMNS: &str = "server_name, pinned, base_url, descriptor_until, fetch_failures, next_fetch_at, paused, \
     send_failures, failing_since, next_send_at, last_seen_at, last_sent_at, last_error, last_error_at, skew_ms, created_at";

/// Servers that were never reached and are remembered all the same, for their errors: strangers choose their names.
const MAX_WITHOUT_CONTACT: i64 = 1_000;

/// What is known of a server; none if nothing.
pub async fn get(tenant: &Tenant, db: &Db, name: &ServerName) -> Result<Option<Peer>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM peers WHERE tenant = $1 AND server_name = $2");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(name.as_str())
        .fetch_optional(db.reader())
        .await?;
    row.as_ref().map(read).transpose()
}

/// Servers by name, those after `after`.
pub async fn page(tenant: &Tenant, db: &Db, after: &str, limit: i64) -> Result<Vec<Peer>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM peers WHERE tenant = $1 AND server_name > $2 ORDER BY server_name LIMIT $3"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(after)
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// Servers that were reached before and may be called now, those first that were heard of last.
pub async fn reachable(
    tenant: &Tenant,
    db: &Db,
    now_ms: i64,
    limit: i64,
) -> Result<Vec<ServerName>, DbError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT server_name FROM peers
         WHERE tenant = $1 AND pinned IS NOT NULL AND paused = 0 AND next_send_at <= $2
         ORDER BY COALESCE(last_seen_at, 0) DESC, server_name LIMIT $3",
    )
    .bind(tenant.key())
    .bind(now_ms)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    names
        .iter()
        .map(|name| parse(TABLE, "server_name", name))
        .collect()
}

/// Servers that were reached before.
pub async fn met(tenant: &Tenant, db: &Db) -> Result<Vec<ServerName>, DbError> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT server_name FROM peers WHERE tenant = $1 AND pinned IS NOT NULL ORDER BY server_name",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    names
        .iter()
        .map(|name| parse(TABLE, "server_name", name))
        .collect()
}

/// Makes the server's row, if there is none.
pub async fn ensure(
    tenant: &Tenant,
    tx: &mut Tx,
    name: &ServerName,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "INSERT INTO peers (tenant, server_name, descriptor_until, fetch_failures, next_fetch_at, paused,
             send_failures, next_send_at, created_at)
         VALUES ($1, $2, 0, 0, 0, 0, 0, 0, $3) ON CONFLICT (tenant, server_name) DO NOTHING",
    )
    .bind(tenant.key())
    .bind(name.as_str())
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records a descriptor that was believed.
pub async fn save_descriptor(tenant: &Tenant, tx: &mut Tx, peer: &Peer) -> Result<(), DbError> {
    let pinned = peer
        .pinned
        .as_ref()
        .map(serde_json::to_string)
        .transpose()
        .map_err(|error| DbError::unreadable(TABLE, "pinned", error))?;
    sqlx::query(
        "UPDATE peers SET pinned = $3, base_url = $4, descriptor_until = $5, fetch_failures = 0, next_fetch_at = 0
         WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(peer.server_name.as_str())
    .bind(pinned)
    .bind(peer.base_url.as_ref().map(ToString::to_string))
    .bind(peer.descriptor_until)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records, for the admins, what went wrong with a peer without holding anything up.
pub async fn note_error(
    tenant: &Tenant,
    tx: &mut Tx,
    peer: &ServerName,
    error: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE peers SET last_error = $3, last_error_at = $4 WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(peer.as_str())
    .bind(error)
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records that a descriptor could not be had, and forgets the strangers that were heard of first if there are too many.
pub async fn save_fetch_failure(
    tenant: &Tenant,
    tx: &mut Tx,
    peer: &Peer,
    error: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE peers SET fetch_failures = $3, next_fetch_at = $4, last_error = $5, last_error_at = $6
         WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(peer.server_name.as_str())
    .bind(i64::from(peer.fetch_failures))
    .bind(peer.next_fetch_at)
    .bind(error)
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "DELETE FROM peers WHERE tenant = $1 AND pinned IS NULL AND created_at < (
             SELECT created_at FROM peers WHERE tenant = $1 AND pinned IS NULL
             ORDER BY created_at DESC LIMIT 1 OFFSET $2)",
    )
    .bind(tenant.key())
    .bind(MAX_WITHOUT_CONTACT - 1)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records a valid request from the server, which ends the waiting after failed deliveries.
pub async fn save_seen(
    tenant: &Tenant,
    tx: &mut Tx,
    name: &ServerName,
    skew_ms: i64,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE peers SET last_seen_at = $3, skew_ms = $4, send_failures = 0, failing_since = NULL, next_send_at = 0
         WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(name.as_str())
    .bind(now_ms)
    .bind(skew_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records a delivery that the server took.
pub async fn save_sent(
    tenant: &Tenant,
    tx: &mut Tx,
    name: &ServerName,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE peers SET last_sent_at = $3, send_failures = 0, failing_since = NULL, next_send_at = 0
         WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(name.as_str())
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Records a delivery that failed, and when the next one may be tried.
pub async fn save_send_failure(
    tenant: &Tenant,
    tx: &mut Tx,
    peer: &Peer,
    error: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE peers SET send_failures = $3, failing_since = $4, next_send_at = $5, last_error = $6, last_error_at = $7
         WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(peer.server_name.as_str())
    .bind(i64::from(peer.send_failures))
    .bind(peer.failing_since)
    .bind(peer.next_send_at)
    .bind(error)
    .bind(now_ms)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Stops or resumes sending to a server. False: it is not known.
pub async fn set_paused(
    tenant: &Tenant,
    tx: &mut Tx,
    name: &ServerName,
    paused: bool,
) -> Result<bool, DbError> {
    let done = sqlx::query("UPDATE peers SET paused = $3 WHERE tenant = $1 AND server_name = $2")
        .bind(tenant.key())
        .bind(name.as_str())
        .bind(i64::from(paused))
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all waiting for a server, for fetching and for sending. False: it is not known.
pub async fn retry_now(tenant: &Tenant, tx: &mut Tx, name: &ServerName) -> Result<bool, DbError> {
    let done = sqlx::query(
        "UPDATE peers SET next_fetch_at = 0, next_send_at = 0 WHERE tenant = $1 AND server_name = $2",
    )
    .bind(tenant.key())
    .bind(name.as_str())
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends all waiting for all servers, after a change of the policy.
pub async fn retry_all(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    sqlx::query("UPDATE peers SET next_fetch_at = 0, next_send_at = 0 WHERE tenant = $1")
        .bind(tenant.key())
        .execute(tx.conn())
        .await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Peer, DbError> {
    let optional = |column: &'static str| row.try_get::<Option<String>, _>(column);
    let count = |column: &'static str| {
        let number: i64 = row.try_get(column)?;
        u32::try_from(number).map_err(|error| DbError::unreadable(TABLE, column, error))
    };
    let name: String = row.try_get("server_name")?;
    Ok(Peer {
        server_name: name
            .parse()
            .map_err(|error| DbError::unreadable(TABLE, "server_name", error))?,
        pinned: optional("pinned")?
            .map(|text| {
                serde_json::from_str(&text)
                    .map_err(|error| DbError::unreadable(TABLE, "pinned", error))
            })
            .transpose()?,
        base_url: optional("base_url")?
            .map(|text| parse(TABLE, "base_url", &text))
            .transpose()?,
        descriptor_until: row.try_get("descriptor_until")?,
        fetch_failures: count("fetch_failures")?,
        next_fetch_at: row.try_get("next_fetch_at")?,
        paused: row.try_get::<i64, _>("paused")? != 0,
        send_failures: count("send_failures")?,
        failing_since: row.try_get("failing_since")?,
        next_send_at: row.try_get("next_send_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        last_sent_at: row.try_get("last_sent_at")?,
        last_error: optional("last_error")?,
        last_error_at: row.try_get("last_error_at")?,
        skew_ms: row.try_get("skew_ms")?,
        created_at: row.try_get("created_at")?,
    })
}
