//! Rows of `participants`: the table's only readers and writers.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::model::{ForeignProfile, Kind, Participant};
use super::profile::{contains_pattern, search_key};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::events::core::names::{Fqid, LocalId, ServerName};
use crate::tenants::Tenant;

/// What [`read`] reads.
const COLUMNS: &str = "p.id, p.local_id, p.server_name, p.kind, p.is_local, p.display_name, p.avatar_url, p.bio, p.model_id, p.suspended";

/// A participant that is about to be made.
#[derive(Clone, Debug)]
pub struct NewParticipant<'a> {
    /// The name within the tenant.
    pub local_id: &'a LocalId,
    /// What it is.
    pub kind: Kind,
    /// The name to show.
    pub display_name: &'a str,
    /// A picture.
    pub avatar_url: Option<&'a str>,
    /// The model behind an AI.
    pub model_id: Option<&'a str>,
    /// The account's address, only to be found by.
    pub email: Option<&'a str>,
}

/// The part of a profile that its owner and admins change.
#[derive(Clone, Debug)]
pub struct ProfileTexts<'a> {
    /// The name to show.
    pub display_name: &'a str,
    /// A picture.
    pub avatar_url: Option<&'a str>,
    /// A text about himself.
    pub bio: Option<&'a str>,
    /// The account's address, only to be found by.
    pub email: Option<&'a str>,
}

/// Which participants a list shows.
#[derive(Clone, Debug, Default)]
pub struct Filter<'a> {
    /// A text that local id, name or e-mail contain, in any case.
    pub q: Option<&'a str>,
    /// The word that clients see, `federated` included.
    pub participant_type: Option<&'a str>,
    /// Whether other servers' people are among them.
    pub include_federated: bool,
    /// Only suspended ones, or only others.
    pub suspended: Option<bool>,
}

/// A participant by id.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: ParticipantId,
) -> Result<Option<Participant>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM participants p WHERE p.tenant = $1 AND p.id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// A participant by full name.
pub async fn by_fqid<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    fqid: &Fqid,
) -> Result<Option<Participant>, DbError> {
    get(tenant, on, ParticipantId::derive(fqid)).await
}

/// Those of `ids` that exist.
pub async fn get_many(
    tenant: &Tenant,
    db: &Db,
    ids: &[ParticipantId],
) -> Result<HashMap<ParticipantId, Participant>, DbError> {
    let mut found = HashMap::with_capacity(ids.len());
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT {COLUMNS} FROM participants p WHERE p.tenant = $1 AND p.id IN ({list})"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let participant = read(&row)?;
            found.insert(participant.id, participant);
        }
    }
    Ok(found)
}

/// A page of participants in the order of their names, and how many there are in all.
pub async fn list(
    tenant: &Tenant,
    db: &Db,
    filter: &Filter<'_>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<Participant>, i64), DbError> {
    // Said in this way, the index has the people of this server in the order of their names.
    let scope = match filter.include_federated {
        true => "$2 = 1",
        false => "$2 = 0 AND p.is_local = 1",
    };
    let matching = format!(
        "FROM participants p WHERE p.tenant = $1 AND {scope} AND p.search_key LIKE $3 ESCAPE '\\' \
         AND ($4 = '' OR ($4 = 'federated' AND p.is_local = 0) OR (p.is_local = 1 AND p.kind = $4)) \
         AND ($5 < 0 OR p.suspended = $5)"
    );
    let pattern = contains_pattern(filter.q.unwrap_or_default());
    let wanted = filter.participant_type.unwrap_or_default();
    let federated = i64::from(filter.include_federated);
    let suspended = filter.suspended.map_or(-1, i64::from);

    // Who matches is found in the index alone; only the rows of the page are read.
    let page = format!(
        "SELECT {COLUMNS} FROM participants p JOIN (
             SELECT p.id {matching} ORDER BY p.name_key, p.id LIMIT $6 OFFSET $7) found ON found.id = p.id
         WHERE p.tenant = $1 ORDER BY p.name_key, p.id"
    );
    let page = sqlx::query(AssertSqlSafe(page))
        .bind(tenant.key())
        .bind(federated)
        .bind(&pattern)
        .bind(wanted)
        .bind(suspended)
        .bind(limit)
        .bind(offset)
        .fetch_all(db.reader())
        .await?;
    let page = page.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    if let Some(total) = rows::total(page.len(), limit, offset) {
        return Ok((page, total));
    }
    let total = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {matching}")))
        .bind(tenant.key())
        .bind(federated)
        .bind(&pattern)
        .bind(wanted)
        .bind(suspended)
        .fetch_one(db.reader())
        .await?;
    Ok((page, total))
}

