//! The tables `logs`, `log_keys` and `log_epoch_keys`: where each log ends, and the keys that verify it.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::{name, parse};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::RoomId;
use crate::events::core::names::ServerName;
use crate::events::core::sign::{KeyId, PublicKey};
use crate::events::model::LogEnd;
use crate::tenants::Tenant;

/// Records where logs end now.
pub async fn set_ends(
    tenant: &Tenant,
    tx: &mut Tx,
    ends: &[(RoomId, LogEnd)],
) -> Result<(), DbError> {
    for run in rows::runs(ends) {
        let sql = format!(
            "INSERT INTO logs (tenant, room_id, origin, epoch, seq, hash, ts, state_seq) VALUES {}
             ON CONFLICT (tenant, room_id, origin) DO UPDATE SET epoch = excluded.epoch, seq = excluded.seq,
             hash = excluded.hash, ts = excluded.ts, state_seq = excluded.state_seq,
             forked_at = CASE WHEN excluded.epoch > logs.epoch THEN NULL ELSE logs.forked_at END",
            rows::values(tx.backend(), run.len(), 8)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (room_id, end) in run {
            query = query
                .bind(tenant.key())
                .bind(room_id.to_string())
                .bind(end.origin.to_string())
                .bind(end.epoch)
                .bind(end.seq)
                .bind(end.hash.to_string())
                .bind(end.ts)
                .bind(end.state_seq);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// Where the logs of a room end.
pub async fn ends<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    room_id: RoomId,
) -> Result<Vec<LogEnd>, DbError> {
    let rows = sqlx::query(ENDS)
        .bind(tenant.key())
        .bind(room_id.to_string())
        .fetch_all(on)
        .await?;
    rows.iter().map(read_end).collect()
}

const ENDS: &str = "SELECT origin, epoch, seq, hash, ts, state_seq, forked_at FROM logs WHERE tenant = $1 AND room_id = $2";

fn read_end(row: &AnyRow) -> Result<LogEnd, DbError> {
    Ok(LogEnd {
        origin: name(&row.try_get::<String, _>("origin")?)?,
        epoch: row.try_get("epoch")?,
        seq: row.try_get("seq")?,
        hash: parse("hash", &row.try_get::<String, _>("hash")?)?,
        ts: row.try_get("ts")?,
        state_seq: row.try_get("state_seq")?,
        forked_at: row.try_get("forked_at")?,
    })
}

/// The time of the latest event written here, in ms; 0 in a new store.
pub async fn last_ts(db: &Db) -> Result<i64, DbError> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT MAX(l.ts) FROM logs l JOIN tenants t ON t.id = l.tenant AND t.server_name = l.origin",
    )
    .fetch_one(db.reader())
    .await?;
    Ok(last.unwrap_or(0))
}

/// Every log of a tenant.
pub async fn all_ends(tenant: &Tenant, db: &Db) -> Result<Vec<(RoomId, LogEnd)>, DbError> {
    let rows = sqlx::query(
        "SELECT room_id, origin, epoch, seq, hash, ts, state_seq, forked_at FROM logs WHERE tenant = $1
         ORDER BY room_id, origin",
    )
    .bind(tenant.key())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let room_id = parse("room_id", &row.try_get::<String, _>("room_id")?)?;
            Ok((room_id, read_end(row)?))
        })
        .collect()
}

/// From where on a log goes by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    /// The epoch.
    pub epoch: i64,
    /// The first number in it.
    pub from_seq: i64,
    /// The `state_seq` of the event that names the key: in a later epoch none lies below the admission's.
    pub state_seq: i64,
}

/// Records the key that verifies a log from this place on. A log's first key is the first one that the host names for it;
/// another one from there on would let the host write that log.
pub async fn add_log_key(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    key: &PublicKey,
    at: KeyPlace,
) -> Result<(), DbError> {
    let sql = if at.epoch == 1 {
        "INSERT INTO log_keys (tenant, room_id, origin, key_id, public_key, from_seq)
         SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
             SELECT 1 FROM log_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND from_seq >= $6)
         ON CONFLICT (tenant, room_id, origin, key_id) DO NOTHING"
    } else {
        "INSERT INTO log_epoch_keys (tenant, room_id, origin, key_id, public_key, from_seq, epoch, state_seq)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS (
             SELECT 1 FROM log_epoch_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $7
                 AND from_seq >= $6)
         ON CONFLICT (tenant, room_id, origin, epoch, key_id) DO NOTHING"
    };
    let query = sqlx::query(sql)
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .bind(key.key_id().to_string())
        .bind(key.to_string())
        .bind(at.from_seq);
    let query = match at.epoch {
        1 => query,
        epoch => query.bind(epoch).bind(at.state_seq),
    };
    query.execute(tx.conn()).await?;
    Ok(())
}

