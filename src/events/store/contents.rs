//! The tables `missing_contents` and `content_asks`: contents that are missing, whom they were asked of, and contents
//! that come late.

use std::collections::{HashMap, HashSet};

use sqlx::{AssertSqlSafe, Row};

use super::{name, parse};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::event::Event;
use crate::events::core::ids::{EventId, RoomId};
use crate::events::core::names::ServerName;
use crate::events::model::{Placed, Standing};
use crate::tenants::Tenant;

/// The longest rest between two times that one server is asked for one content, in ms: a day.
const LONGEST_REST_MS: i64 = 24 * 3600 * 1000;
/// The shortest.
const SHORTEST_REST_MS: i64 = 60 * 1000;
/// From how many fruitless times on the rest is the longest.
const MOST_DOUBLINGS: u32 = 11;

/// A content that another server may be asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Missing {
    /// The event.
    pub event_id: EventId,
    /// In whose log it stands.
    pub origin: ServerName,
    /// The log's epoch.
    pub epoch: i64,
    /// Its place there.
    pub seq: i64,
}

/// What a server said that had not the content it was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// Nothing: it may have it next time.
    Unexplained,
    /// That nobody will have it.
    Explained,
}

/// Whether the event lacks a content that may still come.
pub fn is_missing(placed: &Placed) -> bool {
    let may_count = matches!(placed.standing, Standing::Valid | Standing::Wait);
    placed.event.content.is_none() && may_count
}