/// Local people and AIs whose local id or display name contains `text`, in any case, by name; nobody who is suspended.
pub async fn named_like(
    tenant: &Tenant,
    db: &Db,
    text: &str,
    limit: i64,
) -> Result<Vec<Participant>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM participants p WHERE p.tenant = $1 AND p.is_local = 1 AND p.suspended = 0
           AND p.kind IN ('human', 'model') AND (p.name_key LIKE $2 ESCAPE '\\' OR p.local_id LIKE $2 ESCAPE '\\')
         ORDER BY p.name_key, p.id LIMIT $3"
    );
    let rows = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(contains_pattern(text))
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    rows.iter().map(read).collect()
}

/// How many participants count against the tenant's `max_participants`: local people and AIs, suspended ones not.
pub async fn count_places(tenant: &Tenant, tx: &mut Tx) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM participants WHERE tenant = $1 AND is_local = 1 AND suspended = 0 AND kind IN ('human', 'model')";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_one(tx.conn())
        .await?)
}

/// Makes a local participant. `None`: somebody has the name, or had it once.
pub async fn insert_local(
    tenant: &Tenant,
    tx: &mut Tx,
    new: &NewParticipant<'_>,
    now: i64,
) -> Result<Option<Participant>, DbError> {
    let fqid = Fqid::new(new.local_id.clone(), tenant.server_name().clone());
    let participant = Participant {
        id: ParticipantId::derive(&fqid),
        fqid,
        kind: new.kind,
        is_local: true,
        display_name: new.display_name.to_owned(),
        avatar_url: new.avatar_url.map(str::to_owned),
        bio: None,
        model_id: new.model_id.map(str::to_owned),
        suspended: false,
    };
    let sql = "INSERT INTO participants (tenant, id, local_id, server_name, kind, is_local, display_name, avatar_url, \
               bio, model_id, suspended, name_key, search_key, profile_ts, created_at, updated_at) \
               VALUES ($1, $2, $3, $4, $5, 1, $6, $7, NULL, $8, 0, $9, $10, $11, $11, $11) ON CONFLICT DO NOTHING";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(participant.id.to_string())
        .bind(new.local_id.as_str())
        .bind(tenant.server_name().as_str())
        .bind(new.kind.as_str())
        .bind(new.display_name)
        .bind(new.avatar_url)
        .bind(new.model_id)
        .bind(new.display_name.to_lowercase())
        .bind(search_key(
            new.local_id.as_str(),
            new.display_name,
            new.email,
        ))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok((done.rows_affected() == 1).then_some(participant))
}

/// Keeps what another server says about one of its participants, unless something newer is known. A profile that names
/// this tenant's own server changes nothing.
pub async fn upsert_foreign(
    tenant: &Tenant,
    tx: &mut Tx,
    profile: &ForeignProfile,
    now: i64,
) -> Result<ParticipantId, DbError> {
    upsert_all_foreign(tenant, tx, &[profile], now).await?;
    Ok(ParticipantId::derive(&profile.fqid))
}

