//! Whom a message may concern: reads `rooms`, `members`, `spans`, `room_settings` and `preferences`.

use sqlx::{AssertSqlSafe, Row};

use super::id;
use crate::db::{Db, DbError, rows};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::preferences::{self, Preferences};
use crate::tenants::Tenant;

/// What is known of a room.
#[derive(Clone, Debug)]
pub struct RoomFacts {
    /// Whether it is a DM.
    pub is_dm: bool,
    /// Its name.
    pub name: Option<String>,
    /// Who wants to be told of every message there, or of whatever the own default says.
    pub wide: Vec<ParticipantId>,
}

/// Somebody who is in a room.
#[derive(Clone, Debug)]
pub struct PersonFacts {
    /// Who.
    pub id: ParticipantId,
    /// When it joined, in ms.
    pub joined_ts: i64,
    /// What it is shown comes after this position.
    pub joined_at: i64,
    /// The mode that it chose for the room.
    pub mode: Option<String>,
    /// Until when it has muted the room, in ms.
    pub muted_until: Option<i64>,
    /// What it has set for itself.
    pub preferences: Preferences,
}

impl PersonFacts {
    /// Whether something that was said at `ts`, in ms, and took this place in the stream is news: not the history from
    /// before the own join, which may arrive after it. The same goes for what is unread.
    pub fn is_news(&self, ts: i64, position: i64) -> bool {
        // What a person was brought back by comes before the join.
        position > self.joined_at && (ts >= self.joined_ts || position <= self.joined_at + 2)
    }
}

/// A room; `None`: there is no such.
pub async fn room(tenant: &Tenant, db: &Db, room: RoomId) -> Result<Option<RoomFacts>, DbError> {
    let rows = sqlx::query(
        "SELECT r.room_type, r.name, o.participant_id FROM rooms r
         LEFT JOIN room_settings o ON o.tenant = r.tenant AND o.room_id = r.id
           AND o.notification_mode IN ('all', 'inherit')
         WHERE r.tenant = $1 AND r.id = $2",
    )
    .bind(tenant.key())
    .bind(room.to_string())
    .fetch_all(db.reader())
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut wide = Vec::new();
    for row in &rows {
        if let Some(person) = row.try_get::<Option<String>, _>("participant_id")? {
            wide.push(id("room_settings", "participant_id", &person)?);
        }
    }
    Ok(Some(RoomFacts {
        is_dm: first.try_get::<String, _>("room_type")? == "dm",
        name: first.try_get("name")?,
        wide,
    }))
}

/// Those of `people` who are joined in a room.
pub async fn joined(
    tenant: &Tenant,
    db: &Db,
    room: RoomId,
    people: &[ParticipantId],
) -> Result<Vec<PersonFacts>, DbError> {
    let mut found = Vec::with_capacity(people.len());
    for run in rows::runs(people) {
        let sql = format!(
            "SELECT m.participant_id, m.joined_at, s.after_position, o.notification_mode, o.muted_until, p.chosen
             FROM members m
             JOIN spans s ON s.tenant = m.tenant AND s.participant_id = m.participant_id AND s.room_id = m.room_id
               AND s.until_position IS NULL
             LEFT JOIN room_settings o ON o.tenant = m.tenant AND o.participant_id = m.participant_id
               AND o.room_id = m.room_id
             LEFT JOIN preferences p ON p.tenant = m.tenant AND p.participant_id = m.participant_id
             WHERE m.tenant = $1 AND m.room_id = $2 AND m.membership = 'join' AND m.participant_id IN ({})",
            rows::list(3, run.len())
        );
        let query = sqlx::query(AssertSqlSafe(sql))
            .bind(tenant.key())
            .bind(room.to_string());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let participant: String = row.try_get("participant_id")?;
            let chosen: Option<String> = row.try_get("chosen")?;
            found.push(PersonFacts {
                id: id("members", "participant_id", &participant)?,
                joined_ts: row.try_get::<Option<i64>, _>("joined_at")?.unwrap_or(0),
                joined_at: row.try_get("after_position")?,
                mode: row.try_get("notification_mode")?,
                muted_until: row.try_get("muted_until")?,
                preferences: preferences::store::read(chosen.as_deref())?,
            });
        }
    }
    Ok(found)
}
