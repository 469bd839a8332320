//! The table `log_gaps`: pieces of hosts' logs that are not here yet.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::{name, parse};
use crate::db::{DbError, Tx, rows};
use crate::events::core::chain::Gap;
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::tenants::Tenant;

/// The gaps of a room's logs, in the order of the logs.
pub async fn of_room<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room_id: RoomId,
) -> Result<Vec<(ServerName, Gap)>, DbError> {
    let rows = sqlx::query(
        "SELECT origin, after_seq, after_hash, after_ts, until_seq, until_prev, until_ts FROM log_gaps
         WHERE tenant = $1 AND room_id = $2 ORDER BY origin, until_seq",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .fetch_all(on)
    .await?;
    rows.iter().map(read).collect()
}

fn read(row: &AnyRow) -> Result<(ServerName, Gap), DbError> {
    let gap = Gap {
        after_seq: row.try_get("after_seq")?,
        after_hash: parse("after_hash", &row.try_get::<String, _>("after_hash")?)?,
        after_ts: row.try_get("after_ts")?,
        until_seq: row.try_get("until_seq")?,
        until_prev: parse("until_prev", &row.try_get::<String, _>("until_prev")?)?,
        until_ts: row.try_get("until_ts")?,
    };
    Ok((name(&row.try_get::<String, _>("origin")?)?, gap))
}

/// Records gaps as they are now; one that is filled is gone.
pub async fn set(
    tenant: &Tenant,
    tx: &mut Tx,
    gaps: &[(RoomId, ServerName, Gap)],
) -> Result<(), DbError> {
    let (filled, open): (Vec<_>, Vec<_>) = gaps.iter().partition(|(_, _, gap)| gap.is_filled());
    for (room_id, origin, gap) in filled {
        let sql = "DELETE FROM log_gaps WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND until_seq = $4";
        sqlx::query(sql)
            .bind(tenant.key())
            .bind(room_id.to_string())
            .bind(origin.as_str())
            .bind(gap.until_seq)
            .execute(tx.conn())
            .await?;
    }
    for run in rows::runs(&open) {
        let sql = format!(
            "INSERT INTO log_gaps (tenant, room_id, origin, until_seq, until_prev, until_ts, after_seq, after_hash, after_ts)
             VALUES {}
             ON CONFLICT (tenant, room_id, origin, until_seq) DO UPDATE SET after_seq = excluded.after_seq,
             after_hash = excluded.after_hash, after_ts = excluded.after_ts",
            rows::values(tx.backend(), run.len(), 9)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (room_id, origin, gap) in run {
            query = query
                .bind(tenant.key())
                .bind(room_id.to_string())
                .bind(origin.as_str())
                .bind(gap.until_seq)
                .bind(gap.until_prev.to_string())
                .bind(gap.until_ts)
                .bind(gap.after_seq)
                .bind(gap.after_hash.to_string())
                .bind(gap.after_ts);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}
