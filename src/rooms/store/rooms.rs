//! The table `rooms`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::query::Query;
use sqlx::{Any, AnyExecutor, AssertSqlSafe, Row};

use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::{ParticipantId, RoomId};
use crate::events::core::names::ServerName;
use crate::participants::profile::contains_pattern;
use crate::rooms::core::content::{HistoryVisibility, Lifecycle, RoomType};
use crate::rooms::core::levels::LevelKey;
use crate::tenants::Tenant;
use crate::workspaces::WorkspaceId;

/// A room as its row has it.
#[derive(Clone, Debug)]
#[expect(
    missing_docs,
    reason = "named as in section 5 of the client specification"
)]
pub struct RoomRow {
    pub id: RoomId,
    pub host: ServerName,
    pub room_type: RoomType,
    pub state: Lifecycle,
    pub name: Option<String>,
    pub topic: Option<String>,
    pub alias: Option<String>,
    pub scope_kind: Option<String>,
    pub visibility: Option<String>,
    pub read_role_slugs: Vec<String>,
    pub avatar_url: Option<String>,
    pub history_visibility: HistoryVisibility,
    pub edit_window_seconds: u64,
    pub auto_close: bool,
    pub federated: bool,
    pub creator_id: ParticipantId,
    pub created_at: i64,
    pub power_levels: BTreeMap<LevelKey, u8>,
    pub member_count: usize,
    pub workspace_id: Option<WorkspaceId>,
}

const COLUMNS: &str = "r.id, r.host, r.room_type, r.state, r.name, r.topic, r.alias, r.scope_kind, r.visibility, \
     r.read_role_slugs, r.avatar_url, r.history_visibility, r.edit_window_seconds, r.auto_close, r.federated, \
     r.creator_id, r.created_at, r.power_levels, r.member_count, r.workspace_id";

/// Writes the row anew.
pub async fn upsert(tenant: &Tenant, tx: &mut Tx, room: &RoomRow) -> Result<(), DbError> {
    let columns = COLUMNS.replace("r.", "");
    let sql = format!(
        "INSERT INTO rooms (tenant, {columns}) VALUES {} ON CONFLICT (tenant, id) DO UPDATE SET
         state = excluded.state, name = excluded.name, topic = excluded.topic, visibility = excluded.visibility,
         read_role_slugs = excluded.read_role_slugs, avatar_url = excluded.avatar_url,
         history_visibility = excluded.history_visibility, edit_window_seconds = excluded.edit_window_seconds,
         auto_close = excluded.auto_close, federated = excluded.federated, power_levels = excluded.power_levels,
         member_count = excluded.member_count, alias = excluded.alias, creator_id = excluded.creator_id,
         created_at = excluded.created_at, scope_kind = excluded.scope_kind, workspace_id = excluded.workspace_id",
        rows::values(tx.backend(), 1, 21)
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(room.id.to_string())
        .bind(room.host.as_str())
        .bind(room.room_type.as_str())
        .bind(room.state.as_str())
        .bind(&room.name)
        .bind(&room.topic)
        .bind(&room.alias)
        .bind(&room.scope_kind)
        .bind(&room.visibility)
        .bind(json(&room.read_role_slugs))
        .bind(&room.avatar_url)
        .bind(room.history_visibility.as_str())
        .bind(i64::try_from(room.edit_window_seconds).unwrap_or(i64::MAX))
        .bind(i64::from(room.auto_close))
        .bind(i64::from(room.federated))
        .bind(room.creator_id.to_string())
        .bind(room.created_at)
        .bind(json(&room.power_levels))
        .bind(i64::try_from(room.member_count).unwrap_or(i64::MAX))
        .bind(room.workspace_id.map(|id| id.to_string()))
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// The room with this id.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: RoomId,
) -> Result<Option<RoomRow>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM rooms r WHERE r.tenant = $1 AND r.id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// Which rooms a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// A text in name or topic, in any case.
    pub q: Option<&'a str>,
    /// The type's word.
    pub room_type: Option<&'a str>,
    /// The caller's membership: its word.
    pub membership: Option<&'a str>,
    /// The state's word.
    pub state: &'a str,
    /// Whether rooms that the caller left count as own (archived rooms).
    pub with_left: bool,
    /// Whether public rooms of others are among them.
    pub with_public: bool,
    /// The workspace that they are in, and the caller's personal one, in which all rooms of other servers are.
    pub workspace: Option<(WorkspaceId, WorkspaceId)>,
    /// Slugs of roles whose restricted rooms are among them.
    pub roles: Vec<&'a str>,
}

