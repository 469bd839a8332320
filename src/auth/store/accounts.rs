//! Rows of `accounts`: what local people sign in with.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// An account, beside what its participant shows.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub participant_id: ParticipantId,
    /// The name that an admin or a provider gave, to fall back to.
    pub given_name: String,
    /// The picture that a provider gave, to fall back to.
    pub given_avatar: Option<String>,
    /// Whether the name shown is the person's own choice.
    pub own_name: bool,
    /// Whether the picture shown is the person's own choice.
    pub own_avatar: bool,
    /// The address.
    pub email: Option<String>,
    /// The password's hash in PHC form; without one there is no signing in with a password.
    pub password_hash: Option<String>,
    /// When the person was last seen, Unix milliseconds.
    pub last_seen_at: Option<i64>,
}

const COLUMNS: &str = "participant_id, given_name, given_avatar, own_name, own_avatar, email, password_hash, last_seen_at";

fn read(row: &AnyRow) -> Result<Account, DbError> {
    let id: String = row.try_get("participant_id")?;
    Ok(Account {
        participant_id: id
            .parse()
            .map_err(|error| DbError::unreadable("accounts", "participant_id", error))?,
        given_name: row.try_get("given_name")?,
        given_avatar: row.try_get("given_avatar")?,
        own_name: row.try_get::<i64, _>("own_name")? != 0,
        own_avatar: row.try_get::<i64, _>("own_avatar")? != 0,
        email: row.try_get("email")?,
        password_hash: row.try_get("password_hash")?,
        last_seen_at: row.try_get("last_seen_at")?,
    })
}

fn email_key(email: &str) -> String {
    email.to_lowercase()
}

/// The account of a participant.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: ParticipantId,
) -> Result<Option<Account>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND participant_id = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The account with an address, in any case.
pub async fn by_email<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    email: &str,
) -> Result<Option<Account>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND email_key = $2");
    let row = sqlx::query(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(email_key(email))
        .fetch_optional(on)
        .await?;
    row.as_ref().map(read).transpose()
}

/// The accounts of those of `ids` who have one.
pub async fn get_many(
    tenant: &Tenant,
    db: &Db,
    ids: &[ParticipantId],
) -> Result<HashMap<ParticipantId, Account>, DbError> {
    let mut found = HashMap::with_capacity(ids.len());
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT {COLUMNS} FROM accounts WHERE tenant = $1 AND participant_id IN ({list})"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let account = read(&row)?;
            found.insert(account.participant_id, account);
        }
    }
    Ok(found)
}

/// How many accounts the tenant has.
pub async fn count<'e>(tenant: &Tenant, on: impl AnyExecutor<'e>) -> Result<i64, DbError> {
    let sql = "SELECT COUNT(*) FROM accounts WHERE tenant = $1";
    Ok(sqlx::query_scalar(sql)
        .bind(tenant.key())
        .fetch_one(on)
        .await?)
}

/// Makes an account. `false`: another account has the address.
pub async fn insert(
    tenant: &Tenant,
    tx: &mut Tx,
    account: &Account,
    now: i64,
) -> Result<bool, DbError> {
    let sql = "INSERT INTO accounts (tenant, participant_id, given_name, email, email_key, password_hash, \
               last_seen_at, created_at, given_avatar) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
               ON CONFLICT (tenant, email_key) DO NOTHING";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(account.participant_id.to_string())
        .bind(&account.given_name)
        .bind(&account.email)
        .bind(account.email.as_deref().map(email_key))
        .bind(&account.password_hash)
        .bind(account.last_seen_at)
        .bind(now)
        .bind(&account.given_avatar)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Replaces the address. `false`: another account has it.
pub async fn set_email(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    email: Option<&str>,
) -> Result<bool, DbError> {
    let key = email.map(email_key);
    let sql = "UPDATE accounts SET email = $3, email_key = $4 WHERE tenant = $1 AND participant_id = $2 \
               AND NOT EXISTS (SELECT 1 FROM accounts other WHERE other.tenant = $1 AND other.email_key = $4 \
               AND other.participant_id <> $2)";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(email)
        .bind(key)
        .execute(tx.conn())
        .await
        .map_err(DbError::from);
    match done {
        Ok(done) => Ok(done.rows_affected() == 1),
        // Somebody took the address between the look and the write.
        Err(DbError::Duplicate(_)) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Replaces the name to fall back to.
pub async fn set_given_name(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    name: &str,
) -> Result<(), DbError> {
    sqlx::query("UPDATE accounts SET given_name = $3 WHERE tenant = $1 AND participant_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(name)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Replaces the picture to fall back to.
pub async fn set_given_avatar(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    url: Option<&str>,
) -> Result<(), DbError> {
    sqlx::query("UPDATE accounts SET given_avatar = $3 WHERE tenant = $1 AND participant_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(url)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes whether name and picture are the person's own choice.
pub async fn set_own(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    (name, avatar): (bool, bool),
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE accounts SET own_name = $3, own_avatar = $4 WHERE tenant = $1 AND participant_id = $2",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(i64::from(name))
    .bind(i64::from(avatar))
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Replaces the password's hash.
pub async fn set_password(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    hash: &str,
) -> Result<(), DbError> {
    sqlx::query("UPDATE accounts SET password_hash = $3 WHERE tenant = $1 AND participant_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(hash)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Notes a sign-in at `now`, if the account still has the password that was checked.
pub async fn note_sign_in(
    tenant: &Tenant,
    tx: &mut Tx,
    account: &Account,
    now: i64,
) -> Result<bool, DbError> {
    let sql = "UPDATE accounts SET last_seen_at = $4 WHERE tenant = $1 AND participant_id = $2 AND password_hash = $3";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(account.participant_id.to_string())
        .bind(&account.password_hash)
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes other changes of the account wait until this transaction ends. `false`: there is no such account.
pub async fn lock(tenant: &Tenant, tx: &mut Tx, id: ParticipantId) -> Result<bool, DbError> {
    let sql =
        "UPDATE accounts SET given_name = given_name WHERE tenant = $1 AND participant_id = $2";
    let done = sqlx::query(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Notes that the person was seen at `now`.
pub async fn set_last_seen(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query("UPDATE accounts SET last_seen_at = $3 WHERE tenant = $1 AND participant_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}