/// The same for several people, of each one profile.
pub async fn upsert_all_foreign(
    tenant: &Tenant,
    tx: &mut Tx,
    profiles: &[&ForeignProfile],
    now: i64,
) -> Result<(), DbError> {
    let foreign: Vec<&ForeignProfile> = profiles
        .iter()
        .copied()
        .filter(|profile| profile.fqid.server_name() != tenant.server_name())
        .collect();
    for run in rows::runs(&foreign) {
        let sql = format!(
            "INSERT INTO participants (tenant, id, local_id, server_name, kind, is_local, display_name, avatar_url, \
             bio, suspended, name_key, search_key, profile_ts, created_at, updated_at) VALUES {} \
             ON CONFLICT (tenant, id) DO UPDATE SET kind = excluded.kind, display_name = excluded.display_name, \
             avatar_url = excluded.avatar_url, bio = excluded.bio, name_key = excluded.name_key, \
             search_key = excluded.search_key, profile_ts = excluded.profile_ts, updated_at = excluded.updated_at \
             WHERE participants.is_local = 0 AND participants.profile_ts < excluded.profile_ts",
            rows::values(tx.backend(), run.len(), 15)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for profile in run {
            let local_id = profile.fqid.local_id().as_str();
            query = query
                .bind(tenant.key())
                .bind(ParticipantId::derive(&profile.fqid).to_string())
                .bind(local_id)
                .bind(profile.fqid.server_name().as_str())
                .bind(profile.kind.as_str())
                .bind(0_i64)
                .bind(&profile.display_name)
                .bind(&profile.avatar_url)
                .bind(&profile.bio)
                .bind(0_i64)
                .bind(profile.display_name.to_lowercase())
                .bind(search_key(local_id, &profile.display_name, None))
                .bind(profile.ts)
                .bind(now)
                .bind(now);
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// When the profile of a participant was made, in ms; 0: only the name is known.
pub async fn profile_ts(
    tenant: &Tenant,
    db: &Db,
    id: ParticipantId,
) -> Result<Option<i64>, DbError> {
    let sql = "SELECT profile_ts FROM participants WHERE tenant = $1 AND id = $2";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_optional(db.reader())
        .await?)
}

/// People of another server of whom only the name is known, those first that were met last.
pub async fn without_profile(
    tenant: &Tenant,
    db: &Db,
    server: &ServerName,
    limit: i64,
) -> Result<Vec<Fqid>, DbError> {
    let sql = "SELECT local_id FROM participants WHERE tenant = $1 AND server_name = $2 AND is_local = 0 \
               AND profile_ts = 0 ORDER BY created_at DESC LIMIT $3";
    let ids: Vec<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(server.as_str())
        .bind(limit)
        .fetch_all(db.reader())
        .await?;
    ids.iter()
        .map(|id| {
            format!("@{id}:{server}")
                .parse()
                .map_err(|error| DbError::unreadable("participants", "local_id", error))
        })
        .collect()
}

/// Replaces the texts of a local participant's profile.
pub async fn set_profile(
    tenant: &Tenant,
    tx: &mut Tx,
    fqid: &Fqid,
    texts: &ProfileTexts<'_>,
    now: i64,
) -> Result<(), DbError> {
    let sql = "UPDATE participants SET display_name = $3, avatar_url = $4, bio = $5, name_key = $6, search_key = $7, \
               profile_ts = $8, updated_at = $8 WHERE tenant = $1 AND id = $2";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(ParticipantId::derive(fqid).to_string())
        .bind(texts.display_name)
        .bind(texts.avatar_url)
        .bind(texts.bio)
        .bind(texts.display_name.to_lowercase())
        .bind(search_key(
            fqid.local_id().as_str(),
            texts.display_name,
            texts.email,
        ))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Suspends a local participant, or lets it go on.
pub async fn set_suspended(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    suspended: bool,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE participants SET suspended = $3, updated_at = $4 WHERE tenant = $1 AND id = $2",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(i64::from(suspended))
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Reads a row of [`COLUMNS`].
fn read(row: &AnyRow) -> Result<Participant, DbError> {
    let unreadable = |column, reason: &dyn std::fmt::Display| {
        DbError::unreadable("participants", column, reason)
    };
    let text = |column: &'static str| row.try_get::<String, _>(column);
    let local_id: LocalId = text("local_id")?
        .parse()
        .map_err(|e| unreadable("local_id", &e))?;
    let server_name = text("server_name")?
        .parse()
        .map_err(|e| unreadable("server_name", &e))?;
    Ok(Participant {
        id: text("id")?.parse().map_err(|e| unreadable("id", &e))?,
        fqid: Fqid::new(local_id, server_name),
        kind: text("kind")?.parse().map_err(|e| unreadable("kind", &e))?,
        is_local: row.try_get::<i64, _>("is_local")? != 0,
        display_name: text("display_name")?,
        avatar_url: row.try_get("avatar_url")?,
        bio: row.try_get("bio")?,
        model_id: row.try_get("model_id")?,
        suspended: row.try_get::<i64, _>("suspended")? != 0,
    })
}
