//! Rows of `participant_roles`, which admins give; who asks for a person's roles gets those of a provider too.

use std::collections::HashMap;

use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use crate::auth::roles::{Role, RoleSlug, Roles};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

fn read_slug(slug: &str) -> Result<RoleSlug, DbError> {
    slug.parse()
        .map_err(|error| DbError::unreadable("participant_roles", "role", error))
}

/// Where all roles stand, a row each.
const ALL: &str = "(SELECT tenant, participant_id, role FROM participant_roles \
                   UNION SELECT tenant, participant_id, role FROM mirrored_roles) r";

/// The roles of one person.
pub async fn of<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: ParticipantId,
) -> Result<Roles, DbError> {
    let sql = "SELECT role FROM participant_roles WHERE tenant = $1 AND participant_id = $2 \
               UNION SELECT role FROM mirrored_roles WHERE tenant = $1 AND participant_id = $2";
    let slugs: Vec<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_all(on)
        .await?;
    slugs.iter().map(|slug| read_slug(slug)).collect()
}

/// The roles of those of `ids` who have any.
pub async fn of_many(
    tenant: &Tenant,
    db: &Db,
    ids: &[ParticipantId],
) -> Result<HashMap<ParticipantId, Roles>, DbError> {
    let mut found: HashMap<ParticipantId, Vec<RoleSlug>> = HashMap::new();
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT participant_id, role FROM {ALL} WHERE tenant = $1 AND participant_id IN ({list})"
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(tenant.key());
        let query = run
            .iter()
            .fold(query, |query, id| query.bind(id.to_string()));
        for row in query.fetch_all(db.reader()).await? {
            let id = row.try_get::<String, _>("participant_id")?;
            let id = id.parse().map_err(|error| {
                DbError::unreadable("participant_roles", "participant_id", error)
            })?;
            found
                .entry(id)
                .or_default()
                .push(read_slug(&row.try_get::<String, _>("role")?)?);
        }
    }
    let found = found.into_iter();
    Ok(found
        .map(|(id, slugs)| (id, slugs.into_iter().collect()))
        .collect())
}

/// Lets an admin's roles of a person be exactly these, as far as this server knows them.
pub async fn replace(
    tenant: &Tenant,
    tx: &mut Tx,
    id: ParticipantId,
    roles: &Roles,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM participant_roles WHERE tenant = $1 AND participant_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .execute(tx.conn())
        .await?;
    for role in roles.iter() {
        sqlx::query(
            "INSERT INTO participant_roles (tenant, participant_id, role) VALUES ($1, $2, $3)",
        )
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(role.as_str())
        .execute(tx.conn())
        .await?;
    }
    Ok(())
}

/// Who has a role.
pub async fn holders(
    tenant: &Tenant,
    tx: &mut Tx,
    role: Role,
) -> Result<Vec<ParticipantId>, DbError> {
    let sql = format!("SELECT participant_id FROM {ALL} WHERE tenant = $1 AND role = $2");
    let ids: Vec<String> = sqlx::query_scalar(AssertSqlSafe(sql))
        .bind(tenant.key())
        .bind(role.as_str())
        .fetch_all(tx.conn())
        .await?;
    ids.iter()
        .map(|id| {
            id.parse()
                .map_err(|error| DbError::unreadable("participant_roles", "participant_id", error))
        })
        .collect()
}
