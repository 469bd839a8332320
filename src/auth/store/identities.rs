//! Rows of `identities` and `mirrored_roles`: whom an identity provider knows, and the roles that it gave.

use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use crate::auth::roles::RoleSlug;
use crate::db::{DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

/// A provider's name for somebody.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// Its name for the person.
    pub subject: &'a str,
}

/// Somebody whom a provider knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Who it is here.
    pub participant_id: ParticipantId,
    /// When the token was made whose claims were taken over last, Unix milliseconds.
    pub claims_at: i64,
    /// Whether tokens themselves name roles.
    pub roles_in_token: bool,
    /// Whether tokens themselves name groups.
    pub groups_in_token: bool,
}

/// Who has this name at the provider.
pub async fn get<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    name: Name<'_>,
) -> Result<Option<Identity>, DbError> {
    let sql = "SELECT participant_id, claims_at, roles_in_token, groups_in_token FROM identities \
               WHERE tenant = $1 AND issuer = $2 AND subject = $3";
    let row = sqlx::query(sql)
        .bind(tenant.key())
        .bind(name.issuer)
        .bind(name.subject)
        .fetch_optional(on)
        .await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let id: String = row.try_get("participant_id")?;
    Ok(Some(Identity {
        participant_id: id
            .parse()
            .map_err(|error| DbError::unreadable("identities", "participant_id", error))?,
        claims_at: row.try_get("claims_at")?,
        roles_in_token: row.try_get::<i64, _>("roles_in_token")? != 0,
        groups_in_token: row.try_get::<i64, _>("groups_in_token")? != 0,
    }))
}

/// Writes down who has a name, or what is known of their claims. Whose a name is never changes.
pub async fn put(
    tenant: &Tenant,
    tx: &mut Tx,
    name: Name<'_>,
    identity: &Identity,
    now: i64,
) -> Result<(), DbError> {
    let sql = "INSERT INTO identities (tenant, issuer, subject, participant_id, claims_at, roles_in_token, \
               groups_in_token, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
               ON CONFLICT (tenant, issuer, subject) DO UPDATE SET claims_at = excluded.claims_at, \
               roles_in_token = excluded.roles_in_token, groups_in_token = excluded.groups_in_token";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(name.issuer)
        .bind(name.subject)
        .bind(identity.participant_id.to_string())
        .bind(identity.claims_at)
        .bind(i64::from(identity.roles_in_token))
        .bind(i64::from(identity.groups_in_token))
        .bind(now)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Gives a person exactly these roles of the provider, its own or those of its groups, whatever an admin gave beside them.
pub async fn replace_roles(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    from_groups: bool,
    roles: &[RoleSlug],
) -> Result<(), DbError> {
    let sql =
        "DELETE FROM mirrored_roles WHERE tenant = $1 AND participant_id = $2 AND from_groups = $3";
    sqlx::query(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(i64::from(from_groups))
        .execute(tx.conn())
        .await?;
    for run in rows::runs(roles) {
        let sql = format!(
            "INSERT INTO mirrored_roles (tenant, participant_id, role, from_groups) VALUES {}",
            rows::values(tx.backend(), run.len(), 4)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for slug in run {
            query = query
                .bind(tenant.key())
                .bind(id.to_string())
                .bind(slug.as_str())
                .bind(i64::from(from_groups));
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}
