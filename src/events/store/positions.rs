//! Reading the stream by position: what readers of some rooms see next, without looking at the other rooms.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::{COLUMNS, read};
use crate::db::{Db, DbError, rows};
use crate::events::core::ids::RoomId;
use crate::events::model::Placed;
use crate::tenants::Tenant;

/// A part of one room's stream: after one position, up to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The room.
    pub room_id: RoomId,
    /// The part begins after this position …
    pub after: i64,
    /// … and ends with this one.
    pub until: i64,
}

/// The first positions of each window at which clients are shown something, at most `most` for each: pairs of the
/// window's index and a position. One look into the index of rooms per window, however long the stream is.
pub async fn first_in(
    tenant: &Tenant,
    db: &Db,
    windows: &[Window],
    most: i64,
) -> Result<Vec<(usize, i64)>, DbError> {
    let mut found = Vec::new();
    let mut before = 0;
    for run in rows::runs(windows) {
        let parts: Vec<String> = (0..run.len()).map(part).collect();
        let sql = parts.join(" UNION ALL ");
        let mut query = sqlx::query_as(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(most);
        for window in run {
            query = query
                .bind(window.room_id.to_string())
                .bind(window.after)
                .bind(window.until);
        }
        let positions: Vec<(i64, i64)> = query.fetch_all(db.reader()).await?;
        for (index, position) in positions {
            found.push((before + usize::try_from(index).unwrap_or(0), position));
        }
        before += run.len();
    }
    Ok(found)
}

fn part(index: usize) -> String {
    let (room, after, until) = (index * 3 + 3, index * 3 + 4, index * 3 + 5);
    format!(
        "SELECT * FROM (SELECT CAST({index} AS BIGINT) AS w, stream_position FROM events
         WHERE tenant = $1 AND room_id = ${room} AND stream_position > ${after} AND stream_position <= ${until}
           AND shown > 0 ORDER BY stream_position LIMIT $2) AS w{index}"
    )
}

/// The events at these positions, in the order of the stream. A position that an event has left is left out.
pub async fn at(tenant: &Tenant, db: &Db, positions: &[i64]) -> Result<Vec<Placed>, DbError> {
    let mut found = HashMap::with_capacity(positions.len());
    for run in rows::runs(positions) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE tenant = $1 AND stream_position IN ({list})"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, position| query.bind(*position));
        for row in &query.fetch_all(db.reader()).await? {
            let placed = read(row)?;
            found.insert(placed.position, placed);
        }
    }
    let mut events: Vec<Placed> = found.into_values().collect();
    events.sort_unstable_by_key(|placed| placed.position);
    Ok(events)
}

/// How far back [`latest_message_ts`] looks, in events.
const LOOK_BACK: i64 = 500;

/// When the latest message of a room was sent, in ms, if it is among the room's latest events.
pub async fn latest_message_ts(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
) -> Result<Option<i64>, DbError> {
    let sql = "SELECT MAX(latest.ts) FROM (
             SELECT ts, type FROM events WHERE tenant = $1 AND room_id = $2 AND shown > 0
             ORDER BY stream_position DESC LIMIT $3) AS latest WHERE latest.type = 'swp.room.message'";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(LOOK_BACK)
        .fetch_one(db.reader())
        .await?)
}