/// Takes note of those of `placed` whose content is missing.
pub async fn note(tenant: &Tenant, tx: &mut Tx, placed: &[Placed]) -> Result<(), DbError> {
    let missing: Vec<&Event> = placed
        .iter()
        .filter(|placed| is_missing(placed))
        .map(|placed| &*placed.event)
        .collect();
    for run in rows::runs(&missing) {
        let sql = format!(
            "INSERT INTO missing_contents (tenant, event_id, room_id, origin, epoch, seq) VALUES {} ON CONFLICT DO NOTHING",
            rows::values(tx.backend(), run.len(), 6)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for event in run {
            query = query
                .bind(tenant.key())
                .bind(event.event_id.to_string())
                .bind(event.room_id.to_string())
                .bind(event.origin.as_str())
                .bind(event.epoch)
                .bind(event.seq);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// The content of this event is here, or nobody needs it any more.
pub async fn forget(tenant: &Tenant, tx: &mut Tx, event_id: EventId) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM missing_contents WHERE tenant = $1 AND event_id = $2",
        "DELETE FROM content_asks WHERE tenant = $1 AND event_id = $2",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .bind(event_id.to_string())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// Those of the places `from` to `to` of an epoch of a log whose events lack a content that may still come.
pub async fn lacking(
    tenant: &Tenant,
    tx: &mut Tx,
    room_id: RoomId,
    origin: &ServerName,
    epoch: i64,
    (from, to): (i64, i64),
) -> Result<HashSet<i64>, DbError> {
    let seqs: Vec<i64> = sqlx::query_scalar(
        "SELECT seq FROM missing_contents
         WHERE tenant = $1 AND room_id = $2 AND origin = $3 AND epoch = $4 AND seq BETWEEN $5 AND $6",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(origin.as_str())
    .bind(epoch)
    .bind(from)
    .bind(to)
    .fetch_all(tx.conn())
    .await?;
    Ok(seqs.into_iter().collect())
}

/// Gives an event the content that was missing, with what follows from it.
pub async fn fill(tenant: &Tenant, tx: &mut Tx, placed: &Placed) -> Result<(), DbError> {
    let event = &placed.event;
    sqlx::query(
        "UPDATE events SET content = $3, salt = $4, target_id = $5, stream_position = $6, verdict = $7, shown = $8
         WHERE tenant = $1 AND event_id = $2",
    )
    .bind(tenant.key())
    .bind(event.event_id.to_string())
    .bind(event.content.as_ref().map(ToString::to_string))
    .bind(event.salt.clone())
    .bind(placed.target.map(|id| id.to_string()))
    .bind(placed.position)
    .bind(placed.standing.as_str())
    .bind(placed.shown as i64)
    .execute(tx.conn())
    .await?;
    forget(tenant, tx, event.event_id).await
}

/// Contents of a room that `server` may be asked for now, in the order of the logs. What is frozen takes none.
pub async fn wanted(
    tenant: &Tenant,
    db: &Db,
    room_id: RoomId,
    server: &ServerName,
    now: i64,
    limit: i64,
) -> Result<Vec<Missing>, DbError> {
    let found = sqlx::query(
        "SELECT m.event_id, m.origin, m.epoch, m.seq FROM missing_contents m
         LEFT JOIN content_asks a ON a.tenant = m.tenant AND a.event_id = m.event_id AND a.server = $3
         WHERE m.tenant = $1 AND m.room_id = $2 AND (a.not_before IS NULL OR a.not_before <= $4)
             AND NOT EXISTS (
                 SELECT 1 FROM events e WHERE e.tenant = m.tenant AND e.event_id = m.event_id AND e.verdict = 'frozen')
         ORDER BY m.origin, m.epoch, m.seq LIMIT $5",
    )
    .bind(tenant.key())
    .bind(room_id.to_string())
    .bind(server.as_str())
    .bind(now)
    .bind(limit)
    .fetch_all(db.reader())
    .await?;
    let read = |row: &sqlx::any::AnyRow| {
        Ok(Missing {
            event_id: parse("event_id", &row.try_get::<String, _>("event_id")?)?,
            origin: name(&row.try_get::<String, _>("origin")?)?,
            epoch: row.try_get("epoch")?,
            seq: row.try_get("seq")?,
        })
    };
    found.iter().map(read).collect()
}

/// Takes note that `server` did not have these contents: those that are still missing are asked of it again after a rest,
/// which doubles each time, or is a day at once where it explained.
pub async fn denied(
    tenant: &Tenant,
    tx: &mut Tx,
    server: &ServerName,
    events: &[(EventId, Denied)],
    now: i64,
) -> Result<(), DbError> {
    for (event_id, denied) in events {
        let id = event_id.to_string();
        let asked: Option<i64> = sqlx::query_scalar(
            "SELECT asked FROM content_asks WHERE tenant = $1 AND event_id = $2 AND server = $3",
        )
        .bind(tenant.key())
        .bind(&id)
        .bind(server.as_str())
        .fetch_optional(tx.conn())
        .await?;
        let asked = asked.unwrap_or(0).saturating_add(1);
        sqlx::query(
            "INSERT INTO content_asks (tenant, event_id, server, asked, not_before)
             SELECT tenant, event_id, $3, CAST($4 AS BIGINT), CAST($5 AS BIGINT) FROM missing_contents
             WHERE tenant = $1 AND event_id = $2
             ON CONFLICT (tenant, event_id, server) DO UPDATE SET asked = excluded.asked, not_before = excluded.not_before",
        )
        .bind(tenant.key())
        .bind(&id)
        .bind(server.as_str())
        .bind(asked)
        .bind(now + rest_ms(asked, *denied))
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// The redactions of those of `targets` that were redacted, the first of each in the order of all servers.
pub async fn redactions_of(
    tenant: &Tenant,
    db: &Db,
    targets: &[EventId],
) -> Result<HashMap<EventId, EventId>, DbError> {
    let mut found = HashMap::new();
    for run in rows::runs(targets) {
        let sql = format!(
            "SELECT target_id, event_id FROM events WHERE tenant = $1 AND target_id IN ({})
             AND type = 'swp.room.redaction' AND verdict = 'valid' ORDER BY ts, origin, epoch, seq",
            rows::list(2, run.len())
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, target| query.bind(target.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let target = parse("target_id", &row.try_get::<String, _>("target_id")?)?;
            let redaction = parse("event_id", &row.try_get::<String, _>("event_id")?)?;
            found.entry(target).or_insert(redaction);
        }
    }
    Ok(found)
}

fn rest_ms(asked: i64, denied: Denied) -> i64 {
    let doublings = u32::try_from(asked - 1).unwrap_or(0).min(MOST_DOUBLINGS);
    match denied {
        Denied::Explained => LONGEST_REST_MS,
        Denied::Unexplained => (SHORTEST_REST_MS << doublings).min(LONGEST_REST_MS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_without_the_content_rests_for_a_minute_then_twice_as_long_and_never_more_than_a_day()
     {
        let rests: Vec<i64> = (1..=14)
            .map(|asked| rest_ms(asked, Denied::Unexplained) / 1000)
            .collect();
        assert_eq!(&rests[..4], [60, 120, 240, 480]);
        assert_eq!(&rests[11..], [86_400, 86_400, 86_400]);
        assert_eq!(rest_ms(1, Denied::Explained), 86_400_000);
    }
}
