//! Rows of `user_groups` and `user_group_members`.

use std::collections::BTreeSet;

use sqlx::any::AnyRow;
use sqlx::{AnyExecutor, AssertSqlSafe, Row};

use super::model::{AdminGroup, Group, GroupId, GroupView};
use crate::db::{Db, DbError, Tx, rows};
use crate::events::core::ids::ParticipantId;
use crate::participants::profile::contains_pattern;
use crate::tenants::Tenant;

/// A page of the groups whose name contains `q`, in any case, by name, and how many there are in all.
pub async fn list(
    tenant: &Tenant,
    db: &Db,
    q: Option<&str>,
    limit: i64,
    offset: i64,
) -> Result<(Vec<GroupView>, i64), DbError> {
    const MATCHING: &str =
        "FROM user_groups g WHERE g.tenant = $1 AND g.name_key LIKE $2 ESCAPE '\\'";
    let pattern = contains_pattern(q.unwrap_or_default());
    let page = format!(
        "SELECT g.id, g.name, g.role_slugs, (SELECT COUNT(*) FROM user_group_members m WHERE m.tenant = g.tenant \
         AND m.group_id = g.id) AS members {MATCHING} ORDER BY g.name_key, g.id LIMIT $3 OFFSET $4"
    );
    let page = sqlx::query(AssertSqlSafe(page))
        .bind(tenant.key())
        .bind(&pattern)
        .bind(limit)
        .bind(offset)
        .fetch_all(db.reader())
        .await?;
    let total = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {MATCHING}")))
        .bind(tenant.key())
        .bind(&pattern)
        .fetch_one(db.reader())
        .await?;
    let page = page.iter().map(read).collect::<Result<_, _>>()?;
    Ok((page, total))
}

fn read(row: &AnyRow) -> Result<GroupView, DbError> {
    let slugs: String = row.try_get("role_slugs")?;
    Ok(GroupView {
        id: read_id(&row.try_get::<String, _>("id")?)?,
        name: row.try_get("name")?,
        role_slugs: serde_json::from_str(&slugs)
            .map_err(|error| DbError::unreadable("user_groups", "role_slugs", error))?,
        member_count: row.try_get("members")?,
    })
}

fn read_id(text: &str) -> Result<GroupId, DbError> {
    text.parse()
        .map_err(|error| DbError::unreadable("user_groups", "id", error))
}

/// Whether there is such a group.
pub async fn exists(tenant: &Tenant, db: &Db, id: GroupId) -> Result<bool, DbError> {
    let found: Option<i64> =
        sqlx::query_scalar("SELECT 1 FROM user_groups WHERE tenant = $1 AND id = $2")
            .bind(tenant.key())
            .bind(id.to_string())
            .fetch_optional(db.reader())
            .await?;
    Ok(found.is_some())
}

/// A page of a group's members by the name that they show, and how many there are in all.
pub async fn members(
    tenant: &Tenant,
    db: &Db,
    id: GroupId,
    limit: i64,
    offset: i64,
) -> Result<(Vec<ParticipantId>, i64), DbError> {
    const MATCHING: &str = "FROM user_group_members m JOIN participants p ON p.tenant = m.tenant AND p.id = m.participant_id \
                            WHERE m.tenant = $1 AND m.group_id = $2";
    let page =
        format!("SELECT m.participant_id {MATCHING} ORDER BY p.name_key, p.id LIMIT $3 OFFSET $4");
    let page: Vec<String> = sqlx::query_scalar(AssertSqlSafe(page))
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(limit)
        .bind(offset)
        .fetch_all(db.reader())
        .await?;
    let total = sqlx::query_scalar(AssertSqlSafe(format!("SELECT COUNT(*) {MATCHING}")))
        .bind(tenant.key())
        .bind(id.to_string())
        .fetch_one(db.reader())
        .await?;
    let page = page.iter().map(|id| {
        id.parse()
            .map_err(|error| DbError::unreadable("user_group_members", "participant_id", error))
    });
    Ok((page.collect::<Result<_, _>>()?, total))
}

