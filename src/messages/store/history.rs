//! Pages of a room's history.

use std::collections::HashMap;

use sqlx::AssertSqlSafe;

use super::of_events;
use crate::db::{Db, DbError};
use crate::events::core::ids::{EventId, RoomId};
use crate::events::model::Placed;
use crate::events::store;
use crate::messages::visibility::Readable;
use crate::tenants::Tenant;

/// Which way a page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Newest first.
    Back,
    /// Oldest first.
    Forward,
}

/// At most `limit` events beyond `from`; of `types` only, if any are given, each as it stands in the log.
pub async fn page(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    readable: Readable,
    (direction, from): (Direction, Option<i64>),
    types: &[String],
    limit: i64,
) -> Result<Vec<Placed>, DbError> {
    let (mut after, mut until) = (readable.after, readable.until.unwrap_or(i64::MAX));
    match (direction, from) {
        (Direction::Back, Some(from)) => until = until.min(from - 1),
        (Direction::Forward, Some(from)) => after = after.max(from),
        (_, None) => {}
    }
    let order = match direction {
        Direction::Back => "DESC",
        Direction::Forward => "ASC",
    };
    let of_types = match types.len() {
        0 => String::new(),
        count => format!("AND type IN ({})", crate::db::rows::list(6, count)),
    };
    let sql = format!(
        "SELECT {} FROM events WHERE tenant = $1 AND room_id = $2 AND stream_position > $3 AND stream_position <= $4
         AND shown = 2 {of_types} ORDER BY stream_position {order} LIMIT $5",
        store::COLUMNS
    );
    let query = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.to_string())
        .bind(after)
        .bind(until)
        .bind(limit);
    let query = types.iter().fold(query, |query, of| query.bind(of.clone()));
    let rows = query.fetch_all(db.reader()).await?;
    rows.iter().map(store::read).collect()
}

/// The last valid edit of each of `messages` up to a position, by the common order: an edit stands in its sender's log, so
/// time and number decide.
pub async fn edits_up_to(
    tenant: &Tenant,
    db: &Db,
    messages: &[EventId],
    until: i64,
) -> Result<HashMap<EventId, Placed>, DbError> {
    let select = format!(
        "SELECT {columns} FROM (
             SELECT {columns}, ROW_NUMBER() OVER (PARTITION BY target_id ORDER BY ts DESC, epoch DESC, seq DESC) AS place
             FROM events WHERE tenant = $1 AND stream_position <= {until} AND type = 'swp.room.message.edit'
               AND verdict = 'valid' AND content IS NOT NULL AND target_id IN {{}}) AS ranked
         WHERE place = 1",
        columns = store::COLUMNS
    );
    let mut found = HashMap::new();
    for row in of_events(tenant, db, &select, &[], messages).await? {
        let edit = store::read(&row)?;
        if let Some(target) = edit.target {
            found.insert(target, edit);
        }
    }
    Ok(found)
}