/// Rooms that a participant may see, by name and id; and how many there are.
pub async fn list(
    tenant: &Tenant,
    db: &Db,
    participant: ParticipantId,
    filter: &Filter<'_>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<RoomRow>, i64), DbError> {
    let holds_role: String = (12..12 + filter.roles.len())
        .map(|number| format!(" OR r.read_role_slugs LIKE ${number} ESCAPE '\\'"))
        .collect();
    let from = format!(
        "FROM rooms r LEFT JOIN members m
           ON m.tenant = r.tenant AND m.room_id = r.id AND m.participant_id = $2
         WHERE r.tenant = $1 AND r.state = $3 AND r.erased_at IS NULL
           AND (m.membership IN ('join', 'invite') OR ($4 = 1 AND m.membership = 'leave')
                OR (COALESCE(m.membership, '') <> 'ban' AND (($5 = 1 AND r.room_type = 'public')
                    OR (r.visibility = 'restricted' AND (1 = 0{holds_role})))))
           AND ($6 = '' OR m.membership = $6) AND ($7 = '' OR r.room_type = $7)
           AND ($8 = '' OR LOWER(COALESCE(r.name, '') || ' ' || COALESCE(r.topic, '')) LIKE $8 ESCAPE '\\')
           AND ($9 = '' OR $9 = CASE WHEN r.host <> $11 THEN $10 ELSE COALESCE(r.workspace_id, (
                    SELECT w.id FROM workspaces w
                    WHERE w.tenant = r.tenant AND w.created_by = r.creator_id AND w.is_personal = 1)) END)"
    );
    // A slug as it stands in the stored list.
    let roles = filter.roles.iter();
    let roles: Vec<String> = roles
        .map(|slug| contains_pattern(&format!("\"{slug}\"")))
        .collect();
    let pattern = filter
        .q
        .filter(|q| !q.is_empty())
        .map(contains_pattern)
        .unwrap_or_default();
    let workspace = filter.workspace;
    let (wanted, personal) = workspace.map_or_else(Default::default, |(wanted, personal)| {
        (wanted.to_string(), personal.to_string())
    });
    let common = |query: Query<'static, Any, AnyArguments>| {
        let query = query
            .bind(tenant.key())
            .bind(participant.to_string())
            .bind(filter.state.to_owned())
            .bind(i64::from(filter.with_left))
            .bind(i64::from(filter.with_public))
            .bind(filter.membership.unwrap_or_default().to_owned())
            .bind(filter.room_type.unwrap_or_default().to_owned())
            .bind(pattern.clone())
            .bind(wanted.clone())
            .bind(personal.clone())
            .bind(tenant.server_name().as_str().to_owned());
        roles.iter().cloned().fold(query, Query::bind)
    };
    let next = 12 + roles.len();
    let page = format!(
        "SELECT {COLUMNS} {from} ORDER BY LOWER(COALESCE(r.name, '')), r.id LIMIT ${next} OFFSET ${}",
        next + 1
    );
    let page = common(sqlx::query(AssertSqlSafe(page)));
    let rows = page.bind(limit).bind(offset).fetch_all(db.reader()).await?;
    let rooms = rows.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if let Some(total) = rows::total(rooms.len(), limit, offset) {
        return Ok((rooms, total));
    }
    let count = sqlx::query(AssertSqlSafe(format!("SELECT COUNT(*) AS total {from}")));
    let total = common(count).fetch_one(db.reader()).await?;
    Ok((rooms, total.try_get("total")?))
}

/// Rooms that this server hosts and that others may have people in: not those that are never federated, of which no other
/// server is to hear.
pub async fn hosted(tenant: &Tenant, db: &Db) -> Result<Vec<RoomId>, DbError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM rooms WHERE tenant = $1 AND host = $2 AND scope_kind IS NULL AND room_type <> 'sidekick'
         ORDER BY id",
    )
    .bind(tenant.key())
    .bind(tenant.server_name().as_str())
    .fetch_all(db.reader())
    .await?;
    ids.iter()
        .map(|id| {
            id.parse()
                .map_err(|error| DbError::unreadable("rooms", "id", error))
        })
        .collect()
}