/// The groups of a person, by id.
pub async fn of<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    participant: ParticipantId,
) -> Result<Vec<GroupId>, DbError> {
    let sql = "SELECT group_id FROM user_group_members WHERE tenant = $1 AND participant_id = $2 ORDER BY group_id";
    let ids: Vec<String> = sqlx::query_scalar(sql)
        .bind(tenant.key())
        .bind(participant.to_string())
        .fetch_all(on)
        .await?;
    ids.iter().map(|id| read_id(id)).collect()
}

/// Lets a person be in exactly these groups of a provider, in the order of their ids. A group that nobody is in any more
/// goes: nothing is known of it. The tenant is locked, so that nobody joins one meanwhile.
pub async fn set_of(
    tenant: &Tenant,
    tx: &mut Tx,
    issuer: &str,
    participant: ParticipantId,
    groups: &[Group],
    now: i64,
) -> Result<(), DbError> {
    let left = "DELETE FROM user_group_members WHERE tenant = $1 AND participant_id = $2 AND group_id IN \
                (SELECT id FROM user_groups WHERE tenant = $1 AND issuer = $3)";
    sqlx::query(left)
        .bind(tenant.key())
        .bind(participant.to_string())
        .bind(issuer)
        .execute(tx.conn())
        .await?;
    for run in rows::runs(groups) {
        write_groups(tenant, tx, issuer, run, now).await?;
    }
    let memberships: Vec<_> = groups.iter().map(|group| (group.id, participant)).collect();
    add(tenant, tx, &memberships).await?;
    let empty = "DELETE FROM user_groups WHERE tenant = $1 AND issuer = $2 AND NOT EXISTS \
                 (SELECT 1 FROM user_group_members m WHERE m.tenant = user_groups.tenant AND m.group_id = user_groups.id)";
    sqlx::query(empty)
        .bind(tenant.key())
        .bind(issuer)
        .execute(tx.conn())
        .await?;
    Ok(())
}

async fn write_groups(
    tenant: &Tenant,
    tx: &mut Tx,
    issuer: &str,
    groups: &[Group],
    now: i64,
) -> Result<(), DbError> {
    let sql = format!(
        "INSERT INTO user_groups (tenant, id, issuer, name, name_key, role_slugs, updated_at) VALUES {} \
         ON CONFLICT (tenant, id) DO UPDATE SET name = excluded.name, name_key = excluded.name_key, \
         role_slugs = excluded.role_slugs, updated_at = excluded.updated_at \
         WHERE user_groups.name <> excluded.name OR user_groups.role_slugs <> excluded.role_slugs",
        rows::values(tx.backend(), groups.len(), 7)
    );
    let mut query = sqlx::query(AssertSqlSafe(sql));
    for group in groups {
        let slugs = serde_json::Value::from(group.role_slugs.clone()).to_string();
        query = query
            .bind(tenant.key())
            .bind(group.id.to_string())
            .bind(issuer)
            .bind(&group.name)
            .bind(group.name.to_lowercase())
            .bind(slugs)
            .bind(now);
    }
    query.execute(tx.conn()).await?;
    Ok(())
}

/// Stands in the place of the issuer where a group is no provider's.
const OWN: &str = "";

/// Whether a group was made here; `None`: there is no such group.
pub async fn is_own(tenant: &Tenant, tx: &mut Tx, id: GroupId) -> Result<Option<bool>, DbError> {
    let issuer: Option<String> =
        sqlx::query_scalar("SELECT issuer FROM user_groups WHERE tenant = $1 AND id = $2")
            .bind(tenant.key())
            .bind(id.to_string())
            .fetch_optional(tx.conn())
            .await?;
    Ok(issuer.map(|issuer| issuer == OWN))
}