/// The keys of one origin's log, as of this transaction.
pub async fn log_keys_in(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
) -> Result<Vec<PublicKey>, DbError> {
    let keys: Vec<String> = sqlx::query_scalar(
        "SELECT public_key FROM log_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3
         UNION SELECT public_key FROM log_epoch_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .fetch_all(tx.conn())
    .await?;
    keys.iter()
        .map(|key| {
            key.parse()
                .map_err(|error| DbError::unreadable("log_keys", "public_key", error))
        })
        .collect()
}

/// The latest key of an epoch of one origin's log, and from which place on it is that; as of this transaction.
pub async fn latest_key(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    epoch: i64,
) -> Result<Option<(KeyId, i64)>, DbError> {
    let sql = match epoch {
        1 => {
            "SELECT key_id, from_seq FROM log_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND $4 = 1
             ORDER BY from_seq DESC LIMIT 1"
        }
        _ => {
            "SELECT key_id, from_seq FROM log_epoch_keys WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4
             ORDER BY from_seq DESC LIMIT 1"
        }
    };
    let row: Option<(String, i64)> = sqlx::query_as(sql)
        .bind(tenant.key())
        .bind(room_id.to_string())
        .bind(origin.as_str())
        .bind(epoch)
        .fetch_optional(tx.conn())
        .await?;
    row.map(|(key_id, from_seq)| Ok((parse("key_id", &key_id)?, from_seq)))
        .transpose()
}

/// Rooms after `after`, in the order of their ids, in which this server's log does not go by its key `key_id` yet.
pub async fn behind_key(
    tenant: &Tenant,
    db: &Db,
    key_id: KeyId,
    after: Option<RoomId>,
    limit: i64,
) -> Result<Vec<RoomId>, DbError> {
    let rooms: Vec<String> = sqlx::query_scalar(
        "SELECT room_id FROM (
             SELECT tenant, room_id, origin, key_id FROM log_keys
             UNION ALL SELECT tenant, room_id, origin, key_id FROM log_epoch_keys
         ) keys WHERE tenant = $1 AND origin = $2 AND room_id > $4
         GROUP BY room_id HAVING MAX(CASE WHEN key_id = $3 THEN 1 ELSE 0 END) = 0 ORDER BY room_id LIMIT $5",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .bind(key_id.to_string())
    .bind(after.map(|room_id| room_id.to_string()).unwrap_or_default())
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    rooms
        .iter()
        .map(|room_id| parse("room_id", room_id))
        .collect()
}

/// How many of this server's logs do not go by its key `key_id` yet.
pub async fn count_behind_key(tenant: &Tenant, db: &Db, key_id: KeyId) -> Result<i64, DbError> {
    Ok(sqlx::query_scalar(
        "SELECT COUNT(*) FROM (SELECT room_id FROM (
             SELECT tenant, room_id, origin, key_id FROM log_keys
             UNION ALL SELECT tenant, room_id, origin, key_id FROM log_epoch_keys
         ) keys WHERE tenant = $1 AND origin = $2
         GROUP BY room_id HAVING MAX(CASE WHEN key_id = $3 THEN 1 ELSE 0 END) = 0) AS behind",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .bind(key_id.to_string())
    .fetch_one(db.reader())
    .await?)
}

/// A key of a log.
#[derive(Clone, Debug)]
pub struct LogKey {
    /// Whose log.
    pub origin: ServerName,
    /// Its id.
    pub key_id: KeyId,
    /// The key.
    pub public_key: PublicKey,
    /// Events from here on are signed with it.
    pub at: KeyPlace,
}

/// The key that an event at this place of a log must be signed with: the latest one named before it in its epoch.
pub fn key_at<'k>(
    keys: &'k [LogKey],
    origin: &ServerName,
    (epoch, seq): (i64, i64),
) -> Option<&'k LogKey> {
    keys.iter()
        .filter(|key| key.origin == *origin && key.at.epoch == epoch && key.at.from_seq <= seq)
        .max_by_key(|key| key.at.from_seq)
}

/// The keys that verify a room's logs.
pub async fn log_keys(tenant: &Tenant, db: &Db, room_id: RoomId) -> Result<Vec<LogKey>, DbError> {
    let rows = sqlx::query(
        "SELECT origin, public_key, CAST(1 AS BIGINT) AS epoch, from_seq, CAST(0 AS BIGINT) AS state_seq FROM log_keys
             WHERE tenant = $1 AND room_id = $2
         UNION ALL SELECT origin, public_key, epoch, from_seq, state_seq FROM log_epoch_keys
             WHERE tenant = $1 AND room_id = $2
         ORDER BY origin, epoch, from_seq",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .fetch_all(db.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let public_key: PublicKey = row
                .try_get::<String, _>("public_key")?
                .parse()
                .map_err(|error| DbError::unreadable("log_keys", "public_key", error))?;
            Ok(LogKey {
                origin: name(&row.try_get::<String, _>("origin")?)?,
                key_id: public_key.key_id(),
                public_key,
                at: KeyPlace {
                    epoch: row.try_get("epoch")?,
                    from_seq: row.try_get("from_seq")?,
                    state_seq: row.try_get("state_seq")?,
                },
            })
        })
        .collect()
}