/// How many rooms of the tenant are not closed.
pub async fn count_open(tenant: &Tenant, db: &Db) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM rooms WHERE tenant = $1 AND host = $2 AND state <> 'closed'";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(tenant.server_name().as_str())
        .fetch_one(db.reader())
        .await?)
}

/// The room with this alias.
pub async fn by_alias(tenant: &Tenant, db: &Db, alias: &str) -> Result<Option<RoomId>, DbError> {
    let found: Option<String> =
        sqlx::query_scalar("SELECT id FROM rooms WHERE tenant = $1 AND alias = $2")
            .bind(tenant.key())
            .bind(alias)
            .fetch_optional(db.reader())
            .await?;
    found.map(|text| rows::id("rooms", "id", &text)).transpose()
}

/// Whether a room has this alias already.
pub async fn has_alias<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    alias: &str,
) -> Result<bool, DbError> {
    let found: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM rooms WHERE tenant = $1 AND alias = $2")
            .bind(tenant.key())
            .bind(alias)
            .fetch_one(on)
            .await?;
    Ok(found > 0)
}

/// Takes away every row that the logs of this server make: of rooms whose log it holds.
pub async fn clear_projections(tenant: &Tenant, tx: &mut Tx) -> Result<(), DbError> {
    for sql in [
        "DELETE FROM members WHERE tenant = $1 AND room_id IN (SELECT room_id FROM logs WHERE tenant = $1)",
        "DELETE FROM spans WHERE tenant = $1 AND room_id IN (SELECT room_id FROM logs WHERE tenant = $1)",
        "DELETE FROM dms WHERE tenant = $1 AND room_id IN (SELECT room_id FROM logs WHERE tenant = $1)",
        "DELETE FROM rooms WHERE tenant = $1 AND id IN (SELECT room_id FROM logs WHERE tenant = $1)",
    ] {
        sqlx::query(sql)
            .bind(tenant.key())
            .execute(tx.conn())
            .await?;
    }
    Ok(())
}

/// The value that has this word in JSON.
pub(super) fn from_word<T: DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    word: String,
) -> Result<T, DbError> {
    serde_json::from_value(Value::String(word))
        .map_err(|error| DbError::unreadable(table, column, error))
}

fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn read(row: &AnyRow) -> Result<RoomRow, DbError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let bad =
        |column: &'static str| move |reason: String| DbError::unreadable("rooms", column, reason);
    Ok(RoomRow {
        id: text("id")?
            .parse()
            .map_err(|error| DbError::unreadable("rooms", "id", error))?,
        host: text("host")?
            .parse()
            .map_err(|error| DbError::unreadable("rooms", "host", error))?,
        room_type: from_word("rooms", "room_type", text("room_type")?)?,
        state: from_word("rooms", "state", text("state")?)?,
        name: row.try_get("name")?,
        topic: row.try_get("topic")?,
        alias: row.try_get("alias")?,
        scope_kind: row.try_get("scope_kind")?,
        visibility: row.try_get("visibility")?,
        read_role_slugs: serde_json::from_str(&text("read_role_slugs")?)
            .map_err(|error| bad("read_role_slugs")(error.to_string()))?,
        avatar_url: row.try_get("avatar_url")?,
        history_visibility: from_word("rooms", "history_visibility", text("history_visibility")?)?,
        edit_window_seconds: u64::try_from(row.try_get::<i64, _>("edit_window_seconds")?)
            .unwrap_or(0),
        auto_close: row.try_get::<i64, _>("auto_close")? != 0,
        federated: row.try_get::<i64, _>("federated")? != 0,
        creator_id: text("creator_id")?
            .parse()
            .map_err(|error| DbError::unreadable("rooms", "creator_id", error))?,
        created_at: row.try_get("created_at")?,
        power_levels: serde_json::from_str(&text("power_levels")?)
            .map_err(|error| bad("power_levels")(error.to_string()))?,
        member_count: usize::try_from(row.try_get::<i64, _>("member_count")?).unwrap_or(0),
        workspace_id: row
            .try_get::<Option<String>, _>("workspace_id")?
            .map(|text| rows::id("rooms", "workspace_id", &text))
            .transpose()?,
    })
}