/// Makes a group without anybody in it.
pub async fn make_own(
    tenant: &Tenant,
    tx: &mut Tx,
    id: GroupId,
    name: &str,
    now: i64,
) -> Result<(), DbError> {
    let group = Group {
        id,
        name: name.to_owned(),
        role_slugs: Vec::new(),
    };
    write_groups(tenant, tx, OWN, std::slice::from_ref(&group), now).await
}

/// Renames a group that was made here.
pub async fn rename_own(
    tenant: &Tenant,
    tx: &mut Tx,
    id: GroupId,
    name: &str,
    now: i64,
) -> Result<(), DbError> {
    sqlx::query(
        "UPDATE user_groups SET name = $4, name_key = $5, updated_at = $6 WHERE tenant = $1 AND id = $2 AND issuer = $3",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(OWN)
    .bind(name)
    .bind(name.to_lowercase())
    .bind(now)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Deletes a group that was made here, in which nobody is any more.
pub async fn delete_own(tenant: &Tenant, tx: &mut Tx, id: GroupId) -> Result<(), DbError> {
    sqlx::query("DELETE FROM user_groups WHERE tenant = $1 AND id = $2 AND issuer = $3")
        .bind(tenant.key())
        .bind(id.to_string())
        .bind(OWN)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Lets exactly these people be in a group.
pub async fn set_members(
    tenant: &Tenant,
    tx: &mut Tx,
    id: GroupId,
    members: &BTreeSet<ParticipantId>,
) -> Result<(), DbError> {
    sqlx::query("DELETE FROM user_group_members WHERE tenant = $1 AND group_id = $2")
        .bind(tenant.key())
        .bind(id.to_string())
        .execute(tx.conn())
        .await?;
    let memberships: Vec<_> = members.iter().map(|member| (id, *member)).collect();
    add(tenant, tx, &memberships).await
}

/// Lets people be in groups.
async fn add(
    tenant: &Tenant,
    tx: &mut Tx,
    memberships: &[(GroupId, ParticipantId)],
) -> Result<(), DbError> {
    for run in rows::runs(memberships) {
        let sql = format!(
            "INSERT INTO user_group_members (tenant, group_id, participant_id) VALUES {}",
            rows::values(tx.backend(), run.len(), 3)
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for (group, participant) in run {
            query = query
                .bind(tenant.key())
                .bind(group.to_string())
                .bind(participant.to_string());
        }
        query.execute(tx.conn()).await?;
    }
    Ok(())
}

/// A group with at most `limit` of its members.
pub async fn for_admins<'e>(
    tenant: &Tenant,
    on: impl AnyExecutor<'e>,
    id: GroupId,
    limit: usize,
) -> Result<Option<AdminGroup>, DbError> {
    let found = sqlx::query(
        "SELECT g.id, g.name, g.role_slugs, g.issuer, m.participant_id, (SELECT COUNT(*) FROM user_group_members c
             WHERE c.tenant = g.tenant AND c.group_id = g.id) AS members
         FROM user_groups g
         LEFT JOIN user_group_members m ON m.tenant = g.tenant AND m.group_id = g.id
         WHERE g.tenant = $1 AND g.id = $2 ORDER BY m.participant_id LIMIT $3",
    )
    .bind(tenant.key())
    .bind(id.to_string())
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(on)
    .await?;
    let Some(first) = found.first() else {
        return Ok(None);
    };
    let view = read(first)?;
    let mut member_ids = Vec::with_capacity(found.len());
    for row in &found {
        if let Some(text) = row.try_get::<Option<String>, _>("participant_id")? {
            member_ids.push(rows::id("user_group_members", "participant_id", &text)?);
        }
    }
    Ok(Some(AdminGroup {
        id: view.id,
        name: view.name,
        role_slugs: view.role_slugs,
        member_ids,
        member_count: view.member_count,
        read_only: first.try_get::<String, _>("issuer")? != OWN,
    }))
}
