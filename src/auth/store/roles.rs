//! Rows of `participant_roles`.

use std::collections::HashMap;

use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use crate::auth::roles::{Role, Roles};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::tenants::Tenant;

fn read_role(slug: &str) -> Result<Role, DbError> {
    slug.parse()
        .map_err(|error| DbError::unreadable("participant_roles", "role", error))
}

/// The roles of one person.
pub async fn of<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: ParticipantId,
) -> Result<Roles, DbError> {
    let slugs: Vec<String> = sqlx::query_scalar(
        "SELECT role FROM participant_roles WHERE tenant = $1 AND participant_id = $2",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .fetch_all(on)
    .await?;
    slugs.iter().map(|slug| read_role(slug)).collect()
}

/// The roles of those of `ids` who have any.
pub async fn of_many(
    tenant: &Tenant,
    db: &Db,
    ids: &[ParticipantId],
) -> Result<HashMap<ParticipantId, Vec<Role>>, DbError> {
    let mut found: HashMap<ParticipantId, Vec<Role>> = HashMap::new();
    for run in rows::runs(ids) {
        let list = rows::list(2, run.len());
        let sql = format!(
            "SELECT participant_id, role FROM participant_roles WHERE tenant = $1 AND participant_id IN ({list})"
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
                .push(read_role(&row.try_get::<String, _>("role")?)?);
        }
    }
    Ok(found)
}

/// Gives a person exactly these roles.
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
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT participant_id FROM participant_roles WHERE tenant = $1 AND role = $2",
    )
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
