//! Rows of `sessions` and `refresh_replacements`.
//!
//! A row is a live session; ending one deletes it. Three functions take no tenant: a script's token and a list of
//! everything that ended do not know one yet.

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};
use uuid::Uuid;

use crate::auth::refresh::REPLACED_GRACE_MS;
use crate::db::{DbError, Tx};
use crate::events::core::hash::Hash;
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// How a session began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// With a password, on one device.
    Password,
    /// As an access token for a script.
    Token,
    /// With any bearer, in mode `mock`.
    Mock,
    /// At an identity provider.
    Provider,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Kind::Password => "password",
            Kind::Token => "token",
            Kind::Mock => "mock",
            Kind::Provider => "provider",
        }
    }

    fn read(text: &str) -> Result<Self, DbError> {
        match text {
            "password" => Ok(Kind::Password),
            "token" => Ok(Kind::Token),
            "mock" => Ok(Kind::Mock),
            "provider" => Ok(Kind::Provider),
            _ => Err(DbError::unreadable(
                "sessions",
                "kind",
                "not a kind of session",
            )),
        }
    }
}

/// A sign-in that lasts. Times are Unix milliseconds.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session.
    pub id: Uuid,
    /// Whose it is.
    pub participant_id: ParticipantId,
    /// How it began.
    pub kind: Kind,
    /// The name of the device or of the script's token.
    pub name: Option<String>,
    /// The client program, as it calls itself.
    pub user_agent: Option<String>,
    /// The address it began from.
    pub ip: Option<String>,
    /// The hash of a script's token.
    pub token_hash: Option<Hash>,
    /// The number of the refresh token that is good now.
    pub generation: i64,
    /// When it began.
    pub created_at: i64,
    /// When it was last used, to the minute.
    pub last_seen_at: Option<i64>,
    /// When it ends by itself; never, if there is no such time.
    pub expires_at: Option<i64>,
}

const COLUMNS: &str = "id, participant_id, kind, name, user_agent, ip, token_hash, generation, created_at, last_seen_at, expires_at";

fn read(row: &AnyRow) -> Result<Session, DbError> {
    let unreadable =
        |column, reason: &dyn std::fmt::Display| DbError::unreadable("sessions", column, reason);
    let hash: Option<String> = row.try_get("token_hash")?;
    Ok(Session {
        id: read_id(row)?,
        participant_id: row
            .try_get::<String, _>("participant_id")?
            .parse()
            .map_err(|error| unreadable("participant_id", &error))?,
        kind: Kind::read(&row.try_get::<String, _>("kind")?)?,
        name: row.try_get("name")?,
        user_agent: row.try_get("user_agent")?,
        ip: row.try_get("ip")?,
        token_hash: hash
            .map(|hash| hash.parse())
            .transpose()
            .map_err(|error| unreadable("token_hash", &error))?,
        generation: row.try_get("generation")?,
        created_at: row.try_get("created_at")?,
        last_seen_at: row.try_get("last_seen_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}

fn read_id(row: &AnyRow) -> Result<Uuid, DbError> {
    Uuid::try_parse(&row.try_get::<String, _>("id")?)
        .map_err(|error| DbError::unreadable("sessions", "id", error))
}

/// Begins a session.
pub async fn insert(tenant: &Tenant, tx: &mut Tx, session: &Session) -> Result<(), DbError> {
    let sql = "INSERT INTO sessions (tenant, id, participant_id, kind, name, user_agent, ip, token_hash, generation, \
               created_at, last_seen_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
               ON CONFLICT (tenant, id) DO NOTHING";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(session.id.to_string())
        .bind(session.participant_id.to_string())
        .bind(session.kind.as_str())
        .bind(&session.name)
        .bind(&session.user_agent)
        .bind(&session.ip)
        .bind(session.token_hash.map(|hash| hash.to_string()))
        .bind(session.generation)
        .bind(session.created_at)
        .bind(session.last_seen_at)
        .bind(session.expires_at)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// A session by id.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: Uuid,
) -> Result<Option<Session>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM sessions WHERE tenant = $1 AND id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The key of the tenant, and the session, that a script's token belongs to.
pub async fn by_token<'e>(
    on: impl AnyExecutor<'e>,
    hash: &Hash,
) -> Result<Option<(i64, Uuid)>, DbError> {
    let row = sqlx::query("SELECT tenant, id FROM sessions WHERE token_hash = $1")
        .bind(hash.to_string())
        .fetch_optional(on)
        .await?;
    row.map(|row| Ok((row.try_get("tenant")?, read_id(&row)?)))
        .transpose()
}

/// The sessions of a person, the newest first.
pub async fn list<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    participant: ParticipantId,
) -> Result<Vec<Session>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM sessions WHERE tenant = $1 AND participant_id = $2 ORDER BY created_at DESC, id"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(participant.to_string())
        .fetch_all(on)
        .await?;
    rows.iter().map(read).collect()
}

/// Ends sessions of a person.
pub async fn delete(
    tenant: &Tenant,
    tx: &mut Tx,
    participant: ParticipantId,
    ids: &[Uuid],
) -> Result<Vec<Uuid>, DbError> {
    let mut ended = Vec::with_capacity(ids.len());
    for id in ids {
        let done = sqlx::query(
            "DELETE FROM sessions WHERE tenant = $1 AND id = $2 AND participant_id = $3",
        )
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(participant.to_string())
        .execute(tx.conn())
        .await?;
        sqlx::query("DELETE FROM refresh_replacements WHERE tenant = $1 AND session_id = $2")
            .bind(tenant.key())
            .bind(id.to_string())
            .execute(tx.conn())
            .await?;
        if done.rows_affected() == 1 {
            ended.push(*id);
        }
    }
    Ok(ended)
}

/// Replaces the refresh token that is good now, if it still has the number `from`, by the one with the number `to`, and
/// lets the session live until `expires_at`. `false`: somebody was faster.
pub async fn replace_refresh(
    tenant: &Tenant,
    tx: &mut Tx,
    id: Uuid,
    (from, to): (i64, i64),
    now: i64,
    expires_at: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE sessions SET generation = $4, last_seen_at = $5, expires_at = $6 \
               WHERE tenant = $1 AND id = $2 AND generation = $3";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(from)
        .bind(to)
        .bind(now)
        .bind(expires_at)
        .execute(tx.conn())
        .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query("DELETE FROM refresh_replacements WHERE tenant = $1 AND session_id = $2 AND replaced_at <= $3")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(now.saturating_sub(REPLACED_GRACE_MS))
        .execute(tx.conn())
        .await?;
    sqlx::query(
        "INSERT INTO refresh_replacements (tenant, session_id, generation, replaced_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant, session_id, generation) DO UPDATE SET replaced_at = excluded.replaced_at",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(to - 1)
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(true)
}

/// When a session's refresh token with this number was replaced, if that was lately.
pub async fn replaced_at(
    tenant: &Tenant,
    tx: &mut Tx,
    id: Uuid,
    generation: i64,
) -> Result<Option<i64>, DbError> {
    let sql = "SELECT replaced_at FROM refresh_replacements WHERE tenant = $1 AND session_id = $2 AND generation = $3";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(generation)
        .fetch_optional(tx.conn())
        .await?)
}

/// Notes that a session was used at `now`.
pub async fn set_last_seen(
    tenant: &Tenant,
    tx: &mut Tx,
    id: Uuid,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query("UPDATE sessions SET last_seen_at = $3 WHERE tenant = $1 AND id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}
